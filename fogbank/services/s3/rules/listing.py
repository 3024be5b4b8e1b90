"""One page of a listing with prefix and delimiter, over any source of ordered entries that can skip ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

from fogbank.services.s3.errors import invalid_argument
from fogbank.services.s3.rules.names import after_prefix

E = TypeVar("E")


@dataclass(slots=True)
class Page(Generic[E]):
    entries: list[E] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""
    """The last key or common prefix on the page."""


def page(
    read: Callable[[str], Iterable[E]],
    key_of: Callable[[E], str],
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    first: Iterable[E] = (),
) -> Page[E]:
    """Collects up to `limit` entries and common prefixes that come after `after`.

    `read(start)` gives the entries whose key is `start` or later, in order and lazily. Beyond a common prefix a new
    read begins, so that its keys are never looked at: the cost depends on the page alone. `first` are entries to put
    before all others (the rest of a key whose versions were cut by the last page).
    """
    result: Page[E] = Page()
    if limit == 0:
        return result
    for entry in first:
        if _full(result, limit):
            return result
        result.entries.append(entry)
        result.last = key_of(entry)
    start: str | None = max(prefix, after + "\0" if after else "")
    if after and delimiter and after.startswith(prefix):
        # A marker within a common prefix (as NextMarker is) stands for the whole of it.
        group = _group(after, prefix, delimiter)
        if group is not None:
            start = after_prefix(group)
    while start is not None:
        skip_to: str | None = None
        for entry in read(start):
            key = key_of(entry)
            if not key.startswith(prefix):
                return result
            group = _group(key, prefix, delimiter)
            if _full(result, limit):
                return result
            if group is None:
                result.entries.append(entry)
                result.last = key
                continue
            result.prefixes.append(group)
            result.last = group
            skip_to = after_prefix(group)
            break
        start = skip_to
    return result


def _full(result: Page[E], limit: int) -> bool:
    if len(result.entries) + len(result.prefixes) < limit:
        return False
    result.truncated = True
    return True


def _group(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter:
        return None
    cut = key.find(delimiter, len(prefix))
    return None if cut < 0 else key[: cut + len(delimiter)]


def check_encoding_type(value: str | None) -> bool:
    """Whether names are to be URL-encoded. Raises InvalidArgument for anything but `url`."""
    if value is None:
        return False
    if value != "url":
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", value)
    return True


def encode(text: str | None) -> str | None:
    """As S3 encodes keys in listings: a slash, a star and the unreserved letters stay."""
    return None if text is None else quote(text, safe="/*", errors="surrogatepass")


def plain(text: str | None) -> str | None:
    return text


def check_limit(value: int | None, name: str, most: int = 1000) -> int:
    """The page size: `most` by default and at most. Raises InvalidArgument for a negative one."""
    if value is None:
        return most
    if value < 0 or value > 2**31 - 1:
        raise invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, value)
    return min(value, most)
