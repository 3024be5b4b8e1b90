"""What a line of the bill is asked about: dimensions, tags, and the expressions that filter by them. Pure.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Expression.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api.usage import Hour
from fogbank.services.ce.periods import invalid

Test = Callable[[Hour], bool]

DIMENSIONS: dict[str, Callable[[Hour], str]] = {
    "LINKED_ACCOUNT": lambda row: row.account,
    "REGION": lambda row: row.region,
    "RESOURCE_ID": lambda row: row.resource,
    "SERVICE": lambda row: row.service,
    "USAGE_TYPE": lambda row: row.usage_type,
}
_OPTIONS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda value, given: value == given,
    "STARTS_WITH": lambda value, given: value.startswith(given),
    "ENDS_WITH": lambda value, given: value.endswith(given),
    "CONTAINS": lambda value, given: given in value,
}
MOST_DEPTH = 20


def dimension(key: str) -> Callable[[Hour], str]:
    """Raises ValidationException for a dimension that the usage here does not have."""
    found = DIMENSIONS.get(key)
    if found is None:
        raise invalid(f"Dimension {key} is not kept here; these are: {', '.join(sorted(DIMENSIONS))}.")
    return found


def tag(key: str) -> Callable[[Hour], str]:
    """An untagged resource has an empty value, as in AWS's groups."""
    return lambda row: row.tags.get(key, "")


def compiled(expression: dict[str, Any], depth: int = 0) -> Test:
    """Raises ValidationException. An expression has one root: And, Or, Not, Dimensions or Tags."""
    roots = [name for name, value in expression.items() if value is not None]
    if len(roots) != 1:
        raise invalid("Expression has incorrect number of roots; expected one of And, Or, Not, Dimensions, Tags.")
    if depth > MOST_DEPTH:
        raise invalid("Expression is nested too deep.")
    root, value = roots[0], expression[roots[0]]
    if root in ("And", "Or"):
        if len(value) < 2:
            raise invalid(f"Expression with {root} must have at least two operands.")
        tests, join = [compiled(part, depth + 1) for part in value], all if root == "And" else any
        return lambda row: join(test(row) for test in tests)
    if root == "Not":
        test = compiled(value, depth + 1)
        return lambda row: not test(row)
    if root in ("Dimensions", "Tags"):
        return _values(value, dimension(value.get("Key", "")) if root == "Dimensions" else tag(value.get("Key", "")))
    raise invalid(f"{root} is not kept here.")


def _values(given: dict[str, Any], read: Callable[[Hour], str]) -> Test:
    values, options = given.get("Values") or [], given.get("MatchOptions") or ["EQUALS"]
    if "ABSENT" in options:
        return lambda row: not read(row)
    lowered = "CASE_INSENSITIVE" in options
    if lowered:
        values = [value.lower() for value in values]
    kinds = [_OPTIONS[option] for option in options if option in _OPTIONS] or [_OPTIONS["EQUALS"]]

    def test(row: Hour) -> bool:
        value = read(row).lower() if lowered else read(row)
        return any(kind(value, one) for kind in kinds for one in values)

    return test


def grouping(definition: dict[str, str]) -> Callable[[Hour], str]:
    """The key of a row's group. Raises ValidationException."""
    kind, key = definition.get("Type"), definition.get("Key") or ""
    if kind == "DIMENSION":
        return dimension(key)
    if kind == "TAG":
        read = tag(key)
        return lambda row: f"{key}${read(row)}"
    raise invalid(f"Groups by {kind} are not kept here.")
