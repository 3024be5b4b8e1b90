"""From a request's members to a function's settings, with the checks that the model lacks."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.lambda_ import errors, layering, tenancy
from fogbank.services.lambda_.durable import settings as durable
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Code, Settings

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
ENVIRONMENT_LIMIT = 4096
RESERVED_VARIABLES = frozenset(
    "_HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME "
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE "
    "AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY "
    "AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR".split()
)
# In the order of the recorded error text: newest first as AWS prints them is not an order one can derive.
RUNTIMES = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
    "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
    "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
)
DEPRECATED = (
    "python3.7", "python3.6", "nodejs14.x", "nodejs12.x", "nodejs10.x", "java8", "dotnetcore3.1", "dotnet7",
    "ruby2.7", "go1.x", "provided",
)


def settings(ctx: Context, req: dict[str, Any], code: Code) -> Settings:
    """The settings of a new function. Raises InvalidParameterValueException."""
    new = Settings(role=req["Role"], code=code, package_type=req.get("PackageType") or "Zip")
    if new.package_type == "Zip" and not (req.get("Runtime") and req.get("Handler")):
        raise errors.invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    if new.package_type == "Image" and (req.get("Runtime") or req.get("Handler") or req.get("Layers")):
        raise errors.invalid(
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is IMAGE."
        )
    new.architectures = req.get("Architectures") or ["x86_64"]
    new.tenancy = (req.get("TenancyConfig") or {}).get("TenantIsolationMode") or ""
    new.durable = durable.created(req.get("DurableConfig"))
    apply(ctx, new, req)
    return new


def apply(ctx: Context, s: Settings, req: dict[str, Any]) -> None:
    """Changes what `req` names, and leaves the rest: the semantics of UpdateFunctionConfiguration."""
    simple = {
        "Role": "role", "Handler": "handler", "Description": "description", "Timeout": "timeout",
        "MemorySize": "memory", "KMSKeyArn": "kms_key_arn", "Layers": "layers", "ImageConfig": "image_config",
        "FileSystemConfigs": "file_systems",
    }
    for member, attribute in simple.items():
        if req.get(member) is not None:
            setattr(s, attribute, req[member])
    if req.get("Runtime") is not None:
        s.runtime = _runtime(req["Runtime"])
    if req.get("Environment") is not None:
        s.environment = _environment(req["Environment"].get("Variables") or {})
    if req.get("EphemeralStorage") is not None:
        s.ephemeral = req["EphemeralStorage"]["Size"]
    if req.get("TracingConfig") is not None:
        s.tracing = req["TracingConfig"].get("Mode") or "PassThrough"
    if req.get("DeadLetterConfig") is not None:
        s.dead_letter = req["DeadLetterConfig"].get("TargetArn") or ""
    if req.get("VpcConfig") is not None:
        vpc = {key: value for key, value in req["VpcConfig"].items() if value is not None}
        # What is taken out of its VPC goes on to show an empty configuration; what never was in one shows none.
        s.vpc = vpc if s.vpc is not None or vpc.get("SubnetIds") or vpc.get("SecurityGroupIds") else None
    if req.get("Layers") is not None:
        s.layer_codes = layering.codes(ctx, req["Layers"])
    if req.get("LoggingConfig") is not None:
        s.logging = logging(s.logging, req["LoggingConfig"])
    if req.get("SnapStart") is not None:
        s.snap_start = req["SnapStart"].get("ApplyOn") or "None"
    if req.get("DurableConfig") is not None:
        s.durable = durable.updated(s.durable, req["DurableConfig"])
    tenancy.check_settings(s)
    durable.check(s)


def logging(current: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """JSON logs have levels, INFO unless said; text logs have none."""
    merged = {**current, **{key: value for key, value in change.items() if value is not None}}
    if merged.get("LogFormat") == "JSON":
        return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **merged}
    if "ApplicationLogLevel" in change or "SystemLogLevel" in change:
        raise errors.invalid("You must specify JSON LogFormat to set ApplicationLogLevel or SystemLogLevel.")
    return {key: value for key, value in merged.items() if key not in ("ApplicationLogLevel", "SystemLogLevel")}


def check_role(ctx: Context, name: FunctionName, role: str) -> None:
    """The caller may pass the role, and the role trusts Lambda."""
    ctx.authorise("iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"})
    try:
        ctx.assume(role, name.name, "lambda.amazonaws.com")
    except AwsError as error:
        raise errors.invalid("The role defined for the function cannot be assumed by Lambda.") from error


def _runtime(name: str) -> str:
    if name not in RUNTIMES and name not in DEPRECATED:
        raise errors.invalid(
            f"Value {name} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(RUNTIMES)}] or be a valid ARN"
        )
    return name


def _environment(variables: dict[str, str]) -> dict[str, str]:
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise errors.invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > ENVIRONMENT_LIMIT:
        raise errors.invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured}"
        )
    return variables
