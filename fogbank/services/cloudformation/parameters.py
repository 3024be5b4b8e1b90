"""Template parameters: what was passed against what the template declares.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import regex

from fogbank.kit.errors import AwsError
from fogbank.services.cloudformation.errors import format_error, validation

_SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>\Z")
_PLAIN = frozenset(
    (
        "String",
        "Number",
        "CommaDelimitedList",
        "List<Number>",
        "List<String>",
        "AWS::SSM::Parameter::Name",
    )
)
_SPECIFIC = re.compile(r"(List<)?AWS::(EC2|Route53)::[A-Za-z]+::[A-Za-z]+(\.[A-Za-z]+)?>?\Z")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\Z")
MAX_VALUE = 4096


@dataclass(slots=True)
class Parameter:
    """A parameter as a stack has it. `value` is what was passed; `resolved` is what an SSM type looked up."""

    name: str
    type: str
    value: str
    resolved: str | None = None
    no_echo: bool = False

    @property
    def is_list(self) -> bool:
        inner = _SSM_VALUE.match(self.type)
        kind = inner[1] if inner else self.type
        return kind == "CommaDelimitedList" or kind.startswith("List<")

    @property
    def effective(self) -> str | list[str]:
        """What `Ref` gives."""
        text = self.value if self.resolved is None else self.resolved
        return [item.strip() for item in text.split(",")] if self.is_list else text

    def described(self) -> dict[str, Any]:
        """As DescribeStacks and DescribeChangeSet show it."""
        out = {"ParameterKey": self.name, "ParameterValue": "****" if self.no_echo else self.value}
        if self.resolved is not None:
            out["ResolvedValue"] = "****" if self.no_echo else self.resolved
        return out


def ssm_name(parameter: Parameter) -> str | None:
    """The name to look up in Parameter Store, for the `AWS::SSM::Parameter::Value<...>` types."""
    return parameter.value if _SSM_VALUE.match(parameter.type) else None


def text_of(value: Any) -> str:
    """A template's scalar as the string that CloudFormation passes on."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def default_of(name: str, declared: dict[str, Any]) -> str | None:
    default = declared.get("Default")
    if default is None:
        return None
    if isinstance(default, dict | list):
        raise format_error("Every Default member must be a string.")
    return text_of(default)


def gather(
    declared: dict[str, dict[str, Any]],
    passed: list[dict[str, Any]],
    previous: dict[str, str],
    *,
    is_update: bool,
) -> dict[str, Parameter]:
    """The stack's parameters. Raises AwsError(`ValidationError`).

    `passed` is the request's Parameters; `previous` the values that `UsePreviousValue` takes up.
    """
    given: dict[str, str] = {}
    for entry in passed:
        name = entry.get("ParameterKey")
        if not name:
            raise validation("Parameter key must be specified.")
        if entry.get("UsePreviousValue"):
            if entry.get("ParameterValue") is not None:
                raise validation(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and non empty value "
                    "for a parameter"
                )
            if not is_update or name not in previous:
                raise validation(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter key "
                    "not in the previous template"
                )
            given[name] = previous[name]
        else:
            given[name] = entry.get("ParameterValue") or ""
    surplus = [name for name in given if name not in declared]
    if surplus:
        raise validation(f"Parameters: [{', '.join(surplus)}] do not exist in the template")
    values: dict[str, Parameter] = {}
    missing: list[str] = []
    for name, declaration in declared.items():
        kind = declaration["Type"]
        check_type(kind)
        value = given.get(name, default_of(name, declaration))
        if value is None:
            missing.append(name)
            continue
        values[name] = Parameter(name, kind, value, no_echo=str(declaration.get("NoEcho", "")).lower() == "true")
    for name in missing:
        if _SSM_VALUE.match(declared[name]["Type"]):
            raise validation(f"Parameter {name} should either have input value or default value")
    if missing:
        raise validation(f"Parameters: [{', '.join(missing)}] must have values")
    for name, parameter in values.items():
        _check_value(parameter, declared[name])
    return values


def check_type(kind: str) -> None:
    inner = _SSM_VALUE.match(kind)
    plain = inner[1] if inner else kind
    if plain not in _PLAIN and not _SPECIFIC.match(plain):
        raise format_error(f"Unrecognized parameter type: {kind}")


