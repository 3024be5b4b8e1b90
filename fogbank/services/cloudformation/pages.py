"""Paging through lists that are at hand as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from fogbank.kit import paging
from fogbank.services.cloudformation.errors import validation

T = TypeVar("T")


def page_of(req: dict[str, Any], items: Sequence[T], size: int) -> list[T]:
    """The page that the request's NextToken asks for."""
    start = position(req)
    return list(items[start : start + size])


def token_after(req: dict[str, Any], items: Sequence[Any], size: int) -> str | None:
    """The token of the page after; None at the end."""
    end = position(req) + size
    return paging.encode(end) if end < len(items) else None


def position(req: dict[str, Any]) -> int:
    """Where the request's page begins. Raises AwsError(`ValidationError`) for a token that is not ours."""
    token = req.get("NextToken")
    if not token:
        return 0
    try:
        start = paging.decode(token)
    except ValueError as error:
        raise validation("Invalid pagination token") from error
    if not isinstance(start, int) or start < 0:
        raise validation("Invalid pagination token")
    return start
