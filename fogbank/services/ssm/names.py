"""How parameters are named and selected: `name`, `/path/name`, an ARN, each with `:version` or `:label`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from fogbank.api import AwsError, Context
from fogbank.kit import arn as arns
from fogbank.services.ssm import errors

# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
_NAME = re.compile(r"[a-zA-Z0-9_.-]+|(/[a-zA-Z0-9_.-]+)+")
MOST_LEVELS = 15
PUBLIC = "/aws/"


class Selected(NamedTuple):
    names: tuple[str, ...]
    """An ARN may mean `name` or `/name`, since both have the same."""
    selector: str
    """A version's number, a label, or empty."""
    arn: str


def check_new(name: str) -> None:
    """Raises AWS's errors for a name that a parameter cannot be given."""
    if not _NAME.fullmatch(name):
        raise errors.bad_name()
    bare = name.lstrip("/").lower()
    if name.startswith("/") and (bare == "aws" or bare.startswith("aws/")):
        raise AwsError("AccessDeniedException", f"No access to reserved parameter name: {name}.", status=400)
    if bare.startswith(("aws", "ssm")):
        raise errors.bad_name()
    if name.count("/") > MOST_LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException",
            f"A hierarchy can have a maximum of {MOST_LEVELS} levels. For more information, see Requirements and "
            "constraints for parameter names in the AWS Systems Manager User Guide. ",
        )


def select(ctx: Context, text: str) -> Selected:
    """What `Name` of a reading call means. Raises ValidationException where it cannot be a name."""
    parsed = arns.parse(text)
    if parsed is not None:
        body, _, selector = parsed.resource.partition(":")
        kind, slash, rest = body.partition("/")
        if parsed.service != "ssm" or kind != "parameter" or not slash or not _NAME.fullmatch(f"/{rest}"):
            raise errors.bad_name()
        own = parsed.account in ("", ctx.account) and parsed.region == ctx.region
        both = (f"/{rest}",) if "/" in rest else (rest, f"/{rest}")
        return Selected(both if own else (), selector, text.removesuffix(f":{selector}") if selector else text)
    name, _, selector = text.partition(":")
    if not _NAME.fullmatch(name) or ":" in selector:
        raise errors.bad_name()
    return Selected((name,), selector, parameter_arn(ctx, name))


def parameter_arn(ctx: Context, name: str) -> str:
    """AWS's public parameters belong to no account."""
    account = "" if name.startswith("/aws/service/") else ctx.account
    return ctx.arn(f"parameter/{name.lstrip('/')}", account=account)


def access(action: str, member: str = "Name") -> Callable[[Context, dict[str, Any]], list[tuple[str, str]]]:
    """The check of an operation on the parameter, or on each of the list of parameters, that `member` names."""

    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        named = req[member] if isinstance(req[member], list) else [req[member]]
        return [(f"ssm:{action}", _asked(ctx, name)) for name in named]

    return rule


def _asked(ctx: Context, text: str) -> str:
    if arns.parse(text):
        return text
    return parameter_arn(ctx, text.partition(":")[0])
