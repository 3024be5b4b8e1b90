"""What every answer about an object tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.s3.records import Bucket, Setting, Stored
from fogbank.services.s3.rules import checksums, lifecycle


def etag_of(ctx: Context, md5_hex: str, encryption: Mapping[str, Any]) -> str:
    """The MD5, but where KMS or a customer's key encrypts: then the ETag says nothing about the content."""
    return md5_hex if encryption.get("ServerSideEncryption") == "AES256" else ids.hex_id(ctx.random, 32)


def checksum(stored: Stored) -> dict[str, Any]:
    if not stored.checksum:
        return {}
    return {checksums.member(stored.checksum_algorithm): stored.checksum, "ChecksumType": stored.checksum_type}


def encryption(stored: Stored) -> dict[str, Any]:
    return stored.encryption


def version_id(bucket: Bucket, stored: Stored) -> str | None:
    """The version id, in buckets that have or had versioning."""
    return stored.version_id if bucket.versioning else None


def expiration(ctx: Context, bucket: Bucket, stored: Stored) -> str | None:
    if "lifecycle" not in bucket.settings:
        return None
    setting = ctx.tx.get(Setting, bucket.name, "lifecycle", "")
    rules = setting.value["Rules"] if setting else []
    found = lifecycle.expiry(rules, stored.key, stored.size, stored.tags, stored.modified)
    return found.header if found else None


def location(ctx: Context, bucket: str, key: str) -> str:
    """The address of an object, as CompleteMultipartUpload and POST answer it."""
    return f"{ctx.cloud.endpoint}/{bucket}/{quote(key, safe='')}"
