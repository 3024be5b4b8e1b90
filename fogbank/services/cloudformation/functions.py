"""What intrinsic functions do with plain values, and the sentences for arguments that do not fit."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from fogbank.services.cloudformation.errors import template_error

UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows for a value that only the execution will tell."""

JOIN = (
    "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a "
    "function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
SPLIT = (
    "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function "
    "that returns a string to be split."
)
SELECT = "Fn::Select requires a list argument with two elements: an integer index and a list"
FIND_IN_MAP = (
    "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"
)
EQUALS = "every Fn::Equals object requires a list of 2 string parameters."
IF = "Fn::If requires a list argument with the first element being a condition"
GET_ATT = "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
SUB = (
    "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and "
    "an optional second argument to specify a mapping of values to replace in the string"
)
CIDR = (
    "every Fn::Cidr object requires a list of two or three parameters: an IP block, a count from 1 to 256, and the number "
    "of subnet bits"
)

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_.:]+\Z")
_MORE_ZONES = {"us-east-1": "abcdef", "us-west-2": "abcd", "ap-northeast-1": "acd", "us-west-1": "ac", "ca-central-1": "abd"}


MAX_STRING = 1_000_000
"""Characters that a function may give: calls within calls grow by multiplication."""


def check_length(length: int) -> None:
    if length > MAX_STRING:
        raise template_error(f"A function's value is longer than {MAX_STRING} characters")


def is_function(node: dict[str, Any]) -> str | None:
    """The function's name where the object is a call of one: a single member named `Ref` or `Fn::...`."""
    if len(node) != 1:
        return None
    name = next(iter(node))
    return name if name == "Ref" or (name.startswith("Fn::") and name != "Fn::Transform") else None


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def joined(value: Any) -> str:
    """A value inside of `Fn::Sub`: a list parameter reads as it was passed."""
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ",".join(text(item) for item in value)
    if isinstance(value, dict | list):
        raise template_error("Fn::Sub expression does not resolve to a string")
    return text(value)


def sub_parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Literal text and the variable that follows it, of `Fn::Sub`'s string. `${!Name}` is the literal `${Name}`."""
    literal, end = "", 0
    for match in _VARIABLE.finditer(template):
        literal += template[end : match.start()]
        end = match.end()
        name = match[1].strip()
        if name.startswith("!"):
            literal += "${" + name[1:] + "}"
            continue
        if not _VARIABLE_NAME.match(name):
            raise template_error(
                "variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and "
                "colons"
            )
        yield literal, name
        literal = ""
    yield literal + template[end:], None


def sub_arguments(argument: Any) -> tuple[Any, dict[str, Any]]:
    if isinstance(argument, list):
        if len(argument) != 2 or not isinstance(argument[1], dict):
            raise template_error(SUB)
        return argument[0], argument[1]
    return argument, {}


def get_att_parts(argument: Any) -> tuple[Any, Any]:
    """Resource and attribute of both forms: `["A", "B.C"]` and `"A.B.C"`."""
    if isinstance(argument, str):
        resource, _, attribute = argument.partition(".")
        argument = [resource, attribute]
    if not isinstance(argument, list) or len(argument) < 2 or not argument[0] or not argument[1]:
        raise template_error(GET_ATT)
    if len(argument) > 2:
        if not all(isinstance(part, str) for part in argument):
            raise template_error(GET_ATT)
        argument = [argument[0], ".".join(argument[1:])]
    return argument[0], argument[1]


def operands(name: str, argument: Any) -> list[Any]:
    if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
        raise template_error(f"every {name} object requires a list of at least 2 and at most 10 boolean parameters.")
    return argument


def select(index: Any, items: Any) -> Any:
    if isinstance(index, str) and UNKNOWN in index or isinstance(items, str) and UNKNOWN in items:
        return UNKNOWN
    try:
        number = int(text(index)) if not isinstance(index, float | bool) else -1
    except (ValueError, TypeError) as error:
        raise template_error(SELECT) from error
    if not isinstance(items, list):
        raise template_error(SELECT)
    if not 0 <= number < len(items):
        raise template_error(f"Fn::Select cannot select nonexistent value at index {text(index)}")
    return items[number]


def zones(region: str) -> list[str]:
    return [region + letter for letter in _MORE_ZONES.get(region, "abc")]


def cidr(block: Any, count: Any, bits: Any = None) -> Any:
    """`count` subnets of `block`, each with `bits` host bits."""
    if UNKNOWN in (block, count, bits):
        return UNKNOWN
    try:
        network = ipaddress.ip_network(text(block), strict=False)
        wanted = int(text(count))
        host_bits = int(text(bits)) if bits is not None else (8 if network.version == 4 else 64)
    except ValueError as error:
        raise template_error(CIDR) from error
    prefix = network.max_prefixlen - host_bits
    if not 1 <= wanted <= 256 or host_bits < 1 or prefix < network.prefixlen:
        raise template_error(CIDR)
    if wanted > 1 << (prefix - network.prefixlen):
        raise template_error(f"Fn::Cidr cannot make {wanted} subnets of {host_bits} bits in {text(block)}")
    step, first = 1 << host_bits, int(network.network_address)
    make = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
    return [f"{make(first + step * i)}/{prefix}" for i in range(wanted)]
