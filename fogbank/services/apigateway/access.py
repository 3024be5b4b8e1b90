"""API Gateway's IAM checks: the HTTP method as action, the path as resource.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fogbank.api import Context
from fogbank.api.service import AccessRule


def access(method: str, template: str) -> AccessRule:
    """The check for `method` on a path whose `{members}` are the request's (`/restapis/{restApiId}`)."""

    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        return [(f"apigateway:{method}", arn(ctx, template.format_map(req)))]

    return rule


def arn(ctx: Context, path: str) -> str:
    return f"arn:{ctx.partition}:apigateway:{ctx.region}::{path}"


def tags_access(method: str) -> AccessRule:
    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        return [(f"apigateway:{method}", arn(ctx, f"/tags/{quote(req['resourceArn'], safe='')}"))]

    return rule
