"""The context of a call: who calls, where, and what a handler may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from fogbank.iam.principal import Principal
from fogbank.wire.messages import Request

if TYPE_CHECKING:
    from fogbank.api.cloud import Cloud
    from fogbank.store import BlobStore, Tx

T = TypeVar("T")
C = TypeVar("C")


class Context:
    """Handed to every handler. Cheap to make; lives as long as its call.

    `account` and `region` are those of the call: the account that owns what the call acts on (usually the caller's).
    """

    __slots__ = (
        "_trace", "_tx", "account", "address", "called_via", "cloud", "principal", "region", "request", "request_id",
        "service",
    )

    partition = "aws"

    def __init__(
        self,
        cloud: Cloud,
        service: str,
        account: str,
        region: str,
        principal: Principal,
        request_id: str,
        request: Request | None = None,
        tx: Tx | None = None,
        called_via: tuple[str, ...] = (),
    ) -> None:
        self.cloud = cloud
        self.service = service
        self.account = account
        self.region = region
        self.principal = principal
        self.request_id = request_id
        self.request = request
        self.called_via = called_via
        self.address: Any = None
        """For data-plane endpoints: the gateway's `Target`, with the id and the path that the address named."""
        self._tx = tx
        self._trace = ""

    @property
    def trace(self) -> str:
        """The trace header (`X-Amzn-Trace-Id`) of the call, or of what caused the delivery; empty where there is none."""
        return self._trace or (self.request.headers.get("x-amzn-trace-id", "") if self.request else "")

    @trace.setter
    def trace(self, header: str) -> None:
        self._trace = header

    @property
    def has_transaction(self) -> bool:
        return self._tx is not None

    @property
    def tx(self) -> Tx:
        """The open transaction. Only in a plain handler, or in a function run by `transact`."""
        if self._tx is None:
            raise RuntimeError("no transaction is open: use ctx.transact in an async handler")
        return self._tx

    @property
    def now(self) -> float:
        """Epoch seconds by the cloud's clock."""
        return self.cloud.clock.now()

    @property
    def random(self) -> Random:
        return self.cloud.random

    @property
    def blobs(self) -> BlobStore:
        return self.cloud.store.blobs

    def component(self, kind: type[C]) -> C:
        """A part of the platform that is made at its first use: the Lambda engine, what a service may forget."""
        return self.cloud.component(kind)

    def arn(self, resource: str, *, service: str = "", region: str | None = None, account: str | None = None) -> str:
        """An ARN in this call's account and region, of this call's service unless told otherwise."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:{self.partition}:{service or self.service}:{region}:{account}:{resource}"

    async def transact(self, change: Callable[[Context], T]) -> T:
        """Runs `change(ctx)` in one transaction and returns its result once it is durable. It must not wait."""
        return await self.cloud.store.transact(lambda tx: change(self.within(tx)))

    def within(self, tx: Tx | None) -> Context:
        """This context with `tx` open; with none, for work that waits."""
        inner = Context(
            self.cloud, self.service, self.account, self.region, self.principal, self.request_id, self.request, tx,
            self.called_via,
        )
        inner.address = self.address
        inner._trace = self._trace
        return inner

    def acting(
        self, *, service: str = "", principal: Principal | None = None, account: str | None = None,
        region: str | None = None, via: str = "",
    ) -> Context:
        """This context as another service, principal, account or region sees it; `via` is added to `aws:CalledVia`."""
        inner = self.within(self._tx)
        inner.service = service or self.service
        inner.principal = principal or self.principal
        inner.account = self.account if account is None else account
        inner.region = self.region if region is None else region
        if via:
            inner.called_via = (*self.called_via, via)
        return inner

    def call(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        principal: Principal | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> dict[str, Any]:
        """Calls a plain operation of any service, joining this transaction; IAM is asked as for a call from outside.

        The principal is this call's unless another is given (`iam.principal.service(...)`, a role's session). The
        handler gets a copy of `params`, so it may keep and change what it is given.
        """
        return self.cloud.call(self, service, operation, _own(params or {}), principal, account, region)

    async def call_async(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any] | None = None,
        *,
        principal: Principal | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> dict[str, Any]:
        """Calls any operation of any service from an async handler; returns when it is done and durable."""
        return await self.cloud.call_async(self, service, operation, _own(params or {}), principal, account, region)

    def assume(self, role_arn: str, session_name: str, service_principal: str) -> Principal:
        """The principal of a session of `role_arn`, assumed by an AWS service (its trust policy is asked).

        Raises AwsError(`AccessDenied`) where the role is missing or does not trust the service.
        """
        return self.cloud.assume(self, role_arn, session_name, service_principal)

    def authorise(
        self, action: str, resource: str, context: Mapping[str, Any] | None = None, *, principal: Principal | None = None
    ) -> None:
        """Raises AWS's access-denied error unless the caller may do `action` on `resource` (`iam:PassRole` and such)."""
        self.cloud.authorise(self, action, resource, context or {}, principal or self.principal)

    def schedule(self, kind: str, payload: Mapping[str, Any], *, delay: float = 0.0, key: str = "") -> str:
        """Commits a task of `kind` with this transaction; it runs after `delay` seconds.

        `key` names it: a task that waits under the same kind and key is replaced. Returns the task's id.
        """
        return self.cloud.schedule(self, kind, payload, delay, key)

    def cancel(self, kind: str, key: str) -> None:
        """Removes the waiting task of that kind and key, if any."""
        self.cloud.cancel(self, kind, key)

    def deliver(self, target_arn: str, event: Mapping[str, Any], **options: Any) -> None:
        """Commits a delivery of `event` to `target_arn` with this transaction; the target's service executes it."""
        self.cloud.deliver(self, target_arn, event, options)


def _own(params: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that shares no container with the caller's; bodies that are streamed are handed on."""
    return {name: _owned(value) for name, value in params.items()}


def _owned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _owned(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_owned(inner) for inner in value]
    return value
