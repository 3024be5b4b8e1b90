"""The Condition block: `{operator: {key: value | [values]}}`, compiled to tests over a request's facts.

All operators of the block and all keys of an operator must hold; of a key's values one suffices (of a negated
operator's, none may match). https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address, ip_network
from typing import Any

from fogbank.iam.facts import Facts, as_text
from fogbank.iam.glob import Matcher, compile_glob
from fogbank.iam.variables import Template, compile_text

Test = Callable[[Facts], bool]
Compare = Callable[[str, Facts], bool]
"""Does this one value of the request match any of the policy's values?"""
Comparison = Callable[[Sequence[str], bool], Compare]
"""Makes a Compare of the policy's values; the flag says whether the document's version has variables."""


class UnknownOperator(ValueError):
    """No such condition operator."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of one operator."""

    operator: str
    key: str
    """In lower case."""
    name: str
    """As the policy spells it."""
    test: Test


def compile_conditions(block: Mapping[str, Any], version_2012: bool) -> tuple[Condition, ...]:
    """Raises UnknownOperator, or ValueError where a value is not of the operator's type."""
    out = []
    for operator, keys in block.items():
        for name, values in keys.items():
            texts = [as_text(value) for value in values] if isinstance(values, list) else [as_text(values)]
            key = _key(name)
            out.append(Condition(operator, key, name, _test(operator, key, texts, version_2012)))
    return tuple(out)


def _key(name: str) -> str:
    """Key names fold case; what follows the slash of a tag key does too, since tag keys compare case-insensitively."""
    return name.lower()


def _test(operator: str, key: str, values: Sequence[str], version_2012: bool) -> Test:
    quantifier, colon, base = operator.rpartition(":")
    if colon and quantifier.lower() not in ("forallvalues", "foranyvalue"):
        raise UnknownOperator(operator)
    name = base.lower()
    if name == "null":
        return _null(key, values)
    if_exists = name.endswith("ifexists")
    if if_exists:
        name = name.removesuffix("ifexists")
    try:
        comparison, negated = _OPERATORS[name]
    except KeyError:
        raise UnknownOperator(operator) from None
    compare = comparison(values, version_2012)
    return _quantified(quantifier.lower(), key, compare, negated, if_exists)


def _quantified(quantifier: str, key: str, compare: Compare, negated: bool, if_exists: bool) -> Test:
    """What a missing key means: a negated operator holds, as do IfExists and ForAllValues; all else does not."""
    everyone = quantifier == "forallvalues"
    # A plain negated operator over several values of the request holds only if none of them matches.
    every = everyone or (negated and not quantifier)
    missing = if_exists or everyone or (negated and not quantifier)

    def test(facts: Facts) -> bool:
        values = facts.get(key)
        if not values:
            return missing
        if every:
            return all(compare(value, facts) != negated for value in values)
        return any(compare(value, facts) != negated for value in values)

    return test


def _null(key: str, values: Sequence[str]) -> Test:
    absent = {value.lower() == "true" for value in values}
    return lambda facts: (not facts.get(key)) in absent


def _strings(fold: bool) -> Comparison:
    def make(values: Sequence[str], version_2012: bool) -> Compare:
        texts = [compile_text(value, version_2012) for value in values]
        plain = frozenset(text.lower() if fold else text for text in texts if isinstance(text, str))
        templates = [text for text in texts if isinstance(text, Template)]

        def compare(value: str, facts: Facts) -> bool:
            if fold:
                value = value.lower()
            if value in plain:
                return True
            for template in templates:
                text = template.text(facts)
                if text is not None and value == (text.lower() if fold else text):
                    return True
            return False

        return compare

    return make


def _globs(matcher: Callable[[str], Matcher]) -> Comparison:
    def make(values: Sequence[str], version_2012: bool) -> Compare:
        texts = [compile_text(value, version_2012) for value in values]
        plain = [matcher(text) for text in texts if isinstance(text, str)]
        templates = [text for text in texts if isinstance(text, Template)]

        def compare(value: str, facts: Facts) -> bool:
            if any(match(value) for match in plain):
                return True
            matchers = (template.glob(facts) for template in templates)
            return any(match is not None and match(value) for match in matchers)

        return compare

    return make


def _arn_matcher(pattern: str) -> Matcher:
    """Each of an ARN's six parts is compared on its own, so that no wildcard reaches across a colon but in the last."""
    if pattern == "*":
        return lambda text: text.startswith("arn:")
    parts = [compile_glob(part) for part in pattern.split(":", 5)]

    def match(text: str) -> bool:
        own = text.split(":", 5)
        return len(own) == len(parts) and all(part(value) for part, value in zip(parts, own, strict=True))

    return match


def _typed(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Comparison:
    def make(values: Sequence[str], version_2012: bool) -> Compare:
        wanted = [read(value) for value in values]

        def compare(value: str, facts: Facts) -> bool:
            try:
                own = read(value)
            except ValueError:
                return False
            return any(holds(own, other) for other in wanted)

        return compare

    return make


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    return number


def _date(text: str) -> float:
    """Epoch seconds of an ISO 8601 date (W3C's profile of it) or of epoch seconds themselves."""
    try:
        return float(_number(text))
    except ValueError:
        pass
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _bool(text: str) -> bool:
    """AWS takes what is not `true` for false."""
    return text.lower() == "true"


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(text) from None


def _address(values: Sequence[str], version_2012: bool) -> Compare:
    networks = [ip_network(value, strict=False) for value in values]

    def compare(value: str, facts: Facts) -> bool:
        try:
            own = ip_address(value)
        except ValueError:
            return False
        return any(own in network for network in networks)

    return compare


def _same(own: Any, other: Any) -> bool:
    return bool(own == other)


def _less(own: Any, other: Any) -> bool:
    return bool(own < other)


def _at_most(own: Any, other: Any) -> bool:
    return bool(own <= other)


def _more(own: Any, other: Any) -> bool:
    return bool(own > other)


def _at_least(own: Any, other: Any) -> bool:
    return bool(own >= other)


_OPERATORS: dict[str, tuple[Comparison, bool]] = {
    "stringequals": (_strings(fold=False), False),
    "stringnotequals": (_strings(fold=False), True),
    "stringequalsignorecase": (_strings(fold=True), False),
    "stringnotequalsignorecase": (_strings(fold=True), True),
    "stringlike": (_globs(compile_glob), False),
    "stringnotlike": (_globs(compile_glob), True),
    "arnequals": (_globs(_arn_matcher), False),
    "arnlike": (_globs(_arn_matcher), False),
    "arnnotequals": (_globs(_arn_matcher), True),
    "arnnotlike": (_globs(_arn_matcher), True),
    "numericequals": (_typed(_number, _same), False),
    "numericnotequals": (_typed(_number, _same), True),
    "numericlessthan": (_typed(_number, _less), False),
    "numericlessthanequals": (_typed(_number, _at_most), False),
    "numericgreaterthan": (_typed(_number, _more), False),
    "numericgreaterthanequals": (_typed(_number, _at_least), False),
    "dateequals": (_typed(_date, _same), False),
    "datenotequals": (_typed(_date, _same), True),
    "datelessthan": (_typed(_date, _less), False),
    "datelessthanequals": (_typed(_date, _at_most), False),
    "dategreaterthan": (_typed(_date, _more), False),
    "dategreaterthanequals": (_typed(_date, _at_least), False),
    "bool": (_typed(_bool, _same), False),
    "binaryequals": (_typed(_binary, _same), False),
    "ipaddress": (_address, False),
    "notipaddress": (_address, True),
}
