"""PutParameter, DeleteParameter(s)."""

from __future__ import annotations

import base64
import calendar
import json
import re
import time
from typing import Any

import regex

from fogbank.api import AwsError, Context
from fogbank.services.ssm import errors, ssm
from fogbank.services.ssm.names import access, check_new
from fogbank.services.ssm.records import OlderVersion, Parameter, Version

# https://docs.aws.amazon.com/general/latest/gr/ssm.html
STANDARD_SIZE, ADVANCED_SIZE = 4096, 8192
MOST_VERSIONS = 100
PATTERN_SECONDS = 0.05
DATA_TYPES = ("text", "aws:ec2:image", "aws:ssm:integration")


@ssm.operation(access=access("PutParameter"))
def put_parameter(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Name"]
    check_new(name)
    old = ctx.tx.get(Parameter, ctx.account, ctx.region, name)
    if old and not req.get("Overwrite"):
        raise AwsError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    if req.get("Tags") and req.get("Overwrite"):
        raise errors.invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove "
            "overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    version = _version(ctx, req, old.latest if old else None)
    expired = bool(old and old.latest.policies)
    if old:
        _keep_older(ctx, old)
        old.latest = version
    ctx.tx.put(old or Parameter(
        account=ctx.account, region=ctx.region, name=name, latest=version,
        tags={tag["Key"]: tag["Value"] for tag in req.get("Tags") or []},
    ))
    if expired or version.policies:
        _expire_in_time(ctx, name, version)
    return {"Version": version.number, "Tier": version.tier}


def _version(ctx: Context, req: dict[str, Any], old: Version | None) -> Version:
    """The version that the request makes. Raises AWS's errors for a value that its rules refuse."""
    kind, value = req.get("Type") or (old.type if old else ""), req["Value"]
    if not kind:
        raise errors.invalid("A parameter type is required when you create a parameter.")
    if not value:
        raise errors.invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    if req.get("KeyId") and kind != "SecureString":
        raise errors.invalid("KeyId is required for SecureString type parameter only.")
    if "\0" in value:
        raise errors.invalid("Parameter value can't contain the null character.")
    tier = _tier(req, old)
    check_pattern(req.get("AllowedPattern") or "", value, kind)
    data_type = req.get("DataType") or "text"
    if data_type not in DATA_TYPES:
        raise errors.invalid(f"The following data type is not supported: {data_type} (Data type names are all lowercase.)")
    if data_type == "aws:ec2:image" and not re.fullmatch(r"ami-([0-9a-f]{8}|[0-9a-f]{17})", value):
        raise errors.invalid("The parameter value isn't a valid AMI ID.")
    secret = kind == "SecureString"
    return Version(
        number=old.number + 1 if old else 1,
        type=kind,
        value=value,
        modified=ctx.now,
        modified_by=ctx.principal.arn,
        tier=tier,
        data_type=data_type,
        description=req.get("Description") or None,
        key_id=(req.get("KeyId") or "alias/aws/ssm") if secret else None,
        pattern=req.get("AllowedPattern") or None,
        policies=_policies(req, tier),
        sealed=_sealed(ctx, value) if secret else "",
    )


def _tier(req: dict[str, Any], old: Version | None) -> str:
    asked, size = req.get("Tier"), len(req["Value"].encode("utf-8", "replace"))
    if asked == "Standard" and old and old.tier == "Advanced":
        raise errors.invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter."
        )
    wants_more = size > STANDARD_SIZE or bool(req.get("Policies"))
    kept = old is not None and old.tier == "Advanced"
    advanced = asked == "Advanced" or kept or (asked == "Intelligent-Tiering" and wants_more)
    more = "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
    if advanced and size > ADVANCED_SIZE:
        raise errors.invalid(
            f"Advanced tier parameters support a maximum parameter value of {ADVANCED_SIZE} characters."
        )
    if not advanced and size > STANDARD_SIZE:
        raise errors.invalid(
            f"Standard tier parameters support a maximum parameter value of {STANDARD_SIZE} characters. To create a "
            f"larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, "
            f"see {more}"
        )
    return "Advanced" if advanced else "Standard"


