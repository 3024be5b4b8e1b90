"""What API Gateway keeps.

Parts of an API are dictionaries in the shapes of AWS's answers (`httpMethod`, `methodIntegration`, ...): they are shown
as they stand, and patch operations name their members. A deployment is a copy of the whole definition.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fogbank.store import Record, record


class Definition(msgspec.Struct, kw_only=True):
    resources: dict[str, dict[str, Any]] = {}
    """By id: `id`, `parentId`, `pathPart`, `path`, `resourceMethods` by HTTP method."""
    models: dict[str, dict[str, Any]] = {}
    """By name."""
    authorizers: dict[str, dict[str, Any]] = {}
    """By id."""
    validators: dict[str, dict[str, Any]] = {}
    """Request validators by id."""
    responses: dict[str, dict[str, Any]] = {}
    """Gateway responses by type, those that were set."""


@record("apigateway.api", key=("id",), indexes={"scope": ("account", "region"), "once": ("account", "region", "once")})
class Api(Record):
    id: str
    account: str
    region: str
    root: str
    """The id of the resource `/`."""
    created: float
    settings: dict[str, Any]
    """As CreateRestApi takes them."""
    tags: dict[str, str] = {}
    once: str | None = None
    """What CloudFormation calls the step that made it: a step that is run again finds the API instead of making two."""


@record("apigateway.draft", key=("api",))
class Draft(Record):
    """The definition as it is edited."""

    api: str
    definition: Definition


@record("apigateway.deployment", key=("api", "id"))
class Deployment(Record):
    api: str
    id: str
    created: float
    settings: dict[str, Any]
    definition: Definition
    description: str | None = None


@record("apigateway.stage", key=("api", "name"))
class Stage(Record):
    api: str
    name: str
    deployment: str
    created: float
    updated: float
    settings: dict[str, Any] = {}
    """`description`, `variables`, `methodSettings`, `accessLogSettings`, ... as GetStage shows them."""
    tags: dict[str, str] = {}
    flushed: float = 0.0
    """When the authorizers' answers were last forgotten."""


@record("apigateway.key", key=("account", "region", "id"), indexes={"value": ("account", "region", "value")})
class ApiKey(Record):
    account: str
    region: str
    id: str
    value: str
    created: float
    updated: float
    name: str | None = None
    description: str | None = None
    customer_id: str | None = None
    enabled: bool = True
    stages: list[str] = []
    tags: dict[str, str] = {}


@record("apigateway.plan", key=("account", "region", "id"))
class UsagePlan(Record):
    account: str
    region: str
    id: str
    name: str
    description: str | None = None
    stages: list[dict[str, Any]] = []
    """`apiId`, `stage`, `throttle` by path and method."""
    throttle: dict[str, Any] | None = None
    quota: dict[str, Any] | None = None
    product_code: str | None = None
    tags: dict[str, str] = {}


@record("apigateway.plan-key", key=("account", "region", "plan", "key"), indexes={"key": ("account", "region", "key")})
class PlanKey(Record):
    account: str
    region: str
    plan: str
    key: str


@record("apigateway-usage.day", key=("account", "region", "plan", "key", "day"))
class UsageDay(Record):
    """Requests of a key within a plan on one day (UTC). Its table's name keeps it out of `generation("apigateway.")`."""

    account: str
    region: str
    plan: str
    key: str
    day: str
    used: int = 0
    extra: int = 0
    """What UpdateUsage granted on that day."""


@record("apigateway.account", key=("account", "region"))
class Account(Record):
    account: str
    region: str
    log_role: str = ""


@record("apigateway.domain", key=("name",), indexes={"scope": ("account", "region")})
class Domain(Record):
    name: str
    account: str
    region: str
    settings: dict[str, Any]
    tags: dict[str, str] = {}


@record("apigateway.mapping", key=("domain", "path"), indexes={"api": ("api",)})
class Mapping(Record):
    """`path` is `(none)` for the root of the domain."""

    domain: str
    path: str
    api: str
    stage: str = ""
