"""How a resource type of CloudFormation's own says that something outside must happen before a step is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fogbank.kit.errors import AwsError


class Deferred(Exception):
    """Raised by a type's `create`, `update` or `delete`: `resuming.resume` will end the step.

    physical_id  known already, and shown at once as the resource's (nested stacks)
    provisional  what is deleted if the creation is given up before it said its id (custom resources)
    timeout      seconds until the step fails with `expired` as its reason
    binding      whether the step must be waited for even when another failed
    begin        run in the transaction that sets the step aside; it starts what is waited for
    handle       what `count` signals must come to (wait conditions)
    """

    def __init__(
        self,
        *,
        timeout: float,
        expired: str,
        physical_id: str = "",
        provisional: str = "",
        binding: bool = False,
        begin: Any = None,
        handle: str = "",
        count: int = 0,
    ) -> None:
        super().__init__("deferred")
        self.timeout = timeout
        self.expired = expired
        self.physical_id = physical_id
        self.provisional = provisional
        self.binding = binding
        self.begin = begin
        self.handle = handle
        self.count = count


@dataclass(slots=True)
class Outcome:
    """What became of a deferred step."""

    ok: bool
    physical_id: str = ""
    """Empty: as it was when the step was deferred."""
    attributes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    no_echo: bool = False


_HANDLER_CODES = (
    ("AccessDenied", "AccessDenied"),
    ("NotAuthorized", "AccessDenied"),
    ("UnauthorizedOperation", "AccessDenied"),
    ("AlreadyExists", "AlreadyExists"),
    ("AlreadyOwned", "AlreadyExists"),
    ("Conflict", "ResourceConflict"),
    ("NotFound", "NotFound"),
    ("NoSuch", "NotFound"),
    ("Throttl", "Throttling"),
    ("TooManyRequests", "Throttling"),
    ("LimitExceeded", "ServiceLimitExceeded"),
    ("InternalFailure", "InternalFailure"),
)


def handler_message(error: AwsError, token: str) -> str:
    """An operation's error as CloudFormation gives it as a resource's reason."""
    code = next((name for part, name in _HANDLER_CODES if part in error.code), "InvalidRequest")
    return f'Resource handler returned message: "{error.message}" (RequestToken: {token}, HandlerErrorCode: {code})'
