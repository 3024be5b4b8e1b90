"""An object's attributes as a request states them, checked against its bucket: shared by every way to write one."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from fogbank.api import Context
from fogbank.services.s3.errors import invalid_argument, s3_error
from fogbank.services.s3.records import Bucket
from fogbank.services.s3.rules import acl, configurations, names, tags

HEADERS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
    "WebsiteRedirectLocation",
)  # fmt: skip
MAX_METADATA = 2048
DEFAULT_TYPE = "binary/octet-stream"
_SSE_C = "x-amz-server-side-encryption"
_MUST_BOTH = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"


def draft(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> dict[str, Any]:
    """Fields of the `Object` to be. Raises what S3 raises for each bad attribute."""
    fields: dict[str, Any] = {
        "owner": owner(ctx, bucket),
        "storage_class": configurations.storage_class(req.get("StorageClass")),
        "headers": headers(req),
        "metadata": metadata(req.get("Metadata")),
        "encryption": encryption(ctx, bucket, req),
    }
    if req.get("Tagging"):
        fields["tags"] = tags.from_header(req["Tagging"])
    grants = object_grants(bucket, req, fields["owner"])
    if grants is not None:
        fields["grants"] = grants
    fields.update(lock(ctx, bucket, req))
    return fields


def owner(ctx: Context, bucket: Bucket) -> str:
    """The account that will own the object: the bucket's, but where ownership is with the writer."""
    if bucket.ownership in (None, "ObjectWriter") and ctx.principal.account:
        return ctx.principal.account
    return bucket.account


def headers(req: dict[str, Any]) -> dict[str, Any]:
    found = {name: req[name] for name in HEADERS if req.get(name) is not None}
    encoding = found.get("ContentEncoding")
    if encoding is not None:
        # aws-chunked says how the request was sent; it is no part of the object.
        kept = ",".join(item.strip() for item in encoding.split(",") if item.strip() != "aws-chunked")
        if kept:
            found["ContentEncoding"] = kept
        else:
            del found["ContentEncoding"]
    redirect = found.get("WebsiteRedirectLocation")
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        raise s3_error(
            "InvalidRequest",
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        )
    found.setdefault("ContentType", DEFAULT_TYPE)
    return found


def metadata(given: dict[str, str] | None) -> dict[str, str]:
    """User metadata, names in lower case as S3 keeps them. Raises MetadataTooLarge."""
    found = {name.lower(): value for name, value in (given or {}).items()}
    size = sum(len(name.encode()) + len(value.encode(errors="replace")) for name, value in found.items())
    if size > MAX_METADATA:
        raise s3_error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(MAX_METADATA))
    return found


def object_grants(bucket: Bucket, req: dict[str, Any], owner: str) -> list[acl.Grant] | None:
    """The access list that the request asks for. Raises AccessControlListNotSupported, AccessDenied."""
    grants = acl.requested(
        req, names.canonical_id(owner), names.canonical_id(bucket.account), of_bucket=False
    )
    if grants is None:
        return None
    if bucket.ownership == "BucketOwnerEnforced":
        if req.get("ACL") in ("private", "bucket-owner-full-control") and acl.canned("private", "o", "o") == [
            {**grant, "Grantee": acl.user("o")} for grant in grants[:1]
        ]:
            return None
        raise s3_error("AccessControlListNotSupported")
    refuse_public(bucket, grants)
    return grants


def refuse_public(bucket: Bucket, grants: list[acl.Grant]) -> None:
    if (bucket.public_access_block or {}).get("BlockPublicAcls") and acl.is_public(grants):
        raise s3_error("AccessDenied")


