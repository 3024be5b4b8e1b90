"""Listings: prefixes, delimiters, pages, encodings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.services.s3.errors import refused

KEYS = ["a", "b/1", "b/2", "b/c/3", "b/c/4", "b0", "c/", "c/x", "d e/ü", "z"]


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


def keys_of(page: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in page.get("Contents", [])]


def prefixes_of(page: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


def test_everything(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled)
    assert keys_of(page) == KEYS
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"], page["Prefix"]) == (10, 1000, False, "")
    first = page["Contents"][0]
    assert (first["Size"], first["StorageClass"], first["ChecksumAlgorithm"]) == (1, "STANDARD", ["CRC32"])
    assert "Owner" not in first
    assert "Owner" in s3.list_objects_v2(Bucket=filled, FetchOwner=True)["Contents"][0]
    old = s3.list_objects(Bucket=filled)
    assert (keys_of(old), old["Marker"]) == (KEYS, "")
    assert "Owner" in old["Contents"][0]


@pytest.mark.parametrize(
    ("prefix", "delimiter", "keys", "prefixes"),
    [
        ("", "/", ["a", "b0", "z"], ["b/", "c/", "d e/"]),
        ("b/", "/", ["b/1", "b/2"], ["b/c/"]),
        ("b", "", ["b/1", "b/2", "b/c/3", "b/c/4", "b0"], []),
        ("c/", "/", ["c/", "c/x"], []),
        ("d", "ü", [], ["d e/ü"]),
        ("none", "/", [], []),
        ("b/c/", "/", ["b/c/3", "b/c/4"], []),
        ("", "c/", ["a", "b/1", "b/2", "b0", "d e/ü", "z"], ["b/c/", "c/"]),
    ],
)
def test_prefix_and_delimiter(
    s3: Any, filled: str, prefix: str, delimiter: str, keys: list[str], prefixes: list[str]
) -> None:
    for call in (s3.list_objects_v2, s3.list_objects):
        whole = call(Bucket=filled, Prefix=prefix, Delimiter=delimiter)
        assert (keys_of(whole), prefixes_of(whole)) == (keys, prefixes)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_join_up(s3: Any, filled: str, operation: str, size: int, delimiter: str) -> None:
    pages = s3.get_paginator(operation).paginate(
        Bucket=filled, Delimiter=delimiter, PaginationConfig={"PageSize": size}
    )
    found: list[str] = []
    for page in pages:
        entries = page.get("Contents", []) + page.get("Versions", [])
        names = [e["Key"] for e in entries] + prefixes_of(page)
        assert len(names) <= size
        found += names
    assert sorted(found) == (sorted(["a", "b0", "z", "b/", "c/", "d e/"]) if delimiter else KEYS)


def test_markers(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled, StartAfter="b/c/3")
    assert keys_of(page) == KEYS[4:]
    assert page["StartAfter"] == "b/c/3"
    page = s3.list_objects(Bucket=filled, Marker="b", MaxKeys=1)
    assert (keys_of(page), page["IsTruncated"]) == (["b/1"], True)
    assert "NextMarker" not in page
    page = s3.list_objects(Bucket=filled, Delimiter="/", MaxKeys=2)
    assert (keys_of(page), prefixes_of(page), page["NextMarker"]) == (["a"], ["b/"], "b/")
    assert keys_of(s3.list_objects_v2(Bucket=filled, MaxKeys=0)) == []
    error = refused(s3.list_objects_v2, Bucket=filled, ContinuationToken="wrong!")
    assert (error["Code"], error["ArgumentName"]) == ("InvalidArgument", "continuation-token")
    assert error["Message"] == "The continuation token provided is incorrect"


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
def test_encoding_types(s3: Any, filled: str, operation: str) -> None:
    error = refused(getattr(s3, operation), Bucket=filled, EncodingType="value")
    assert (error["ArgumentName"], error["ArgumentValue"]) == ("encoding-type", "value")
    assert error["Message"] == "Invalid Encoding Method specified in Request"
    page = getattr(s3, operation)(Bucket=filled, EncodingType="url", Prefix="d")
    assert (page.get("Contents") or page.get("Versions"))[0]["Key"] == "d%20e/%C3%BC"


def test_versions_by_markers(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    made = [s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"] for key in "aabb" for _ in range(2)]
    expected = [("a", v) for v in reversed(made[:4])] + [("b", v) for v in reversed(made[4:])]
    found: list[tuple[str, str]] = []
    markers: dict[str, str] = {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=3, **markers)
        found += [(v["Key"], v["VersionId"]) for v in page["Versions"]]
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert found == expected
    error = refused(s3.list_object_versions, Bucket=bucket, VersionIdMarker=made[0])
    assert error["Message"] == "A version-id marker cannot be specified without a key marker."
    after = s3.list_object_versions(Bucket=bucket, KeyMarker="a")
    assert {v["Key"] for v in after["Versions"]} == {"b"}
