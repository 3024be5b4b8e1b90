"""The address of a container image in ECR, in each form that a client may write it.

`docs/decisions/ecr-addresses.md` says which and why.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_URI = re.compile(
    r"(?P<host>[a-z0-9.-]+(?::[0-9]{1,5})?)/(?P<path>[a-z0-9._/-]{2,300}?)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_REGISTRY = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)(?P<rest>\..*)?")
_AWS = re.compile(r"\.amazonaws\.com(?:\.cn)?")


class ImageUri(NamedTuple):
    account: str
    """Empty where the address names none: the caller's is meant. So is the region."""
    region: str
    repository: str
    tag: str
    digest: str
    """`sha256:...`, or empty."""
    base: str
    """The address without tag and digest."""


def parse(text: str) -> ImageUri | None:
    """What `text` addresses; None where it is no image of an ECR, or names neither tag nor digest."""
    match = _URI.fullmatch(text) if len(text) < 1000 else None
    if match is None or not (match["tag"] or match["digest"]):
        return None
    host, path = match["host"], match["path"]
    where = _REGISTRY.fullmatch(host.partition(":")[0])
    account = region = ""
    if where is not None:
        if not _AWS.fullmatch(where["rest"] or "") and ":" not in host:
            return None
        account, region = where["account"], where["region"]
    elif ":" not in host and host != "localhost":
        return None
    else:
        first, slash, rest = path.partition("/")
        where = _REGISTRY.fullmatch(first)
        if where is not None and slash and not where["rest"]:
            account, region, path = where["account"], where["region"], rest
    base = f"{host}/{match['path']}"
    return ImageUri(account, region, path, match["tag"] or "", match["digest"] or "", base)
