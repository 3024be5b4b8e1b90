"""Fixtures shared by every test: a real cloud, reached over its real endpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import CloudUnderTest

# What `make tools` got from the registries serves every cloud and engine of the tests.
os.environ.setdefault("FOGBANK_RUNTIMES", str(Path(__file__).parent.parent / ".tools" / "runtimes"))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudUnderTest]:
    """One cloud for a test module. Tests that end or restart it leave it running for the next."""
    under_test = CloudUnderTest(tmp_path_factory.mktemp("cloud") / "data").start()
    try:
        yield under_test
    finally:
        under_test.stop()


@pytest.fixture
def fresh_cloud(tmp_path: Path) -> Iterator[CloudUnderTest]:
    """A cloud of the test's own."""
    under_test = CloudUnderTest(tmp_path / "data").start()
    try:
        yield under_test
    finally:
        under_test.stop()
