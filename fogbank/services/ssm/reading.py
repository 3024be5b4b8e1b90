"""GetParameter, GetParameters, GetParametersByPath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import paging
from fogbank.services.ssm import errors, public, ssm
from fogbank.services.ssm.names import Selected, access, parameter_arn, select
from fogbank.services.ssm.records import OlderVersion, Parameter, Version


@ssm.operation(access=access("GetParameter"))
def get_parameter(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"Parameter": find(ctx, select(ctx, req["Name"]), bool(req.get("WithDecryption")))}


@ssm.operation(access=access("GetParameters", "Names"))
def get_parameters(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found, missing = [], []
    for name in dict.fromkeys(req["Names"]):
        try:
            found.append(find(ctx, select(ctx, name), bool(req.get("WithDecryption"))))
        except AwsError as error:
            if error.code not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            missing.append(name)
    return {"Parameters": found, "InvalidParameters": missing}


@ssm.operation(access=access("GetParametersByPath", "Path"))
def get_parameters_by_path(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    path, limit = req["Path"], req.get("MaxResults") or 10
    if not path.startswith("/") or any(not part for part in path.strip("/").split("/") if path.strip("/")):
        raise errors.bad_path()
    prefix = path.rstrip("/") + "/"
    page: list[Parameter] = []
    for parameter in _below(ctx, prefix, position(req.get("NextToken"))):
        if not req.get("Recursive") and "/" in parameter.name[len(prefix) :]:
            continue
        if all(_kept(parameter, chosen) for chosen in req.get("ParameterFilters") or []):
            page.append(parameter)
            if len(page) > limit:
                break
    shown = [view(ctx, p.name, p.latest, bool(req.get("WithDecryption"))) for p in page[:limit]]
    return {"Parameters": shown, "NextToken": paging.encode(page[limit - 1].name) if len(page) > limit else None}


def _below(ctx: Context, prefix: str, after: str | None) -> Iterator[Parameter]:
    if prefix.startswith("/aws/"):
        yield from (p for p in public.below(ctx, prefix) if after is None or p.name > after)
        return
    start: dict[str, Any] = {"after": after} if after is not None else {"since": prefix}
    for parameter in ctx.tx.scan(Parameter, ctx.account, ctx.region, **start):
        if not parameter.name.startswith(prefix):
            return
        yield parameter


def _kept(parameter: Parameter, chosen: dict[str, Any]) -> bool:
    """Whether one of GetParametersByPath's filters keeps the parameter."""
    key, option, values = chosen["Key"], chosen.get("Option") or "Equals", chosen.get("Values") or []
    latest = parameter.latest
    held = {"Type": [latest.type], "KeyId": [latest.key_id or ""], "Label": latest.labels}.get(key)
    if held is None:
        raise AwsError(
            "InvalidFilterKey",
            f"The following filter key is not valid: {key}. Valid filter keys include: [Type, KeyId, Label].",
        )
    if option not in ("Equals", "BeginsWith"):
        raise AwsError("InvalidFilterOption", f"The following filter option is not valid: {option}. "
                       "Valid options include: [BeginsWith, Equals].")
    return any(h == v if option == "Equals" else h.startswith(v) for h in held for v in values)


def find(ctx: Context, selected: Selected, decrypt: bool) -> dict[str, Any]:
    """The selected version. Raises ParameterNotFound, ParameterVersionNotFound."""
    for name in selected.names:
        parameter = stored(ctx, name)
        if parameter is not None:
            version = version_of(ctx, parameter, selected.selector)
            return view(ctx, name, version, decrypt, selected.selector)
    raise errors.not_found()


def stored(ctx: Context, name: str) -> Parameter | None:
    return ctx.tx.get(Parameter, ctx.account, ctx.region, name) or public.get(ctx, name)


def version_of(ctx: Context, parameter: Parameter, selector: str) -> Version:
    if not selector or selector == str(parameter.latest.number) or selector in parameter.latest.labels:
        return parameter.latest
    scope = (ctx.account, ctx.region, parameter.name)
    if selector.isdecimal():
        older = ctx.tx.get(OlderVersion, *scope, int(selector)) if len(selector) < 18 else None
        if older:
            return older.content
    else:
        for older in ctx.tx.scan(OlderVersion, *scope):
            if selector in older.content.labels:
                return older.content
    raise errors.version_not_found(parameter.name, selector)


def view(ctx: Context, name: str, version: Version, decrypt: bool, selector: str = "") -> dict[str, Any]:
    return {
        "Name": name,
        "Type": version.type,
        "Value": version.sealed if version.sealed and not decrypt else version.value,
        "Version": version.number,
        "Selector": f":{selector}" if selector else None,
        "LastModifiedDate": round(version.modified, 3),
        "ARN": parameter_arn(ctx, name),
        "DataType": version.data_type,
    }


def position(token: str | None) -> str | None:
    """The name that a paging token stands at. Raises InvalidNextToken."""
    if not token:
        return None
    try:
        name = paging.decode(token)
    except ValueError as error:
        raise errors.bad_token() from error
    if not isinstance(name, str):
        raise errors.bad_token()
    return name
