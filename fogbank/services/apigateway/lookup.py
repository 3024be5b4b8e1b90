"""Finding an API and its parts. Each raises the error that AWS does."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.apigateway import errors
from fogbank.services.apigateway.records import Api, Definition, Deployment, Draft, Stage


def api(ctx: Context, identifier: str) -> Api:
    found = find_api(ctx, identifier)
    if found is None:
        raise errors.api_not_found(ctx, identifier)
    return found


def find_api(ctx: Context, identifier: str) -> Api | None:
    found = ctx.tx.get(Api, identifier)
    return found if found and (found.account, found.region) == (ctx.account, ctx.region) else None


def draft(ctx: Context, identifier: str) -> Draft:
    """The definition under edit. Raises NotFoundException, naming the API."""
    api(ctx, identifier)
    return _draft(ctx, identifier)


def _draft(ctx: Context, identifier: str) -> Draft:
    return ctx.tx.get(Draft, identifier) or Draft(api=identifier, definition=Definition())


def resource(ctx: Context, req: dict[str, Any]) -> tuple[Draft, dict[str, Any]]:
    """Of an API that is not there AWS says that the resource is not."""
    if find_api(ctx, req["restApiId"]) is None:
        raise errors.resource_not_found()
    found = _draft(ctx, req["restApiId"])
    identifier = req.get("resourceId") or req.get("parentId") or ""
    if identifier not in found.definition.resources:
        raise errors.resource_not_found()
    return found, found.definition.resources[identifier]


def method(ctx: Context, req: dict[str, Any]) -> tuple[Draft, dict[str, Any]]:
    found, of = resource(ctx, req)
    wanted = of.get("resourceMethods", {}).get(req["httpMethod"])
    if wanted is None:
        raise errors.method_not_found()
    return found, wanted


def stage(ctx: Context, req: dict[str, Any]) -> Stage:
    api(ctx, req["restApiId"])
    found = ctx.tx.get(Stage, req["restApiId"], req["stageName"])
    if found is None:
        raise errors.not_found("Invalid stage identifier specified")
    return found


def deployment(ctx: Context, api_id: str, identifier: str) -> Deployment:
    api(ctx, api_id)
    found = ctx.tx.get(Deployment, api_id, identifier)
    if found is None:
        raise errors.not_found("Invalid Deployment identifier specified")
    return found


def page(items: list[dict[str, Any]], req: dict[str, Any], key: str = "id", default: int = 25) -> dict[str, Any]:
    """One page of `items`, which are in order; `position` says after which of them it begins."""
    limit = min(req.get("limit") or default, 500)
    begin = 0
    if req.get("position"):
        try:
            last = paging.decode(req["position"])
        except ValueError as error:
            raise errors.bad_request("Invalid position parameter") from error
        begin = next((place + 1 for place, item in enumerate(items) if item[key] == last), len(items))
    shown = items[begin : begin + limit]
    more = len(items) > begin + limit
    return {"items": shown, "position": paging.encode(shown[-1][key]) if more else None}


def without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if part is not None}