def encryption(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> dict[str, Any]:
    """How the object counts as encrypted, by member name. What is kept on this machine's disk is not encrypted."""
    customer = customer_key(req)
    algorithm = req.get("ServerSideEncryption")
    if customer is not None:
        if algorithm is not None:
            raise invalid_argument(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                "specified", _SSE_C, algorithm,
            )  # fmt: skip
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": customer}
    if algorithm is None:
        rule = (bucket.encryption.get("Rules") or [{}])[0]
        default = rule.get("ApplyServerSideEncryptionByDefault") or {}
        algorithm = default.get("SSEAlgorithm", "AES256")
        key_id, bucket_key = default.get("KMSMasterKeyID"), rule.get("BucketKeyEnabled")
    else:
        key_id, bucket_key = req.get("SSEKMSKeyId"), req.get("BucketKeyEnabled")
    if algorithm not in ("AES256", "aws:kms", "aws:kms:dsse"):
        raise invalid_argument("The encryption method specified is not supported", _SSE_C, algorithm)
    if algorithm == "AES256":
        if req.get("SSEKMSKeyId"):
            raise invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms", _SSE_C,
            )  # fmt: skip
        return {"ServerSideEncryption": "AES256"}
    found = {"ServerSideEncryption": algorithm, "SSEKMSKeyId": _key_arn(bucket, key_id)}
    if req.get("BucketKeyEnabled") is not None:
        bucket_key = req["BucketKeyEnabled"]
    if bucket_key:
        found["BucketKeyEnabled"] = True
    return found


def _key_arn(bucket: Bucket, key_id: str | None) -> str:
    """The ARN of a KMS key; the account's `aws/s3` key where none is named."""
    if key_id is None:
        digest = hashlib.sha256(f"aws/s3 {bucket.account} {bucket.region}".encode()).hexdigest()
        key_id = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    if key_id.startswith("arn:"):
        return key_id
    kind = "" if key_id.startswith("alias/") else "key/"
    return f"arn:aws:kms:{bucket.region}:{bucket.account}:{kind}{key_id}"


def customer_key(req: dict[str, Any], prefix: str = "") -> str | None:
    """The MD5 of the SSE-C key that a request gives, None where it gives none. Raises InvalidArgument for a bad one."""
    algorithm = req.get(f"{prefix}SSECustomerAlgorithm")
    key, md5 = req.get(f"{prefix}SSECustomerKey"), req.get(f"{prefix}SSECustomerKeyMD5")
    if algorithm is None and key is None and md5 is None:
        return None
    if algorithm is None:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption "
            "algorithm.", _SSE_C,
        )  # fmt: skip
    if algorithm != "AES256":
        raise s3_error("InvalidEncryptionAlgorithmError", ArgumentName=_SSE_C, ArgumentValue=algorithm)
    if key is None:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate "
            "secret key.", _SSE_C,
        )  # fmt: skip
    try:
        secret = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if md5 is None or len(secret) != 32:
        raise invalid_argument("The secret key was invalid for the specified algorithm.", _SSE_C)
    calculated = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if calculated != md5:
        raise invalid_argument("The calculated MD5 hash of the key did not match the hash that was provided.", _SSE_C)
    return calculated


def lock(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> dict[str, Any]:
    """The object lock that the request or the bucket's default gives. Raises InvalidArgument, InvalidRequest."""
    mode, until, hold = (
        req.get("ObjectLockMode"), req.get("ObjectLockRetainUntilDate"), req.get("ObjectLockLegalHoldStatus")
    )
    if mode is not None and mode not in ("GOVERNANCE", "COMPLIANCE"):
        raise invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
    if hold is not None and hold not in ("ON", "OFF"):
        raise invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", hold)
    if (mode is None) != (until is None):
        missing = "x-amz-object-lock-mode" if mode is None else "x-amz-object-lock-retain-until-date"
        raise invalid_argument(_MUST_BOTH, missing)
    if bucket.object_lock is None:
        if mode is not None or hold is not None:
            raise s3_error("InvalidRequest", "Bucket is missing Object Lock Configuration")
        return {}
    if until is not None and until <= ctx.now:
        raise invalid_argument("The retain until date must be in the future!", "x-amz-object-lock-retain-until-date")
    fields: dict[str, Any] = {}
    default = (bucket.object_lock.get("Rule") or {}).get("DefaultRetention")
    if mode is not None:
        fields = {"lock_mode": mode, "lock_until": float(until or 0.0)}
    elif default:
        days = default.get("Days") or default.get("Years", 0) * 365
        fields = {"lock_mode": default["Mode"], "lock_until": ctx.now + days * 86400}
    if hold is not None:
        fields["legal_hold"] = hold
    return fields
