"""Layers: published, listed, shared, deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import code_keeping, errors, lambda_, layering, limits, packages
from fogbank.services.lambda_.records import Code, Layer, LayerVersion

Key = tuple[str, str, str]


def _key(ctx: Context, text: str) -> Key:
    """Account, region and name of a layer, given by name or ARN."""
    parsed = arns.parse(text)
    if parsed and parsed.type == "layer":
        return parsed.account, parsed.region, parsed.id.partition(":")[0]
    return ctx.account, ctx.region, text


def _arn(key: Key, version: int | None = None) -> str:
    base = f"arn:aws:lambda:{key[1]}:{key[0]}:layer:{key[2]}"
    return base if version is None else f"{base}:{version}"


def _access(action: str, *, versioned: bool = True) -> Any:
    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        return [(f"lambda:{action}", _arn(_key(ctx, req["LayerName"]), req["VersionNumber"] if versioned else None))]

    return rule


@lambda_.operation(access=_access("PublishLayerVersion", versioned=False))
async def publish_layer_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    code = await packages.receive(ctx, req["Content"])
    return await ctx.transact(lambda c: _publish(c, req, code))


def _publish(ctx: Context, req: dict[str, Any], code: Code) -> dict[str, Any]:
    account, region, name = key = _key(ctx, req["LayerName"])
    limits.check_code(ctx, code.size)
    layer = ctx.tx.get(Layer, *key) or Layer(account=account, region=region, name=name)
    layer.last_version += 1
    ctx.tx.put(layer)
    version = LayerVersion(
        account=account,
        region=region,
        name=name,
        version=layer.last_version,
        description=req.get("Description") or "",
        created=ctx.now,
        code=code,
        runtimes=req.get("CompatibleRuntimes"),
        architectures=req.get("CompatibleArchitectures"),
        license=req.get("LicenseInfo") or "",
    )
    ctx.tx.put(version)
    return _view(ctx, version, content=True)


@lambda_.operation(access=_access("GetLayerVersion"))
def get_layer_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req["VersionNumber"] < 1:
        raise errors.invalid("Layer Version Cannot be less than 1")
    version = ctx.tx.get(LayerVersion, *_key(ctx, req["LayerName"]), req["VersionNumber"])
    if version is None:
        raise errors.not_found("The resource you requested does not exist.")
    return _view(ctx, version, content=True)


@lambda_.operation(action="lambda:GetLayerVersion", resource="{Arn}")
def get_layer_version_by_arn(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    version = layering.find(ctx, req["Arn"])
    if version is None:
        raise errors.not_found("The resource you requested does not exist.")
    return _view(ctx, version, content=True)


@lambda_.operation(access=_access("DeleteLayerVersion"))
def delete_layer_version(ctx: Context, req: dict[str, Any]) -> None:
    if req["VersionNumber"] < 1:
        raise errors.invalid("Layer Version Cannot be less than 1")
    key = _key(ctx, req["LayerName"])
    version = ctx.tx.get(LayerVersion, *key, req["VersionNumber"])
    if version:
        ctx.tx.delete(LayerVersion, *key, req["VersionNumber"])
        code_keeping.forget_layer(ctx, version, _arn(key, version.version))


@lambda_.operation(access=_access("ListLayerVersions", versioned=False))
def list_layer_versions(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = _key(ctx, req["LayerName"])
    limit = min(req.get("MaxItems") or 50, 50)
    # Newest first: a page ends before the version that the marker names.
    below = paging.decode(req["Marker"]) if req.get("Marker") else None
    found = [
        v
        for v in ctx.tx.scan(LayerVersion, *key, reverse=True)
        if _matches(v, req) and (below is None or v.version < below)
    ]
    more = len(found) > limit
    return {
        "LayerVersions": [_view(ctx, v) for v in found[:limit]],
        "NextMarker": paging.encode(found[limit - 1].version) if more else None,
    }


@lambda_.operation
def list_layers(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    shown: list[dict[str, Any]] = []
    for layer in ctx.tx.scan(Layer, ctx.account, ctx.region, after=after):
        key = (layer.account, layer.region, layer.name)
        newest = next((v for v in ctx.tx.scan(LayerVersion, *key, reverse=True) if _matches(v, req)), None)
        if newest is None:
            continue
        if len(shown) == limit:
            return {"Layers": shown, "NextMarker": paging.encode(shown[-1]["LayerName"])}
        shown.append(
            {"LayerName": layer.name, "LayerArn": _arn(key), "LatestMatchingVersion": _view(ctx, newest)}
        )
    return {"Layers": shown}


@lambda_.operation(access=_access("AddLayerVersionPermission"))
def add_layer_version_permission(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    version = _require(ctx, req)
    _check_revision(version, req)
    sid = req["StatementId"]
    if sid in version.statements:
        raise errors.conflict(
            f"The statement id ({sid}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    principal = req["Principal"]
    document: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": req["Action"],
        "Resource": _arn(_key(ctx, req["LayerName"]), version.version),
    }
    if req.get("OrganizationId"):
        document["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": req["OrganizationId"]}}
    version.statements[sid] = document
    version.revision = ids.uuid4(ctx.random)
    ctx.tx.put(version)
    return {"Statement": json.dumps(document, separators=(",", ":")), "RevisionId": version.revision}


@lambda_.operation(access=_access("RemoveLayerVersionPermission"))
def remove_layer_version_permission(ctx: Context, req: dict[str, Any]) -> None:
    version = _require(ctx, req)
    if req["StatementId"] not in version.statements:
        raise errors.not_found(f"Statement {req['StatementId']} is not found in resource policy.")
    _check_revision(version, req)
    del version.statements[req["StatementId"]]
    version.revision = ids.uuid4(ctx.random)
    ctx.tx.put(version)


@lambda_.operation(access=_access("GetLayerVersionPolicy"))
def get_layer_version_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    version = _require(ctx, req)
    document = policy_document(version)
    if document is None:
        raise errors.not_found("No policy is associated with the given resource.")
    return {"Policy": document, "RevisionId": version.revision}


def policy_document(version: LayerVersion) -> str | None:
    if not version.statements:
        return None
    document = {"Version": "2012-10-17", "Id": "default", "Statement": list(version.statements.values())}
    return json.dumps(document, separators=(",", ":"))


def _require(ctx: Context, req: dict[str, Any]) -> LayerVersion:
    key = _key(ctx, req["LayerName"])
    version = ctx.tx.get(LayerVersion, *key, req["VersionNumber"])
    if version is None:
        raise errors.not_found(f"Layer version {_arn(key, req['VersionNumber'])} does not exist.")
    return version


def _check_revision(version: LayerVersion, req: dict[str, Any]) -> None:
    if req.get("RevisionId") and req["RevisionId"] != version.revision:
        raise errors.wrong_revision("GetLayerPolicy")


def _matches(version: LayerVersion, req: dict[str, Any]) -> bool:
    runtime, architecture = req.get("CompatibleRuntime"), req.get("CompatibleArchitecture")
    return (not runtime or runtime in (version.runtimes or ())) and (
        not architecture or architecture in (version.architectures or ())
    )


def _view(ctx: Context, version: LayerVersion, *, content: bool = False) -> dict[str, Any]:
    key = (version.account, version.region, version.name)
    created = datetime.fromtimestamp(version.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
    view = {
        "LayerVersionArn": _arn(key, version.version),
        "Version": version.version,
        "Description": version.description,
        "CreatedDate": f"{created}{int(version.created * 1000) % 1000:03d}+0000",
        "CompatibleRuntimes": version.runtimes,
        "CompatibleArchitectures": version.architectures,
        "LicenseInfo": version.license or None,
    }
    if content:
        view["LayerArn"] = _arn(key)
        view["Content"] = {
            "Location": packages.location(ctx, version.code),
            "CodeSha256": version.code.sha256,
            "CodeSize": version.code.size,
        }
    return view
