"""Session tags, and those among them that later sessions of a chain inherit.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fogbank.iam.principal import Principal
from fogbank.services.sts.errors import invalid_value

Tags = tuple[tuple[str, str], ...]


def from_request(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    given = [(tag["Key"], tag.get("Value") or "") for tag in tags or ()]
    if len({key.lower() for key, _ in given}) != len(given):
        raise invalid_value("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return dict(given)


def chained(caller: Principal, tags: Mapping[str, str], transitive: Iterable[str]) -> tuple[Tags, tuple[str, ...]]:
    """The new session's tags and transitive keys: those asked for, and those that the calling session hands on."""
    handed_on = {key: value for key, value in caller.session_tags if key in caller.transitive_tags}
    folded = {key.lower() for key in handed_on}
    wanted = list(transitive)
    if any(key.lower() in folded for key in tags):
        raise invalid_value(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session."
        )
    if not {key.lower() for key in wanted} <= {key.lower() for key in tags}:
        raise invalid_value("The specified transitive tag key must be included in the requested tags.")
    return tuple({**handed_on, **tags}.items()), (*handed_on, *wanted)


def keys(tags: Mapping[str, str], transitive: Iterable[str]) -> dict[str, object]:
    """The condition keys of what is asked for."""
    asked: dict[str, object] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        asked["aws:TagKeys"] = list(tags)
    if wanted := list(transitive):
        asked["sts:TransitiveTagKeys"] = wanted
    return asked
