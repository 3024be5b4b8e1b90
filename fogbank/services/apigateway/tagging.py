"""Tags of APIs, stages, keys, usage plans and domain names, by ARN."""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import tags_access
from fogbank.services.apigateway.records import Api, ApiKey, Domain, Stage, UsagePlan

MOST = 50
_STAGE = re.compile(r"/restapis/([^/]+)/stages/([^/]+)")
_SIMPLE = re.compile(r"/(restapis|apikeys|usageplans|domainnames)/([^/]+)")

Tagged = Api | Stage | ApiKey | UsagePlan | Domain


@apigateway.operation(access=tags_access("PUT"))
def tag_resource(ctx: Context, req: dict[str, Any]) -> None:
    tagged = _find(ctx, req["resourceArn"])
    tagged.tags = {**tagged.tags, **req["tags"]}
    if len(tagged.tags) > MOST:
        raise errors.bad_request(f"The maximum number of tags on a resource is {MOST}")
    ctx.tx.put(tagged)


@apigateway.operation(access=tags_access("DELETE"))
def untag_resource(ctx: Context, req: dict[str, Any]) -> None:
    tagged = _find(ctx, req["resourceArn"])
    tagged.tags = {key: value for key, value in tagged.tags.items() if key not in req["tagKeys"]}
    ctx.tx.put(tagged)


@apigateway.operation(access=tags_access("GET"))
def get_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _find(ctx, req["resourceArn"]).tags}


def _find(ctx: Context, arn: str) -> Tagged:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "apigateway":
        raise errors.bad_request("Invalid ARN specified in the request")
    path = parts[5]
    if match := _STAGE.fullmatch(path):
        return lookup.stage(ctx, {"restApiId": match[1], "stageName": match[2]})
    match = _SIMPLE.fullmatch(path)
    found: Tagged | None = None
    if match and match[1] == "restapis":
        found = lookup.find_api(ctx, match[2])
    elif match and match[1] == "apikeys":
        found = ctx.tx.get(ApiKey, ctx.account, ctx.region, match[2])
    elif match and match[1] == "usageplans":
        found = ctx.tx.get(UsagePlan, ctx.account, ctx.region, match[2])
    elif match:
        domain = ctx.tx.get(Domain, match[2])
        found = domain if domain and (domain.account, domain.region) == (ctx.account, ctx.region) else None
    if found is None:
        raise errors.not_found("Invalid resource ARN specified in the request")
    return found
