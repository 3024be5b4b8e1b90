"""Deployments: copies of the definition, which stages serve."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup, stages
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import patches
from fogbank.services.apigateway.records import Deployment, Draft, Stage

_DEPLOYMENT = "/restapis/{restApiId}/deployments/{deploymentId}"


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/deployments"))
def create_deployment(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    api, draft = lookup.api(ctx, req["restApiId"]), lookup.draft(ctx, req["restApiId"])
    _check(draft)
    deployment = Deployment(
        api=api.id,
        id=ids.lower_alnum(ctx.random, 6),
        created=float(int(ctx.now)),
        settings=api.settings,
        definition=draft.definition,
        description=req.get("description") or None,
    )
    ctx.tx.put(deployment)
    if req.get("stageName"):
        stages.deploy(ctx, api.id, deployment.id, req)
    return {"id": deployment.id, "description": deployment.description, "createdDate": deployment.created}


def _check(draft: Draft) -> None:
    methods = [m for r in draft.definition.resources.values() for m in r.get("resourceMethods", {}).values()]
    if not methods:
        raise errors.bad_request("The REST API doesn't contain any methods")
    if any("methodIntegration" not in method for method in methods):
        raise errors.bad_request("No integration defined for method")


@apigateway.operation(access=access("GET", _DEPLOYMENT))
def get_deployment(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    deployment = lookup.deployment(ctx, req["restApiId"], req["deploymentId"])
    shown = _view(deployment)
    if "apisummary" in (req.get("embed") or []):
        shown["apiSummary"] = {
            resource["path"]: {
                name: {
                    "authorizationType": method["authorizationType"],
                    "apiKeyRequired": method.get("apiKeyRequired", False),
                }
                for name, method in resource["resourceMethods"].items()
            }
            for resource in deployment.definition.resources.values()
            if resource.get("resourceMethods")
        }
    return shown


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/deployments"))
def get_deployments(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    lookup.api(ctx, req["restApiId"])
    deployments = sorted(ctx.tx.scan(Deployment, req["restApiId"]), key=lambda d: (-d.created, d.id))
    return lookup.page([_view(deployment) for deployment in deployments], req)


@apigateway.operation(access=access("PATCH", _DEPLOYMENT))
def update_deployment(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    deployment = lookup.deployment(ctx, req["restApiId"], req["deploymentId"])
    for patch in patches(req):
        if patch.path != "/description":
            raise errors.bad_path(patch.path)
        if patch.op != "replace":
            raise errors.bad_operation("replace")
        deployment.description = patch.value or None
    ctx.tx.put(deployment)
    return _view(deployment)


@apigateway.operation(access=access("DELETE", _DEPLOYMENT))
def delete_deployment(ctx: Context, req: dict[str, Any]) -> None:
    deployment = lookup.deployment(ctx, req["restApiId"], req["deploymentId"])
    if any(_uses(stage, deployment.id) for stage in ctx.tx.scan(Stage, deployment.api)):
        raise errors.bad_request("Active stages pointing to this deployment must be moved or deleted")
    ctx.tx.delete(Deployment, deployment.api, deployment.id)


def _uses(stage: Stage, deployment: str) -> bool:
    return deployment in (stage.deployment, (stage.settings.get("canarySettings") or {}).get("deploymentId"))


def _view(deployment: Deployment) -> dict[str, Any]:
    return {"id": deployment.id, "description": deployment.description, "createdDate": deployment.created}
