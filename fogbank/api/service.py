"""The manifest of a service: which functions answer its operations, tasks, deliveries and data-plane addresses.

A service package holds one `Service` in its `__init__.py`, imports its handler modules below it, and nothing else:

    lambda_ = Service("lambda")
    from fogbank.services.lambda_ import functions, versions  # noqa: E402

Handlers come in two kinds. A plain function runs inside one transaction (`ctx.tx`), may be run twice and touches nothing
but the store. An `async` function waits for something (an invocation, a body, another call) and opens short transactions
with `ctx.transact`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fogbank.wire.messages import Request, Response

if TYPE_CHECKING:
    from fogbank.api.context import Context
    from fogbank.api.resources import ResourceType

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)

Access = tuple[str, str] | tuple[str, str, Mapping[str, Any]]
"""An IAM check: action, resource ARN, and further condition keys."""
AccessRule = Callable[["Context", dict[str, Any]], Iterable[Access]]


@dataclass(frozen=True, slots=True)
class Retry:
    """How a task that failed is tried again: `attempts` in all, waits of `first * factor ** n` up to `most` seconds."""

    attempts: int = 5
    first: float = 0.5
    factor: float = 2.0
    most: float = 60.0


@dataclass(slots=True)
class Operation:
    name: str
    handler: Handler
    is_async: bool
    action: str
    resource: str
    access: AccessRule | None
    authorise: bool
    anonymous: bool
    long_poll: bool = False


@dataclass(slots=True)
class TaskHandler:
    kind: str
    handler: Handler
    is_async: bool
    retry: Retry
    exhausted: Handler | None = None


@dataclass(slots=True)
class Service:
    """The manifest of one AWS service. `name` is botocore's directory name (`s3`, `lambda`, `apigatewayv2`)."""

    name: str
    iam_prefix: str = ""
    """The prefix of its IAM actions where it differs from the name (`cloudwatch` of `monitoring`)."""
    operations: dict[str, Operation] = field(default_factory=dict)
    tasks: dict[str, TaskHandler] = field(default_factory=dict)
    targets: dict[str, Handler] = field(default_factory=dict)
    endpoints: dict[str, Handler] = field(default_factory=dict)
    resource_types: dict[str, ResourceType] = field(default_factory=dict)
    policy_of: Callable[[Context, str], str | None] | None = None
    owner_of: Callable[[Context, str], str] | None = None
    headers_of: Callable[[Context, dict[str, Any]], list[tuple[str, str]]] | None = None
    on_start: Callable[[Context], Awaitable[None]] | None = None
    on_stop: Callable[[Context], Awaitable[None]] | None = None

    @overload
    def operation(self, handler: H, /) -> H: ...

    @overload
    def operation(
        self,
        handler: None = None,
        /,
        *,
        action: str = "",
        resource: str = "*",
        access: AccessRule | None = None,
        authorise: bool = True,
        anonymous: bool = False,
        long_poll: bool = False,
    ) -> Callable[[H], H]: ...

    def operation(
        self,
        handler: Handler | None = None,
        /,
        *,
        action: str = "",
        resource: str = "*",
        access: AccessRule | None = None,
        authorise: bool = True,
        anonymous: bool = False,
        long_poll: bool = False,
    ) -> Any:
        """Registers `handler(ctx, req) -> dict | None` for the operation that its name spells in snake case.

        action     the IAM action where it is not `prefix:OperationName`.
        resource   the ARN to authorise against: a template over `partition`, `region`, `account` and the request's
                   members (`arn:{partition}:iam::{account}:user/{UserName}`). A member may be absent: it reads as `*`.
        access     instead of both: `(ctx, req) -> [(action, arn) | (action, arn, condition keys), ...]`, all needed.
                   It runs inside a transaction, so it may look up records.
        authorise  False where the handler makes the decision itself with `ctx.authorise`.
        anonymous  True where an unsigned request may reach the operation (S3, STS web identity); resource policies
                   still decide unless `authorise` is False.
        long_poll  True for an async handler that only waits for something to read: it is cancelled when its caller goes
                   away. All others go on to their end (a function runs on when the caller of Invoke gives up).
        """

        def register(function: H) -> H:
            name = _pascal(function.__name__)
            self.operations[name] = Operation(
                name,
                function,
                iscoroutinefunction(function),
                action or f"{self.iam_prefix or self.name}:{name}",
                resource,
                access,
                authorise,
                anonymous,
                long_poll,
            )
            return function

        return register(handler) if handler else register

    def task(self, kind: str, *, retry: Retry | None = None, exhausted: Handler | None = None) -> Callable[[H], H]:
        """Registers `handler(ctx, payload)` for durable tasks of `kind`, which begins with the service's name and a dot.

        A plain function commits its changes and the task's end in one transaction. An async one is done when it
        returns, so after a crash it may run again. `exhausted(ctx, payload, error)` runs when the last attempt failed.
        """

        def register(function: H) -> H:
            self.tasks[kind] = TaskHandler(kind, function, iscoroutinefunction(function), retry or Retry(), exhausted)
            return function

        return register

    def target(self, arn_type: str) -> Callable[[H], H]:
        """Registers `async handler(ctx, arn, event)`: it delivers to ARNs of `service:type` (`lambda:function`, `sqs:`)."""

        def register(function: H) -> H:
            self.targets[arn_type] = function
            return function

        return register

    def endpoint(self, name: str) -> Callable[[H], H]:
        """Registers `async handler(ctx, request) -> Response` for a data-plane address (`execute-api`, `lambda-url`).

        The gateway's routing table maps host names and paths to `name`; `ctx.principal` is whoever signed, or anonymous.
        """

        def register(function: H) -> H:
            self.endpoints[name] = function
            return function

        return register

    def resource_policy(self, function: H) -> H:
        """Registers `function(ctx, arn) -> JSON policy document | None`: the policy attached to a resource."""
        self.policy_of = function
        return function

    def resource_owner(self, function: H) -> H:
        """Registers `function(ctx, arn) -> account` for resources whose ARNs name no account (S3 buckets)."""
        self.owner_of = function
        return function

    def response_headers(self, function: H) -> H:
        """Registers `function(ctx, req) -> headers` for those that go with every answer, errors included (S3's CORS)."""
        self.headers_of = function
        return function

    def started(self, function: H) -> H:
        """Registers `async function(ctx)` to run when the cloud starts and the service has state to take up."""
        self.on_start = function
        return function

    def stopped(self, function: H) -> H:
        """Registers `async function(ctx)` to run at an orderly end."""
        self.on_stop = function
        return function

    def resource_type(self, cls: type[ResourceType]) -> type[ResourceType]:
        """Registers a CloudFormation resource type; used in the package's `resources.py`."""
        self.resource_types[cls.type_name] = cls()
        return cls


Endpoint = Callable[["Context", Request], Awaitable[Response]]


def _pascal(snake: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in snake.split("_"))
