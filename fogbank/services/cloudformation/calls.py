"""The calls that CloudFormation makes for a resource: in whose name, and what it tells the resource type."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from fogbank.api import Context
from fogbank.services.cloudformation.records import Operation, Stack, Step

PRINCIPAL = "cloudformation.amazonaws.com"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def acting(ctx: Context, operation: Operation) -> Context:
    """The context in which an operation's calls are made: the stack's role, else forward access for the deployer.

    `via` stands for both: services tell by it that CloudFormation asks (S3 lets it alone set `aws:` tags). AWS has
    `aws:CalledVia` for forward access only.
    """
    principal = operation.principal
    if operation.role_arn:
        principal = ctx.cloud.assume(ctx, operation.role_arn, "AWSCloudFormation", PRINCIPAL)
    return ctx.acting(principal=principal, account=operation.account, region=operation.region, via=PRINCIPAL)


@dataclass(slots=True)
class StackCall:
    """`ResourceCall` for one step."""

    ctx: Context
    """Without a transaction, in the name of the operation."""
    stack: Stack
    operation: Operation
    step: Step
    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str
    token: str
    tags: dict[str, str]
    resource_type: str = ""
    creation_policy: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        ctx: Context,
        stack: Stack,
        operation: Operation,
        step: Step,
        logical_id: str,
        tags: dict[str, str],
        resource_type: str,
    ) -> StackCall:
        return cls(
            acting(ctx, operation),
            stack,
            operation,
            step,
            stack.account,
            stack.region,
            stack.name,
            stack.id,
            logical_id,
            step.token,
            {**tags, **system_tags(stack, logical_id)},
            resource_type,
        )

    async def __call__(self, service: str, operation: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self.ctx.call_async(service, operation, params or {})

    def generate_name(self, limit: int, *, lower: bool = False, separator: str = "-") -> str:
        """`stack-logicalId-RANDOM`: the suffix hangs on the step's token, so a step run again says the same name."""
        suffix = random_suffix(self.token, 12)
        room = limit - len(suffix) - 2 * len(separator)
        stack, logical = self.stack_name, self.logical_id
        if len(stack) + len(logical) > room:
            # CloudFormation shortens the longer of the two first, each to half of the room at least.
            half = max(room // 2, 1)
            logical = logical[: max(half, room - len(stack))]
            stack = stack[: room - len(logical)]
        if separator != "-":
            stack = re.sub(r"[^A-Za-z0-9]", separator, stack)
        name = separator.join((stack.rstrip("-"), logical, suffix))
        return name.lower() if lower else name

    async def sleep(self, seconds: float) -> None:
        await self.ctx.cloud.clock.sleep(seconds)


def random_suffix(token: str, length: int) -> str:
    """Letters and digits that look random, always the same for a token."""
    number = int.from_bytes(hashlib.sha256(token.encode()).digest(), "big")
    out = []
    for _ in range(length):
        number, letter = divmod(number, len(_LETTERS))
        out.append(_LETTERS[letter])
    return "".join(out)


def system_tags(stack: Stack, logical_id: str) -> dict[str, str]:
    return {
        "aws:cloudformation:stack-name": stack.name,
        "aws:cloudformation:stack-id": stack.id,
        "aws:cloudformation:logical-id": logical_id,
    }
