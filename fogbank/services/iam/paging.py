"""IAM's paging: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from fogbank.kit import paging
from fogbank.services.iam.errors import validation

R = TypeVar("R")
_DEFAULT = 100


def page(
    req: Mapping[str, Any], rows: Callable[[Any], Iterator[R]], place: Callable[[R], Any]
) -> tuple[list[R], dict[str, Any]]:
    """One page of `rows(after)`, and the members that tell whether there is more.

    `place(row)` is a row's position, a string or a list of key members, which comes back as `after` (None at first).
    """
    limit = req.get("MaxItems") or _DEFAULT
    after = _after(req)
    found = list(islice(rows(tuple(after) if isinstance(after, list) else after), limit + 1))
    if len(found) <= limit:
        return found, {"IsTruncated": False}
    return found[:limit], {"IsTruncated": True, "Marker": paging.encode(place(found[limit - 1]))}


def page_of(req: Mapping[str, Any], items: Iterable[R], place: Callable[[R], str]) -> tuple[list[R], dict[str, Any]]:
    """As `page`, of items at hand that are in the order of their places."""
    return page(req, lambda after: (item for item in items if after is None or place(item) > after), place)


def _after(req: Mapping[str, Any]) -> Any:
    if not req.get("Marker"):
        return None
    try:
        return paging.decode(req["Marker"])
    except ValueError:
        raise validation("Invalid Marker.") from None
