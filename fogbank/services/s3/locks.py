"""Object lock: retention and legal hold of versions, and what they forbid."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fogbank.api import AwsError, Context
from fogbank.services.s3 import s3, versions
from fogbank.services.s3.access import on_object, require_bucket
from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error
from fogbank.services.s3.records import Bucket, Stored
from fogbank.services.s3.rules.configurations import one_of
from fogbank.services.s3.rules.names import object_arn

_PROTECTED = "Access Denied because object protected by object lock."


def check_removal(ctx: Context, bucket: Bucket, found: Stored, bypass: bool) -> None:
    """Raises AccessDenied where a lock keeps the version from being removed."""
    if found.legal_hold == "ON":
        raise s3_error("AccessDenied", _PROTECTED)
    if found.lock_until > ctx.now and not _may_bypass(ctx, bucket, found, bypass):
        raise s3_error("AccessDenied", _PROTECTED)


def _may_bypass(ctx: Context, bucket: Bucket, found: Stored, asked: bool) -> bool:
    if found.lock_mode == "COMPLIANCE" or not asked:
        return False
    try:
        ctx.authorise("s3:BypassGovernanceRetention", object_arn(bucket.name, found.key))
    except AwsError:
        return False
    return True


def _locked_bucket(ctx: Context, req: dict[str, Any]) -> Bucket:
    bucket = require_bucket(ctx, req)
    if bucket.object_lock is None:
        raise invalid_request("Bucket is missing Object Lock Configuration")
    return bucket


@s3.operation(access=on_object("PutObjectRetention"), anonymous=True)
def put_object_retention(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _locked_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "PUT")
    retention = req.get("Retention") or {}
    mode, until = retention.get("Mode"), retention.get("RetainUntilDate")
    if (mode is None) != (until is None):
        raise s3_error("MalformedXML")
    if mode is not None:
        one_of(mode, ("GOVERNANCE", "COMPLIANCE"))
    if until is not None and until <= ctx.now:
        raise invalid_argument(
            "The retain until date must be in the future!", "RetainUntilDate", _pacific(until)
        )
    weaker = (until or 0.0) < found.lock_until or (found.lock_mode == "COMPLIANCE" and mode != "COMPLIANCE")
    if weaker and found.lock_until > ctx.now:
        bypass = bool(req.get("BypassGovernanceRetention"))
        if not _may_bypass(ctx, bucket, found, bypass):
            raise s3_error("AccessDenied", _PROTECTED)
    found.lock_mode, found.lock_until = mode or "", float(until or 0.0)
    versions.save(ctx, found)
    return {}


def _pacific(moment: float) -> str:
    """AWS shows this date by its home's clock."""
    return datetime.fromtimestamp(moment, ZoneInfo("America/Los_Angeles")).strftime("%a %b %d %H:%M:%S %Z %Y")


@s3.operation(access=on_object("GetObjectRetention"), anonymous=True)
def get_object_retention(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _locked_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "GET")
    if not found.lock_mode:
        raise s3_error("NoSuchObjectLockConfiguration")
    return {"Retention": {"Mode": found.lock_mode, "RetainUntilDate": found.lock_until}}


@s3.operation(access=on_object("PutObjectLegalHold"), anonymous=True)
def put_object_legal_hold(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _locked_bucket(ctx, req)
    status = (req.get("LegalHold") or {}).get("Status")
    one_of(status, ("ON", "OFF"))
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "PUT")
    found.legal_hold = str(status)
    versions.save(ctx, found)
    return {}


@s3.operation(access=on_object("GetObjectLegalHold"), anonymous=True)
def get_object_legal_hold(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = _locked_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "GET")
    if not found.legal_hold:
        raise s3_error("NoSuchObjectLockConfiguration")
    return {"LegalHold": {"Status": found.legal_hold}}
