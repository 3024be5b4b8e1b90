"""Tags of functions, code signing configurations and event source mappings."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.services.lambda_ import code_signing, errors, lambda_, lookup
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import CodeSigningConfig, EventSourceMapping, Function

MOST_TAGS = 50


def check(tags: dict[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise errors.invalid("Number of tags exceeds resource tag limit.")


@lambda_.operation(resource="{Resource}")
def tag_resource(ctx: Context, req: dict[str, Any]) -> None:
    tagged = _tagged(ctx, req["Resource"])
    if not req["Tags"]:
        raise errors.invalid("An error occurred and the request cannot be processed.")
    tagged.tags = {**tagged.tags, **req["Tags"]}
    check(tagged.tags)
    ctx.tx.put(tagged)


@lambda_.operation(resource="{Resource}")
def untag_resource(ctx: Context, req: dict[str, Any]) -> None:
    tagged = _tagged(ctx, req["Resource"])
    tagged.tags = {key: value for key, value in tagged.tags.items() if key not in req["TagKeys"]}
    ctx.tx.put(tagged)


@lambda_.operation(resource="{Resource}")
def list_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _tagged(ctx, req["Resource"]).tags}


def _tagged(ctx: Context, arn: str) -> Function | CodeSigningConfig | EventSourceMapping:
    parsed = arns.parse(arn)
    found: Function | CodeSigningConfig | EventSourceMapping | None = None
    if parsed is not None and parsed.type == "function":
        name, _, qualifier = parsed.id.partition(":")
        if qualifier:
            raise errors.invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return lookup.function(ctx, FunctionName(parsed.account, parsed.region, name, ""))
    if parsed is not None and parsed.type == "event-source-mapping":
        found = ctx.tx.get(EventSourceMapping, parsed.account, parsed.region, parsed.id)
        if found is None:
            raise errors.not_found(f"Event source mapping not found: {arn}")
        return found
    if parsed is not None and parsed.type == "capacity-provider":
        raise errors.not_found(f"Capacity provider not found: {arn}")
    found = code_signing.find(ctx, arn)
    if found is None:
        raise errors.not_found(f"The resource {arn} does not exist.")
    return found
