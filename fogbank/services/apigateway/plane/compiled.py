"""A stage made ready to answer: its deployment's routes, with all that a request needs looked up beforehand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from fogbank.api import Context
from fogbank.iam.principal import Principal, service
from fogbank.kit import arn as arns
from fogbank.services.apigateway.plane.routes import Routes
from fogbank.services.apigateway.plane.validation import Validation
from fogbank.services.apigateway.records import Account, Api, Definition, Deployment, Stage

_FUNCTION = re.compile(r"arn:[\w-]+:apigateway:[\w-]*:lambda:path/[\d-]+/functions/(arn:.+)/invocations")
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


@dataclass(slots=True)
class Method:
    resource_id: str
    path: str
    """Of the resource: `/pets/{id}`."""
    http_method: str
    settings: dict[str, Any]
    integration: dict[str, Any]
    authorizer: dict[str, Any] | None
    validation: Validation | None
    stage_settings: dict[str, Any]
    """The stage's settings for this method."""
    function: str = ""
    """The ARN of the function behind it, stage variables filled in."""
    principals: dict[str, Principal] = field(default_factory=dict)
    """API Gateway, calling for this method, by the request's HTTP method."""

    def principal(self, stage: CompiledStage, verb: str) -> Principal:
        found = self.principals.get(verb)
        if found is None:
            source = f"arn:aws:execute-api:{stage.region}:{stage.account}:{stage.api}/{stage.stage}/{verb}{self.path}"
            found = service("apigateway.amazonaws.com", source_arn=source, source_account=stage.account)
            if len(self.principals) < 16:
                self.principals[verb] = found
        return found


@dataclass(slots=True)
class CompiledStage:
    api: str
    account: str
    region: str
    stage: str
    deployment: str
    settings: dict[str, Any]
    """The API's, as deployed."""
    stage_settings: dict[str, Any]
    definition: Definition
    variables: dict[str, str]
    routes: Routes[Method]
    binary: Binary
    log_role: str = ""
    serial: int = 0
    """Another one for each time that a stage is made ready."""
    canary: CompiledStage | None = None
    canary_percent: float = 0.0
    denied: bool = False
    """`disableExecuteApiEndpoint`."""


@dataclass(slots=True)
class Binary:
    """An API's binary media types."""

    types: frozenset[str]
    every: bool = False
    families: frozenset[str] = field(default_factory=frozenset)

    def __contains__(self, content_type: str) -> bool:
        if self.every:
            return True
        kind = content_type.split(";", 1)[0].strip().lower()
        return kind in self.types or kind.partition("/")[0] in self.families


def binary(types: list[str]) -> Binary:
    lower = [kind.lower() for kind in types]
    families = frozenset(kind[:-2] for kind in lower if kind.endswith("/*") and kind != "*/*")
    return Binary(frozenset(lower), "*/*" in lower, families)


Sources = tuple[Api, Stage, Account | None]


def sources(ctx: Context, api_id: str, name: str) -> Sources | None:
    """The records that a stage is made ready from, besides its deployments, which do not change. In a transaction."""
    api, stage = ctx.tx.get(Api, api_id), ctx.tx.get(Stage, api_id, name)
    if api is None or stage is None:
        return None
    return api, stage, ctx.tx.get(Account, api.account, api.region)


def compile_stage(ctx: Context, found: Sources) -> CompiledStage | None:
    """In a transaction. None where its deployment is gone."""
    api, stage, _ = found
    variables = stage.settings.get("variables") or {}
    compiled = _compile(ctx, api, stage, stage.deployment, variables)
    canary = stage.settings.get("canarySettings") or {}
    if compiled and canary.get("deploymentId") and canary.get("percentTraffic"):
        overrides = {**variables, **(canary.get("stageVariableOverrides") or {})}
        compiled.canary = _compile(ctx, api, stage, canary["deploymentId"], overrides)
        compiled.canary_percent = canary["percentTraffic"]
    return compiled


def _compile(
    ctx: Context, api: Api, stage: Stage, deployment_id: str, variables: dict[str, str]
) -> CompiledStage | None:
    deployment = ctx.tx.get(Deployment, api.id, deployment_id)
    return compile_deployment(ctx, api, stage, deployment, variables) if deployment else None


def compile_deployment(
    ctx: Context, api: Api, stage: Stage, deployment: Deployment, variables: dict[str, str]
) -> CompiledStage:
    account = ctx.tx.get(Account, api.account, api.region)
    routes: Routes[Method] = Routes()
    for resource in deployment.definition.resources.values():
        methods = {
            name: _method(stage, deployment.definition, resource, method, variables)
            for name, method in (resource.get("resourceMethods") or {}).items()
        }
        if methods:
            routes.add(resource["path"], methods)
    return CompiledStage(
        api=api.id, account=api.account, region=api.region, stage=stage.name, deployment=deployment.id,
        settings=deployment.settings, stage_settings=stage.settings, definition=deployment.definition,
        variables=variables, routes=routes, binary=binary(deployment.settings.get("binaryMediaTypes") or []),
        log_role=account.log_role if account else "", denied=bool(api.settings.get("disableExecuteApiEndpoint")),
    )


def _method(
    stage: Stage, definition: Definition, resource: dict[str, Any], method: dict[str, Any], variables: dict[str, str]
) -> Method:
    integration = dict(method.get("methodIntegration") or {})
    for name in ("uri", "credentials"):
        if integration.get(name):
            integration[name] = substituted(integration[name], variables)
    function = _FUNCTION.fullmatch(integration.get("uri", ""))
    name, path = method["httpMethod"], resource["path"]
    return Method(
        resource_id=resource["id"],
        path=path,
        http_method=name,
        settings=method,
        integration=integration,
        authorizer=_authorizer(definition, method, variables),
        validation=Validation.of(definition, method),
        stage_settings=method_setting(stage.settings.get("methodSettings") or {}, path, name),
        function=function[1] if function else "",
    )


def _authorizer(definition: Definition, method: dict[str, Any], variables: dict[str, str]) -> dict[str, Any] | None:
    found = definition.authorizers.get(method.get("authorizerId", ""))
    if found is None or method["authorizationType"] not in ("CUSTOM", "COGNITO_USER_POOLS"):
        return None
    uri = _FUNCTION.fullmatch(substituted(found.get("authorizerUri") or "", variables))
    return {**found, "function": uri[1] if uri else ""}


def substituted(text: str, variables: dict[str, str]) -> str:
    """With `${stageVariables.name}` filled in."""
    return _VARIABLE.sub(lambda match: variables.get(match[1], ""), text) if "${" in text else text


def method_setting(every: dict[str, dict[str, Any]], path: str, method: str) -> dict[str, Any]:
    """The settings of one method: its own above those of all methods. Keys spell `/` as `~1`, or as it is."""
    bare = path.removeprefix("/")
    for key in (f"{path.replace('/', '~1')}/{method}", f"{bare}/{method}", f"{bare.replace('/', '~1')}/{method}",
                f"{path}/{method}", f"*/{method}", "*/*"):
        if key in every:
            return every[key]
    return {}


def place_of(function: str) -> tuple[str, str]:
    """Account and region of a function's ARN."""
    parsed = arns.parse(function)
    return (parsed.account, parsed.region) if parsed else ("", "")
