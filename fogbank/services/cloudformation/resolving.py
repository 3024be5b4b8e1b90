"""Looking up dynamic references and SSM parameters, in the deployer's name."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.cloudformation import dynamic, parameters
from fogbank.services.cloudformation.dynamic import Reference
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.parameters import Parameter


async def resolve(ctx: Context, resource_type: str, value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The properties twice: as they may be kept (secrets left as references), and as the resource gets them."""
    found = list(dynamic.references(value))
    if not found:
        return value, value
    dynamic.check_secure(resource_type, value)
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    for reference in found:
        answer = await _answer(ctx, reference)
        (plain if reference.service == "ssm" else secret)[reference.text] = answer
    kept = dynamic.substitute(value, plain)
    return kept, dynamic.substitute(kept, secret)


async def _answer(ctx: Context, reference: Reference) -> str:
    if reference.service == "secretsmanager":
        params = {"SecretId": reference.name}
        if reference.stage:
            params["VersionStage"] = reference.stage
        if reference.version:
            params["VersionId"] = reference.version
        secret = await ctx.call_async("secretsmanager", "GetSecretValue", params)
        if secret.get("SecretString") is None:
            raise validation(f"Secret {reference.name} has no SecretString")
        return dynamic.from_secret(reference, secret["SecretString"])
    name = f"{reference.name}:{reference.version}" if reference.version else reference.name
    try:
        answer = await ctx.call_async("ssm", "GetParameter", {"Name": name, "WithDecryption": True})
    except AwsError as error:
        if error.code in ("ParameterNotFound", "ParameterVersionNotFound"):
            raise validation(f"Parameters: [{reference.service}:{name}] cannot be found.") from error
        raise
    parameter = answer["Parameter"]
    if parameter["Type"] == "SecureString" and reference.service == "ssm":
        raise validation(f"Non-secure reference is used for secure string parameter: [{reference.text}]")
    return str(parameter["Value"])


async def resolve_ssm_types(ctx: Context, values: dict[str, Parameter]) -> None:
    """Looks up the parameters of the types `AWS::SSM::Parameter::Value<...>`. Raises AwsError(`ValidationError`)."""
    wanted = {name: stored for name, parameter in values.items() if (stored := parameters.ssm_name(parameter)) is not None}
    names = sorted(set(wanted.values()))
    found: dict[str, str] = {}
    for start in range(0, len(names), 10):
        answer = await ctx.call_async("ssm", "GetParameters", {"Names": names[start : start + 10]})
        for parameter in answer.get("Parameters") or []:
            if parameter["Type"] == "SecureString":
                raise validation(
                    f"Parameters [{parameter['Name']}] referenced by template have types not supported by CloudFormation."
                )
            found[parameter["Name"]] = found[parameter.get("ARN", "")] = parameter["Value"]
            if parameter.get("Selector"):
                found[parameter["Name"] + parameter["Selector"]] = parameter["Value"]
    missing = [name for name in names if name not in found]
    if missing:
        raise parameters.no_value(missing)
    for name, stored in wanted.items():
        values[name].resolved = found[stored]
