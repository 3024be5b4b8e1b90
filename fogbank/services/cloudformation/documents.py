"""Template texts, JSON or YAML, read into plain values: `dict`, `list`, `str`, `int`, `float`, `bool`, `None`.

The YAML reader stands on libyaml's event stream, not on PyYAML's composer, which recurses in C as deep as a hostile
text nests. It refuses aliases as CloudFormation does (so no alias bomb either), reads the short forms (`!Ref`,
`!GetAtt a.b`) and keeps text that only looks like a date or a version number.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from fogbank.services.cloudformation.errors import format_error

MAX_BODY = 51_200
"""Bytes of a template passed as TemplateBody."""
MAX_OBJECT = 1_048_576
"""Bytes of a template passed as TemplateURL."""
MAX_DEPTH = 100

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_TRUE = frozenset(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"))
_FALSE = frozenset(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))

_CORE = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_SHORT_FORMS = frozenset(
    (
        "And",
        "Base64",
        "Cidr",
        "Equals",
        "FindInMap",
        "GetAZs",
        "GetAtt",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
        "Transform",
    )
)


def read(text: str) -> dict[str, Any]:
    """The template in `text`. Raises AwsError(`ValidationError`) with AWS's text for what is no template."""
    value = read_json(text) if text.lstrip()[:1] == "{" else read_yaml(text)
    if not isinstance(value, dict):
        raise format_error("unsupported structure.")
    return value


def read_any(text: str) -> Any:
    """A snippet of a template (an included file, a macro's fragment): any value."""
    return read_json(text) if text.lstrip()[:1] in ("{", "[") else read_yaml(text)


def read_json(text: str) -> Any:
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise format_error(f"JSON not well-formed. (line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise format_error("JSON not well-formed.") from error
    except ValueError as error:  # NaN, or an integer of absurd length
        raise format_error("JSON not well-formed.") from error
    check_depth(value)
    return value


def read_yaml(text: str) -> Any:
    try:
        return _Builder().build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise format_error(f"YAML not well-formed.{where}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise format_error("YAML not well-formed.") from error


class _Frame:
    """A mapping or sequence that is being read."""

    __slots__ = ("container", "key", "tag")

    def __init__(self, container: dict[str, Any] | list[Any], tag: str | None) -> None:
        self.container = container
        self.tag = tag
        self.key: str | None = None


class _Builder:
    def build(self, text: str) -> Any:
        self.frames: list[_Frame] = []
        self.result: Any = None
        documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.ScalarEvent):
                self._add(_scalar(event))
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(self.frames) >= MAX_DEPTH:
                    raise format_error("YAML not well-formed.")
                container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
                self.frames.append(_Frame(container, event.tag))
            elif isinstance(event, yaml.CollectionEndEvent):
                frame = self.frames.pop()
                self._add(_tagged(frame.tag, frame.container))
            elif isinstance(event, yaml.AliasEvent):
                raise format_error("YAML aliases are not allowed in CloudFormation templates")
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise format_error("YAML not well-formed.")
        return self.result

    def _add(self, value: Any) -> None:
        if not self.frames:
            self.result = value
            return
        frame = self.frames[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
        elif frame.key is None:
            if isinstance(value, dict | list):
                raise format_error("YAML not well-formed.")
            frame.key = _key(value)
        else:
            frame.container[frame.key] = value
            frame.key = None


def _key(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scalar(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    tag: str | None = event.tag
    if tag is not None and tag not in _CORE:
        return _tagged(tag, text)
    if event.style or tag == "tag:yaml.org,2002:str":
        return text
    return _plain(text)


def _plain(text: str) -> Any:
    """An unquoted scalar. What would not read back as it was written (010, 1.10, 2010-09-09) stays text."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.match(text) and len(text) <= 40:
        return int(text)
    if _HEX.match(text) and len(text) <= 40:
        return int(text, 16)
    if _FLOAT.match(text):
        return _number(text)
    return text


def _number(text: str) -> float | str:
    number = float(text)
    return number if repr(number) == text else text


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _tagged(tag: str | None, value: Any) -> Any:
    if tag is None or tag == "!" or tag in _CORE:
        return value
    name = tag[1:]
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        return {"Fn::GetAtt": value.split(".", 1) if "." in value else value}
    if name in _SHORT_FORMS:
        return {f"Fn::{name}": value}
    raise format_error(f"Unrecognized tag: {tag.replace('tag:yaml.org,2002:', '!!')}")


def check_depth(value: Any) -> None:
    """Refuses what nests deeper than a template needs: evaluation recurses."""
    if _depth(value) > MAX_DEPTH:
        raise format_error("the template is nested too deeply; not well-formed.")


def _depth(value: Any) -> int:
    """How deep a value nests, counted without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((child, depth + 1) for child in children)
    return deepest
