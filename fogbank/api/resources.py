"""CloudFormation resource types, as each service's `resources.py` declares them: thin maps onto public operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True)
class Provisioned:
    """What a resource became: its physical id (what `Ref` gives) and its attributes (what `Fn::GetAtt` gives)."""

    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict)


class ResourceCall(Protocol):
    """What CloudFormation hands to a resource type: calls in the name of the deploying principal or the stack's role."""

    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str
    token: str
    """A client request token: the same when the step is run again after a crash. Pass it where the API takes one."""
    tags: dict[str, str]
    """Stack tags and the `aws:cloudformation:*` tags, for resources that take tags."""

    async def __call__(self, service: str, operation: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Calls a public operation, IAM included. Raises AwsError as the operation does."""
        ...

    def generate_name(self, limit: int, *, lower: bool = False, separator: str = "-") -> str:
        """`stack-logicalId-RANDOM` within `limit` characters; the same when the step is run again."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits between polls of a resource that becomes ready by and by."""
        ...


class ResourceType:
    """One CloudFormation type. Subclasses set the class attributes and override the three coroutines.

    Properties arrive resolved (no intrinsic function is left), numbers and booleans as the template gave them, or as
    strings: convert with `int()` where the API wants a number. A `create` that is run again after a crash, with the
    same `call.token` and `call.generate_name`, must not make a second resource: treat "already exists" of a name that
    `generate_name` made as success.
    """

    type_name: str = ""
    required: frozenset[str] = frozenset()
    properties: frozenset[str] | None = None
    """Every property the type has; None accepts any. An unknown one fails the resource as CloudFormation says it."""
    create_only: frozenset[str] = frozenset()
    """Properties whose change replaces the resource."""

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        raise NotImplementedError

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        raise NotImplementedError

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        """Deletes the resource; one that is already gone is a success."""
        raise NotImplementedError
