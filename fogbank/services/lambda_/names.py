"""How a function is named: by name, partial ARN, or ARN, with or without a qualifier."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fogbank.api import AwsError, Context

# https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html, `FunctionName`
_NAME = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?"
    r"(?:(?P<region>[a-z]{2}(?:-gov|-iso\w?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


class FunctionName(NamedTuple):
    account: str
    region: str
    name: str
    qualifier: str
    """A version's number, an alias, `$LATEST`, or empty."""

    @property
    def arn(self) -> str:
        base = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        return f"{base}:{self.qualifier}" if self.qualifier else base

    def unqualified(self) -> FunctionName:
        return self._replace(qualifier="")

    def explicit(self) -> FunctionName:
        """With `$LATEST` where nothing was said, as some operations name a function that is missing."""
        return self if self.qualifier else self._replace(qualifier="$LATEST")


def resolve(ctx: Context, req: dict[str, Any]) -> FunctionName:
    """The function that `FunctionName` and `Qualifier` name, in the call's account and region unless an ARN says more."""
    text, qualifier = req["FunctionName"], req.get("Qualifier") or ""
    match = _NAME.fullmatch(text)
    if not match:
        raise AwsError("InvalidParameterValueException", f"Invalid function name: {text}", status=400, Type="User")
    inside = match["qualifier"] or ""
    if inside and qualifier and inside != qualifier:
        raise AwsError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
            status=400,
            Type="User",
        )
    region = match["region"] or ctx.region
    if region != ctx.region:
        raise AwsError(
            "ResourceNotFoundException",
            f"Functions from '{region}' are not reachable in this region ('{ctx.region}')",
            status=404,
            Type="User",
        )
    return FunctionName(match["account"] or ctx.account, region, match["name"], inside or qualifier)


def access(action: str, *, qualified: bool = True) -> Any:
    """The IAM check of an operation on a function: `action` on the ARN that the request names."""

    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        name = resolve(ctx, req)
        return [(f"lambda:{action}", name.arn if qualified else name.unqualified().arn)]

    return rule
