"""Code signing configurations: whose signatures functions are deployed with, and what happens without one.

Fogbank has no AWS Signer, so no package carries a signature: a function whose configuration enforces one takes no code,
one whose configuration warns takes it.
"""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import errors, lambda_, lookup
from fogbank.services.lambda_.names import access, resolve
from fogbank.services.lambda_.records import CodeSigningConfig, Function
from fogbank.services.lambda_.views import timestamp

_RESOURCE = "{CodeSigningConfigArn}"


@lambda_.operation
def create_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    config = CodeSigningConfig(
        account=ctx.account,
        region=ctx.region,
        id=f"csc-{ids.hex_id(ctx.random, 17)}",
        publishers=req["AllowedPublishers"]["SigningProfileVersionArns"],
        policy=(req.get("CodeSigningPolicies") or {}).get("UntrustedArtifactOnDeployment") or "Warn",
        description=req.get("Description") or "",
        modified=ctx.now,
        tags=req.get("Tags") or {},
    )
    ctx.tx.put(config)
    return {"CodeSigningConfig": _view(config)}


@lambda_.operation(resource=_RESOURCE)
def get_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"CodeSigningConfig": _view(_require(ctx, req["CodeSigningConfigArn"]))}


@lambda_.operation(resource=_RESOURCE)
def update_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    config = _require(ctx, req["CodeSigningConfigArn"])
    if req.get("Description") is not None:
        config.description = req["Description"]
    if req.get("AllowedPublishers"):
        config.publishers = req["AllowedPublishers"]["SigningProfileVersionArns"]
    if req.get("CodeSigningPolicies"):
        config.policy = req["CodeSigningPolicies"].get("UntrustedArtifactOnDeployment") or config.policy
    config.modified = ctx.now
    ctx.tx.put(config)
    return {"CodeSigningConfig": _view(config)}


@lambda_.operation(resource=_RESOURCE)
def delete_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    config = _require(ctx, req["CodeSigningConfigArn"])
    if next(iter(ctx.tx.find(Function, "code_signing", req["CodeSigningConfigArn"], limit=1)), None):
        raise errors.conflict(
            f"You cannot delete the code signing configuration {req['CodeSigningConfigArn']} "
            "because it is used by one or more functions."
        )
    ctx.tx.delete(CodeSigningConfig, config.account, config.region, config.id)
    return {}


@lambda_.operation
def list_code_signing_configs(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    found = list(ctx.tx.scan(CodeSigningConfig, ctx.account, ctx.region, after=after, limit=limit + 1))
    more = len(found) > limit
    return {
        "CodeSigningConfigs": [_view(config) for config in found[:limit]],
        "NextMarker": paging.encode(found[limit - 1].id) if more else None,
    }


@lambda_.operation(resource=_RESOURCE)
def list_functions_by_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    config = _require(ctx, req["CodeSigningConfigArn"])
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else ""
    functions = sorted(
        f.name for f in ctx.tx.find(Function, "code_signing", arn(config)) if f.name > after
    )
    names = functions[:limit]
    return {
        "FunctionArns": [f"arn:aws:lambda:{config.region}:{config.account}:function:{name}" for name in names],
        "NextMarker": paging.encode(names[-1]) if len(functions) > limit else None,
    }


# --- of a function


@lambda_.operation(access=access("PutFunctionCodeSigningConfig", qualified=False))
def put_function_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    check(ctx, req["CodeSigningConfigArn"])
    function = lookup.function(ctx, resolve(ctx, req).unqualified())
    function.code_signing = req["CodeSigningConfigArn"]
    ctx.tx.put(function)
    return {"CodeSigningConfigArn": function.code_signing, "FunctionName": function.name}


@lambda_.operation(access=access("GetFunctionCodeSigningConfig", qualified=False))
def get_function_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    function = lookup.function(ctx, resolve(ctx, req).unqualified())
    if not function.code_signing:
        return {}
    return {"CodeSigningConfigArn": function.code_signing, "FunctionName": function.name}


@lambda_.operation(access=access("DeleteFunctionCodeSigningConfig", qualified=False))
def delete_function_code_signing_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    function = lookup.function(ctx, resolve(ctx, req).unqualified())
    function.code_signing = ""
    ctx.tx.put(function)
    return {}


def check(ctx: Context, config_arn: str) -> None:
    """Raises CodeSigningConfigNotFoundException for one that a function cannot be given."""
    if find(ctx, config_arn) is None:
        raise AwsError(
            "CodeSigningConfigNotFoundException",
            "The code signing configuration cannot be found. "
            f"Check that the provided configuration is not deleted: {config_arn}.",
            Type="User",
        )


def check_code(ctx: Context, config_arn: str) -> None:
    """Raises CodeVerificationFailedException where unsigned code must not be deployed, and ours never is signed."""
    config = find(ctx, config_arn) if config_arn else None
    if config is not None and config.policy == "Enforce":
        raise AwsError(
            "CodeVerificationFailedException",
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
            "is not configured to accept. Check the provided signature for unsigned.",
            Type="User",
        )


def find(ctx: Context, config_arn: str) -> CodeSigningConfig | None:
    """The configuration of `arn:aws:lambda:REGION:ACCOUNT:code-signing-config:ID`."""
    parts = config_arn.split(":")
    if len(parts) != 7 or parts[5] != "code-signing-config":
        return None
    return ctx.tx.get(CodeSigningConfig, parts[4], parts[3], parts[6])


def arn(config: CodeSigningConfig) -> str:
    return f"arn:aws:lambda:{config.region}:{config.account}:code-signing-config:{config.id}"


def _require(ctx: Context, config_arn: str) -> CodeSigningConfig:
    config = find(ctx, config_arn)
    if config is None:
        raise errors.untyped(
            "ResourceNotFoundException", f"The Lambda code signing configuration {config_arn} can not be found."
        )
    return config


def _view(config: CodeSigningConfig) -> dict[str, Any]:
    return {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": arn(config),
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": config.publishers},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": timestamp(config.modified),
    }
