"""AWS::LanguageExtensions: loops are unrolled here; the functions it adds are evaluated with all the others.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-languageextensions.html
"""

from __future__ import annotations

import re
from typing import Any

from fogbank.services.cloudformation.errors import template_error, validation
from fogbank.services.cloudformation.functions import text
from fogbank.services.cloudformation.graph import references
from fogbank.services.cloudformation.intrinsics import Evaluator, Scope

NAME = "AWS::LanguageExtensions"
_LOOP = "Fn::ForEach::"
_MAX_NESTING = 5
_MAX_OUTPUT = 1_000_000
"""Characters an unrolled template may have; every value counts for ten. Loops in loops grow by multiplication."""


def transform(template: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The template without loops, and with Fn::Length, Fn::ToJsonString and such evaluated where parameters suffice."""
    unroller = _Unroller(Evaluator(scope))
    out = {}
    for section, value in template.items():
        if section == "Transform":
            continue
        out[section] = unroller.unroll(value, {}, 0) if section in ("Conditions", "Resources", "Outputs") else value
    resources = set(out.get("Resources") or {})
    for section in ("Resources", "Outputs"):
        if section in out:
            out[section] = _reduce(out[section], Evaluator(scope), resources)
    return out


class _Unroller:
    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.size = 0

    def unroll(self, node: Any, variables: dict[str, str], nesting: int) -> Any:
        self.size += 10 + (len(node) if isinstance(node, str) else 0)
        if self.size > _MAX_OUTPUT:
            raise validation(f"Transform {NAME} failed with: the template is too large after Fn::ForEach")
        if isinstance(node, str):
            return _replace(node, variables)
        if isinstance(node, list):
            return [self.unroll(item, variables, nesting) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and isinstance(node.get("Ref"), str) and node["Ref"] in variables:
            return variables[node["Ref"]]
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key.startswith(_LOOP):
                out.update(self._loop(key, value, variables, nesting + 1))
            else:
                out[_replace(key, variables)] = self.unroll(value, variables, nesting)
        return out

    def _loop(self, key: str, value: Any, variables: dict[str, str], nesting: int) -> dict[str, Any]:
        if nesting > _MAX_NESTING:
            raise template_error(f"Fn::ForEach loops may be nested {_MAX_NESTING} deep at most")
        if (
            not isinstance(value, list)
            or len(value) != 3
            or not isinstance(value[0], str)
            or not isinstance(value[2], dict)
            or not value[2]
        ):
            raise template_error(f"{key} layout is incorrect")
        identifier, collection, body = value
        items = self.evaluator.value(self.unroll(collection, variables, nesting))
        if not isinstance(items, list) or any(isinstance(item, dict | list) for item in items):
            raise template_error(f"{key}: the collection must resolve to a list of strings")
        out: dict[str, Any] = {}
        for item in items:
            out.update(self.unroll(body, {**variables, identifier: text(item)}, nesting))
        return out


def _replace(template: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        if name in template:
            template = template.replace("${" + name + "}", value)
            template = template.replace("&{" + name + "}", re.sub(r"[^A-Za-z0-9]", "", value))
    return template


def _reduce(node: Any, evaluator: Evaluator, resources: set[str]) -> Any:
    """Evaluates the added functions whose arguments name no resource: the processed template shows their results."""
    if isinstance(node, list):
        return [_reduce(item, evaluator, resources) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        name, argument = next(iter(node.items()))
        added = name in ("Fn::Length", "Fn::ToJsonString") or (
            name == "Fn::FindInMap" and isinstance(argument, list) and len(argument) == 4
        )
        if added and not any(reference.name in resources for reference in references(argument)):
            return evaluator.value(node)
    return {key: _reduce(item, evaluator, resources) for key, item in node.items()}
