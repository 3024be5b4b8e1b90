"""Names: of buckets, keys, versions, uploads and owners."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from random import Random

from fogbank.services.s3.errors import invalid_argument, s3_error

MAX_KEY_BYTES = 1024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_VERSION_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz."


def valid_bucket_name(name: str) -> bool:
    """By the rules for general purpose buckets.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    return (
        _BUCKET.fullmatch(name) is not None
        and ".." not in name
        and _IP.fullmatch(name) is None
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )


def check_key(key: str) -> None:
    """Raises KeyTooLongError past 1,024 bytes of UTF-8, InvalidURI for what is not UTF-8. Nothing else is refused."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise s3_error("InvalidURI", URI=key.encode(errors="replace").decode()) from error
    if size > MAX_KEY_BYTES:
        raise s3_error("KeyTooLongError", Size=str(size), MaxSizeAllowed=str(MAX_KEY_BYTES))


def after_prefix(prefix: str) -> str | None:
    """The least string above every string that begins with `prefix` in UTF-8 order; None where there is none."""
    for end in range(len(prefix) - 1, -1, -1):
        point = ord(prefix[end])
        if point < 0x10FFFF:
            following = 0xE000 if point == 0xD7FF else point + 1
            return prefix[:end] + chr(following)
    return None


def new_version_id(random: Random) -> str:
    """32 letters whose last two check the others, so that a made-up id is told from one that is gone."""
    body = "".join(random.choices(_VERSION_LETTERS, k=30))
    return body + _check_letters(body)


def check_version_id(version_id: str) -> None:
    """Raises InvalidArgument for what was never a version id. `null` is one."""
    if version_id != "null" and (len(version_id) != 32 or _check_letters(version_id[:30]) != version_id[30:]):
        raise invalid_argument("Invalid version id specified", "versionId", version_id)


def _check_letters(body: str) -> str:
    crc = zlib.crc32(body.encode(errors="replace"))
    return _VERSION_LETTERS[crc & 63] + _VERSION_LETTERS[crc >> 6 & 63]


def new_upload_id(random: Random) -> str:
    return base64.b64encode(random.randbytes(96), altchars=b"._").decode()


def canonical_id(account: str) -> str:
    """The account's canonical user id, 64 letters; holds the account so that `account_of` can read it back."""
    digest = hashlib.sha256(f"canonical user {account}".encode()).hexdigest()
    return digest[:26] + account + digest[26:52]


def account_of(canonical: str) -> str | None:
    """The account whose canonical user id this is, None where it is nobody's."""
    account = canonical[26:38]
    return account if len(canonical) == 64 and canonical == canonical_id(account) else None


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def split_arn(arn: str) -> tuple[str, str]:
    """Bucket and key (empty for a bucket) of an S3 ARN."""
    bucket, _, key = arn.split(":", 5)[-1].partition("/")
    return bucket, key
