"""GetParameterHistory."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.ssm import errors, ssm
from fogbank.services.ssm.describing import metadata
from fogbank.services.ssm.names import access, select
from fogbank.services.ssm.records import OlderVersion, Parameter


@ssm.operation(access=access("GetParameterHistory"))
def get_parameter_history(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    scope = (ctx.account, ctx.region)
    found = (ctx.tx.get(Parameter, *scope, name) for name in select(ctx, req["Name"]).names)
    parameter = next((p for p in found if p is not None), None)
    if parameter is None:
        raise errors.not_found()
    limit, after = req.get("MaxResults") or 50, _position(req.get("NextToken"))
    older = [o.content for o in ctx.tx.scan(OlderVersion, *scope, parameter.name, after=after, limit=limit)]
    versions = [*older, parameter.latest]
    decrypt = bool(req.get("WithDecryption"))
    shown = []
    for version in versions[:limit]:
        entry = metadata(ctx, parameter.name, version)
        del entry["ARN"]
        entry["Value"] = version.sealed if version.sealed and not decrypt else version.value
        entry["Labels"] = version.labels
        shown.append(entry)
    return {"Parameters": shown, "NextToken": paging.encode(older[-1].number) if len(older) == limit else None}


def _position(token: str | None) -> int | None:
    if not token:
        return None
    try:
        number = paging.decode(token)
    except ValueError as error:
        raise errors.bad_token() from error
    if not isinstance(number, int) or not 0 <= number < 1 << 60:
        raise errors.bad_token()
    return number