def check_pattern(pattern: str, value: str, kind: str) -> None:
    """AllowedPattern; of a StringList, for each of its values. A pattern that takes too long is refused."""
    if not pattern:
        return
    parts = value.split(",") if kind == "StringList" else [value]
    seconds = max(0.002, PATTERN_SECONDS / len(parts))
    try:
        fits = all(regex.search(pattern, part, timeout=seconds) for part in parts)
    except (regex.error, TimeoutError, RecursionError, OverflowError, MemoryError) as error:
        raise AwsError(
            "InvalidAllowedPatternException", f"The allowedPattern {pattern} is not a valid regular expression: {error}"
        ) from error
    if not fits:
        raise AwsError(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {pattern}",
        )


def _policies(req: dict[str, Any], tier: str) -> str | None:
    text = req.get("Policies")
    if not text:
        return None
    try:
        policies = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.invalid("Policies must be valid JSON.") from error
    if not isinstance(policies, list) or not all(isinstance(p, dict) for p in policies):
        raise errors.invalid("Policies must be a JSON array.")
    for policy in policies:
        if policy.get("Type") not in ("Expiration", "ExpirationNotification", "NoChangeNotification"):
            raise AwsError("InvalidPolicyTypeException", f"The policy type isn't supported: {policy.get('Type')}")
    if policies and tier != "Advanced":
        raise errors.invalid("Parameter policies are supported for advanced-parameter tier only.")
    return text if policies else None


def _expire_in_time(ctx: Context, name: str, version: Version) -> None:
    """The Expiration policy deletes its parameter."""
    key = f"{ctx.account}/{ctx.region}/{name}"
    ctx.cancel("ssm.expire", key)
    for policy in json.loads(version.policies) if version.policies else []:
        if policy["Type"] == "Expiration":
            stamp = str((policy.get("Attributes") or {}).get("Timestamp"))
            try:
                when = calendar.timegm(time.strptime(re.sub(r"\.\d+", "", stamp), "%Y-%m-%dT%H:%M:%SZ"))
            except (ValueError, OverflowError) as error:
                raise AwsError(
                    "InvalidPolicyAttributeException", f"The policy attribute isn't valid: Timestamp {stamp}"
                ) from error
            ctx.schedule("ssm.expire", {"name": name}, delay=max(0.0, when - ctx.now), key=key)


@ssm.task("ssm.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    _delete(ctx, payload["name"])


def _sealed(ctx: Context, value: str) -> str:
    """Shaped as KMS's ciphertext is."""
    noise = ctx.random.getrandbits(8 * (110 + len(value))).to_bytes(110 + len(value), "big")
    return base64.b64encode(b"\x01\x02\x02\x00x" + noise).decode()


def _keep_older(ctx: Context, parameter: Parameter) -> None:
    """The version that is latest no longer; past a hundred the oldest goes, unless it has a label."""
    latest = parameter.latest
    scope = (ctx.account, ctx.region, parameter.name)
    full = latest.number + 1 > MOST_VERSIONS
    oldest = next(ctx.tx.scan(OlderVersion, *scope, limit=1), None) if full else None
    if oldest and latest.number + 1 - oldest.number >= MOST_VERSIONS:
        if oldest.content.labels:
            raise AwsError(
                "ParameterMaxVersionLimitExceeded",
                f"You attempted to create a new version of {parameter.name} by calling the PutParameter API with the "
                f"overwrite flag. Version {oldest.number}, the oldest version, can't be deleted because it has a label "
                "associated with it. Move the label to another version of the parameter, and try again.",
            )
        ctx.tx.delete(OlderVersion, *scope, oldest.number)
    ctx.tx.put(
        OlderVersion(
            account=ctx.account, region=ctx.region, name=parameter.name, number=latest.number, content=latest
        )
    )


@ssm.operation(access=access("DeleteParameter"))
def delete_parameter(ctx: Context, req: dict[str, Any]) -> None:
    if not _delete(ctx, req["Name"]):
        raise errors.not_found()


@ssm.operation(access=access("DeleteParameters", "Names"))
def delete_parameters(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    names = list(dict.fromkeys(req["Names"]))
    deleted = [name for name in names if _delete(ctx, name)]
    return {"DeletedParameters": deleted, "InvalidParameters": [name for name in names if name not in deleted]}


def _delete(ctx: Context, name: str) -> bool:
    ctx.tx.clear(OlderVersion, ctx.account, ctx.region, name)
    ctx.cancel("ssm.expire", f"{ctx.account}/{ctx.region}/{name}")
    return ctx.tx.delete(Parameter, ctx.account, ctx.region, name)
