from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fogbank.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "data")
    yield store
    await store.close()
