"""The platform as the context sees it. The composition root builds the one implementation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fogbank.iam.principal import Principal

if TYPE_CHECKING:
    from fogbank.api.context import Context
    from fogbank.api.resources import ResourceType
    from fogbank.api.service import Service
    from fogbank.iam.sessions import Credentials
    from fogbank.store import Store
    from fogbank.wire.messages import Request
    from fogbank.work import Clock

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose at start-up."""

    data_dir: Path
    port: int = 4566
    listen: str = "127.0.0.1"
    strict: bool = False
    isolation: str = "auto"
    """The weakest sandbox tier that is acceptable: `full`, `user`, `container`, or `auto`."""
    enforce_runtime_dates: bool = False
    """Refuse deprecated Lambda runtimes from the dates on which AWS does."""
    obtain_runtimes: bool = True
    """Whether what a function's runtime lacks may be got from the package registries when it is needed."""


class Cloud(Protocol):
    """Behind `Context`: services do not use it directly, except `settings`."""

    @property
    def settings(self) -> Settings: ...

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def random(self) -> Random: ...

    @property
    def endpoint(self) -> str:
        """Where this cloud is reached from this machine: `http://localhost:4566`."""
        ...

    def signer(self, ctx: Context, request: Request) -> Principal:
        """Who signed a request to a data-plane address; in a transaction. Raises AwsError for nobody, or a forger."""
        ...

    def issue(self, session: Principal) -> Credentials:
        """Temporary credentials of a session whose `expires_at` is set."""
        ...

    def seal(self, text: str, expires: int) -> str:
        """A query string that proves, until `expires` (epoch seconds), that we gave out the address it is put on."""
        ...

    def sealed(self, text: str, query: str) -> bool:
        """Whether `query` is such a proof for `text`, and still good."""
        ...

    def key_holder(self, ctx: Context, access_key: str, token: str) -> tuple[Principal, str]:
        """Whose key that is, and its secret, for a signature that S3 verifies itself. Raises S3's errors."""
        ...

    def context(self, service: str, account: str, region: str, principal: Principal) -> Context:
        """A context for work that no request caused."""
        ...

    def service(self, name: str) -> Service:
        """The service's manifest, imported at first use. Raises KeyError for one that Fogbank does not have."""
        ...

    def resource_type(self, type_name: str) -> ResourceType | None:
        """The CloudFormation type of that name (`AWS::SQS::Queue`), where some service has it."""
        ...

    def component(self, kind: type[C]) -> C: ...

    def call(
        self, ctx: Context, service: str, operation: str, params: dict[str, Any],
        principal: Principal | None, account: str | None, region: str | None,
    ) -> dict[str, Any]: ...

    async def call_async(
        self, ctx: Context, service: str, operation: str, params: dict[str, Any],
        principal: Principal | None, account: str | None, region: str | None,
    ) -> dict[str, Any]: ...

    def assume(self, ctx: Context, role_arn: str, session_name: str, service_principal: str) -> Principal: ...

    def authorise(
        self, ctx: Context, action: str, resource: str, context: Mapping[str, Any], principal: Principal
    ) -> None: ...

    def schedule(self, ctx: Context, kind: str, payload: Mapping[str, Any], delay: float, key: str) -> str: ...

    def cancel(self, ctx: Context, kind: str, key: str) -> None: ...

    def deliver(self, ctx: Context, target_arn: str, event: Mapping[str, Any], options: Mapping[str, Any]) -> None: ...
