"""Policy documents compiled: what a statement is about, and whether it matches a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from fogbank.iam.conditions import Condition, compile_conditions
from fogbank.iam.facts import Facts
from fogbank.iam.glob import Matcher, any_of
from fogbank.iam.principals import Match, compile_not_principal, compile_principal
from fogbank.iam.variables import Template, compile_text

_MEMO = 1024


class Statement:
    """One statement. `matches` leaves the principal to the evaluator, which wants to know how closely it was named."""

    __slots__ = ("_actions", "_fixed", "_not_action", "_not_resource", "_templates", "_tests",
                 "conditions", "effect", "index", "principal", "sid")

    def __init__(self, source: Mapping[str, Any], index: int, version_2012: bool) -> None:
        self.index = index
        self.sid: str = source.get("Sid") or ""
        self.effect: Literal["Allow", "Deny"] = source["Effect"]
        self._not_action = "NotAction" in source
        self._actions = any_of(pattern.lower() for pattern in _list(source, "NotAction", "Action"))
        self._not_resource = "NotResource" in source
        resources = [compile_text(text, version_2012) for text in _list(source, "NotResource", "Resource")]
        # A statement without Resource is that of a trust policy: it is about whatever the policy is attached to.
        self._fixed: Matcher = any_of([text for text in resources if isinstance(text, str)] if resources else ["*"])
        self._templates = tuple(text for text in resources if isinstance(text, Template))
        self.principal: Match | None = None
        if "Principal" in source:
            self.principal = compile_principal(source["Principal"])
        elif "NotPrincipal" in source:
            self.principal = compile_not_principal(source["NotPrincipal"])
        self.conditions: tuple[Condition, ...] = compile_conditions(source.get("Condition") or {}, version_2012)
        self._tests = tuple(condition.test for condition in self.conditions)

    def covers(self, action: str) -> bool:
        """Is the statement about `action`, given in lower case?"""
        return bool(self._actions(action)) != self._not_action

    def matches(self, resource: str, facts: Facts) -> bool:
        """Do resource and conditions match? The action is known to."""
        if self._fixed(resource):
            if self._not_resource:
                return False
        elif self._templates:
            if not self._templates_match(resource, facts):
                return False
        elif not self._not_resource:
            return False
        for test in self._tests:  # noqa: SIM110 (the plain loop is the quickest)
            if not test(facts):
                return False
        return True

    def _templates_match(self, resource: str, facts: Facts) -> bool:
        unknown = False
        for template in self._templates:
            match = template.glob(facts)
            if match is None:
                unknown = True
            elif match(resource):
                return not self._not_resource
        # Of NotResource with a variable that has no value: doubt goes against the caller.
        return self._not_resource and (self.effect == "Deny" or not unknown)


class Policy:
    """A compiled document. `text` is the JSON it was made of."""

    __slots__ = ("_memo", "statements", "text")

    def __init__(self, text: str, statements: tuple[Statement, ...]) -> None:
        self.text = text
        self.statements = statements
        self._memo: dict[str, tuple[Statement, ...]] = {}

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements that cover `action` (lower case); remembered, since a caller's few actions repeat."""
        known = self._memo.get(action)
        if known is None:
            known = tuple(statement for statement in self.statements if statement.covers(action))
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            self._memo[action] = known
        return known


@lru_cache(maxsize=1024)
def compile(text: str) -> Policy:
    """The policy of a JSON document that `validation` has let in. Cached by its text.

    Raises ValueError for what is no policy document.
    """
    try:
        document = msgspec.json.decode(text)
        version_2012 = document.get("Version") == "2012-10-17"
        statements = document["Statement"]
        if isinstance(statements, Mapping):
            statements = [statements]
        return Policy(text, tuple(Statement(source, i, version_2012) for i, source in enumerate(statements)))
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a policy document: {error!r}") from error


def _list(source: Mapping[str, Any], *names: str) -> list[str]:
    for name in names:
        if name in source:
            value = source[name]
            return value if isinstance(value, list) else [value]
    return []