def _check_value(parameter: Parameter, declared: dict[str, Any]) -> None:
    if len(parameter.value) > MAX_VALUE:
        raise validation(f"Parameter '{parameter.name}' must contain at most {MAX_VALUE} characters")
    items = (
        [item.strip() for item in parameter.value.split(",")]
        if parameter.is_list and not ssm_name(parameter)
        else [parameter.value]
    )
    for item in items:
        complaint = _complaint(parameter, declared, item)
        if complaint:
            description = declared.get("ConstraintDescription")
            if description is not None and complaint != "must be a number.":
                raise validation(f"Parameter {parameter.name} failed to satisfy constraint: {description}")
            raise validation(f"Parameter '{parameter.name}' {complaint}")


def _complaint(parameter: Parameter, declared: dict[str, Any], item: str) -> str | None:
    if parameter.type in ("Number", "List<Number>"):
        if not _NUMBER.match(item):
            return "must be a number."
        low, high = _bound(declared, "MinValue"), _bound(declared, "MaxValue")
        if low is not None and float(item) < low:
            return f"must be a number not less than {text_of(declared['MinValue'])}"
        if high is not None and float(item) > high:
            return f"must be a number not greater than {text_of(declared['MaxValue'])}"
    allowed = declared.get("AllowedValues")
    if isinstance(allowed, list) and item not in [text_of(value) for value in allowed]:
        return "must be one of AllowedValues"
    shortest, longest = _bound(declared, "MinLength"), _bound(declared, "MaxLength")
    if shortest is not None and len(item) < shortest:
        return f"must contain at least {int(shortest)} characters"
    if longest is not None and len(item) > longest:
        return f"must contain at most {int(longest)} characters"
    pattern = declared.get("AllowedPattern")
    if isinstance(pattern, str) and not _matches(parameter.name, pattern, item):
        return f"must match pattern {pattern}"
    return None


def _bound(declared: dict[str, Any], name: str) -> float | None:
    bound = declared.get(name)
    if bound is None:
        return None
    try:
        return float(bound)
    except (TypeError, ValueError) as error:
        raise format_error(f"Every {name} member must be a number.") from error


_PATTERN_SECONDS = 0.25


def _matches(name: str, pattern: str, text: str) -> bool:
    """Whether the pattern (Java's; near enough `regex`'s) matches the whole text.

    Both come from the caller, and may be made to take for ever: the matching is given a little time.
    """
    try:
        return regex.fullmatch(pattern, text, timeout=_PATTERN_SECONDS) is not None
    except TimeoutError as error:
        raise validation(f"Parameter '{name}': matching its AllowedPattern takes too long") from error
    except (regex.error, RecursionError, OverflowError) as error:
        raise format_error(f"AllowedPattern of parameter {name} is not a valid regular expression: {pattern}") from error


def declarations(declared: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """As ValidateTemplate shows them."""
    out = []
    for name, declaration in declared.items():
        entry = {"ParameterKey": name, "NoEcho": str(declaration.get("NoEcho", "")).lower() == "true"}
        default = default_of(name, declaration)
        if default is not None:
            entry["DefaultValue"] = default
        if declaration.get("Description") is not None:
            entry["Description"] = text_of(declaration["Description"])
        out.append(entry)
    return out


def summaries(declared: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """As GetTemplateSummary shows them."""
    out = []
    for name, declaration in declared.items():
        entry: dict[str, Any] = {
            "ParameterKey": name,
            "ParameterType": declaration["Type"],
            "NoEcho": str(declaration.get("NoEcho", "")).lower() == "true",
            "ParameterConstraints": {},
        }
        default = default_of(name, declaration)
        if default is not None:
            entry["DefaultValue"] = default
        if declaration.get("Description") is not None:
            entry["Description"] = text_of(declaration["Description"])
        if isinstance(declaration.get("AllowedValues"), list):
            entry["ParameterConstraints"] = {"AllowedValues": [text_of(v) for v in declaration["AllowedValues"]]}
        out.append(entry)
    return out


def no_value(names: list[str]) -> AwsError:
    """Parameter Store has no such parameters."""
    return validation(f"Unable to fetch parameters [{','.join(names)}] from parameter store for this account.")
