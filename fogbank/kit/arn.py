"""Amazon Resource Names: `arn:partition:service:region:account:resource`."""

from __future__ import annotations

from typing import NamedTuple


class Arn(NamedTuple):
    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def type(self) -> str:
        """`function` of `function:hello`, `role` of `role/path/name`, empty where the resource has no type."""
        cut = min((i for i in (self.resource.find(":"), self.resource.find("/")) if i >= 0), default=0)
        return self.resource[:cut]

    @property
    def id(self) -> str:
        """What follows the type: `hello` of `function:hello`."""
        return self.resource[len(self.type) + 1 :] if self.type else self.resource


def parse(text: str) -> Arn | None:
    """The ARN's parts, or None where `text` is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2]:
        return None
    return Arn(*parts[1:])
