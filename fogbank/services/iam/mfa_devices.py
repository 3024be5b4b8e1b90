"""Virtual MFA devices: made, enabled with two consecutive codes (RFC 6238), listed, removed."""

from __future__ import annotations

import base64
import hmac
import struct
from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import PARTITION, MfaDevice, User
from fogbank.kit.errors import AwsError
from fogbank.services.iam import iam, lookup, tagging, views
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import already_exists, delete_conflict, no_such_entity
from fogbank.services.iam.paging import page, page_of

_STEP = 30
_WINDOW = 10
"""Steps of 30 seconds by which a device's clock may be off."""


@iam.operation(resource="arn:{partition}:iam::{account}:mfa/{VirtualMFADeviceName}")
def create_virtual_MFADevice(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    name = req["VirtualMFADeviceName"]
    serial = f"arn:{PARTITION}:iam::{ctx.account}:mfa{req.get('Path') or '/'}{name}"
    if ctx.tx.get(MfaDevice, ctx.account, serial):
        raise already_exists("MFADevice entity at the same path and name already exists.")
    seed = base64.b32encode(ctx.random.randbytes(40)).decode()
    device = MfaDevice(
        account=ctx.account, serial=serial, seed=seed, created=ctx.now, tags=tagging.from_request(req.get("Tags"))
    )
    ctx.tx.insert(device)
    return {
        "VirtualMFADevice": {
            "SerialNumber": serial, "Base32StringSeed": seed.encode(), "Tags": views.tag_list(device.tags) or None,
        }
    }


@on(User, "UserName")
def enable_MFADevice(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    user, device = lookup.user(ctx, req["UserName"]), _require(ctx, req["SerialNumber"])
    if device.user_id:
        raise already_exists("MFA device is already in use.")
    if not _codes_match(device.seed, req["AuthenticationCode1"], req["AuthenticationCode2"], ctx.now):
        raise AwsError("InvalidAuthenticationCode", "Authentication code for device is not valid.")
    device.user_id, device.enabled = user.id, ctx.now
    ctx.tx.put(device)


@on(User, "UserName")
def deactivate_MFADevice(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    device = _require(ctx, req["SerialNumber"])
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    if device.user_id != user.id:
        raise no_such_entity(f"MFA Device invalid for user {user.name}.")
    device.user_id, device.enabled = "", 0.0
    ctx.tx.put(device)


@iam.operation(resource="{SerialNumber}")
def delete_virtual_MFADevice(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    device = _require(ctx, req["SerialNumber"])
    if device.user_id:
        raise delete_conflict("Cannot delete entity, must deactivate MFA device first.")
    ctx.tx.delete(MfaDevice, ctx.account, device.serial)


@on(User, "UserName")
def list_MFADevices(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    if not req.get("UserName") and ctx.principal.kind == "root":
        return {"MFADevices": [], "IsTruncated": False}
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    devices, more = page_of(req, ctx.tx.find(MfaDevice, "user", user.id), lambda device: device.serial)
    shown = [
        {"UserName": user.name, "SerialNumber": device.serial, "EnableDate": device.enabled} for device in devices
    ]
    return {"MFADevices": shown, **more}


@iam.operation
def list_virtual_MFADevices(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    assigned = {"Assigned": True, "Unassigned": False}.get(req.get("AssignmentStatus") or "Any")
    devices, more = page(
        req,
        lambda after: (
            device for device in ctx.tx.scan(MfaDevice, ctx.account, after=after)
            if assigned is None or bool(device.user_id) == assigned
        ),
        lambda device: device.serial,
    )
    return {"VirtualMFADevices": [_view(ctx, device) for device in devices], **more}


def _view(ctx: Context, device: MfaDevice) -> dict[str, Any]:
    user = records.user_by_id(ctx.tx, device.user_id) if device.user_id else None
    return {
        "SerialNumber": device.serial,
        "User": views.user(user) if user else None,
        "EnableDate": device.enabled or None,
    }


def _require(ctx: Context, serial: str) -> MfaDevice:
    device = ctx.tx.get(MfaDevice, ctx.account, serial)
    if device is None:
        raise no_such_entity(f"VirtualMFADevice with serial number {serial} doesn't exist.")
    return device


def _codes_match(seed: str, first: str, second: str, now: float) -> bool:
    key, step = base64.b32decode(seed), int(now) // _STEP
    return any(
        hmac.compare_digest(_code(key, at), first) and hmac.compare_digest(_code(key, at + 1), second)
        for at in range(step - _WINDOW, step + _WINDOW)
    )


def _code(key: bytes, step: int) -> str:
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 0xF
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
