"""What the S3 tests share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.cloud import CloudUnderTest

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def s3(cloud: CloudUnderTest) -> Any:
    return cloud.client("s3")


@pytest.fixture
def new_bucket(s3: Any) -> Callable[..., str]:
    """Makes buckets of names that no other test has; `versioned` and `open_` (no public access block, ACLs) ones too."""

    def make(*, versioned: bool = False, open_: bool = False, **params: Any) -> str:
        name = f"bucket-{next(_NUMBERS)}"
        s3.create_bucket(Bucket=name, **params)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if open_:
            s3.delete_public_access_block(Bucket=name)
            s3.put_bucket_ownership_controls(
                Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
            )
        return name

    return make


@pytest.fixture
def bucket(new_bucket: Callable[..., str]) -> str:
    return new_bucket()
