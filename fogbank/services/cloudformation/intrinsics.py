"""The evaluation of intrinsic functions.

An `Evaluator` knows the parameters, mappings and conditions of one stack, and asks a `Lookup` for what only the stack's
resources can tell. Evaluation copies: what it returns shares nothing with the template that may change.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fogbank.services.cloudformation import functions
from fogbank.services.cloudformation.errors import template_error
from fogbank.services.cloudformation.functions import UNKNOWN, is_function, sub_parts, text

NO_VALUE = object()
"""What `AWS::NoValue` gives: the property or list item around it goes away."""


class Lookup(Protocol):
    """What evaluation must ask the stack for. Each raises AwsError for what does not exist."""

    def ref(self, logical_id: str) -> Any: ...

    def attribute(self, logical_id: str, attribute: str) -> Any: ...

    def export(self, name: str) -> Any: ...


@dataclass(slots=True)
class Scope:
    """What does not change while a stack is deployed."""

    parameters: Mapping[str, str | list[str]]
    """Parameters and pseudo parameters by name."""
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    extensions: bool = False
    """Whether the template uses AWS::LanguageExtensions."""


class _Nothing:
    """For templates' parts in which no resource may be named: conditions."""

    def ref(self, logical_id: str) -> Any:
        raise template_error(
            f"Unresolved dependencies [{logical_id}]. Cannot reference resources in the Conditions block of the template"
        )

    def attribute(self, logical_id: str, attribute: str) -> Any:
        return self.ref(logical_id)

    def export(self, name: str) -> Any:
        raise template_error("Cannot use Fn::ImportValue in Conditions.")


class Evaluator:
    def __init__(self, scope: Scope, lookup: Lookup | None = None) -> None:
        self.scope = scope
        self.lookup = lookup or _Nothing()
        self._conditions: dict[str, bool] = {}
        self._deciding: list[str] = []

    def with_lookup(self, lookup: Lookup) -> Evaluator:
        """The same scope and decided conditions, with another source of resources."""
        other = Evaluator(self.scope, lookup)
        other._conditions = self._conditions
        return other

    def value(self, node: Any) -> Any:
        """The node with every function evaluated; NO_VALUE where it is to go away."""
        if isinstance(node, dict):
            name = is_function(node)
            if name:
                return self._call(name, node[name])
            if "Fn::Transform" in node:
                raise template_error("Fn::Transform was not processed")
            out = {}
            for key, item in node.items():
                result = self.value(item)
                if result is not NO_VALUE:
                    out[key] = result
            return out
        if isinstance(node, list):
            return [result for item in node if (result := self.value(item)) is not NO_VALUE]
        return node

    def object(self, node: dict[str, Any]) -> dict[str, Any]:
        """As `value`, for what must be an object: a resource's properties."""
        result = self.value(node)
        return result if isinstance(result, dict) else {}

    def condition(self, name: str, where: str = "Conditions") -> bool:
        if name in self._conditions:
            return self._conditions[name]
        if name not in self.scope.conditions:
            raise template_error(f"unresolved condition dependency {name} in {where}")
        if name in self._deciding:
            raise template_error(f"Circular condition dependency between conditions [{', '.join(self._deciding)}]")
        self._deciding.append(name)
        try:
            decided = self.with_lookup(_Nothing()) if not isinstance(self.lookup, _Nothing) else self
            decided._deciding = self._deciding
            self._conditions[name] = decided.truth(self.scope.conditions[name])
        finally:
            self._deciding.pop()
        return self._conditions[name]

    def truth(self, node: Any) -> bool:
        """A condition expression's value."""
        if isinstance(node, dict) and len(node) == 1:
            name, argument = next(iter(node.items()))
            if name == "Condition":
                if not isinstance(argument, str):
                    raise template_error("Every Condition member must be a string.")
                return self.condition(argument)
            if name in _LOGIC:
                return bool(_LOGIC[name](self, argument))
        value = self.value(node)
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise template_error("Conditions can only be boolean operations on parameters and other conditions")

    def _call(self, name: str, argument: Any) -> Any:
        if name in _LOGIC:
            return _LOGIC[name](self, argument)
        handler = _FUNCTIONS.get(name) or (_EXTENSIONS.get(name) if self.scope.extensions else None)
        if handler is None:
            known = ", ".join(sorted([*_FUNCTIONS, *_LOGIC, "Fn::Transform"]))
            raise template_error(f"Encountered unsupported function: {name} Supported functions are: [{known}]")
        return handler(self, argument)

    # References

    def _ref(self, argument: Any) -> Any:
        name = self.value(argument) if self.scope.extensions else argument
        if not isinstance(name, str):
            raise template_error("every Ref object must have a single String value.")
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.scope.parameters:
            value = self.scope.parameters[name]
            return list(value) if isinstance(value, list) else value
        return self.lookup.ref(name)

    def _get_att(self, argument: Any) -> Any:
        resource, attribute = functions.get_att_parts(argument)
        if not isinstance(resource, str):
            resource = self.value(resource)
        if not isinstance(attribute, str):
            attribute = self.value(attribute)
        if not isinstance(resource, str) or not isinstance(attribute, str):
            raise template_error(functions.GET_ATT)
        return self.lookup.attribute(resource, attribute)

    def _sub(self, argument: Any) -> Any:
        template, variables = functions.sub_arguments(argument)
        if self.scope.extensions and not isinstance(template, str):
            template = self.value(template)
        if not isinstance(template, str):
            raise template_error(functions.SUB)
        out: list[str] = []
        given: dict[str, Any] = {}
        length = 0
        for literal, name in sub_parts(template):
            out.append(literal)
            if name is None:
                continue
            if name in variables:
                value = given[name] = given[name] if name in given else self.value(variables[name])
            elif name in self.scope.parameters or "." not in name:
                value = self._ref(name)
            else:
                value = self.lookup.attribute(*name.split(".", 1))
            out.append("" if value is NO_VALUE else functions.joined(value))
            length += len(out[-1])
            functions.check_length(length)
        return "".join(out)

    def _import(self, argument: Any) -> Any:
        name = self.value(argument)
        if not isinstance(name, str):
            raise template_error(
                "the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"
            )
        return self.lookup.export(name)

    # Values

    def _join(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            raise template_error(functions.JOIN)
        delimiter, items = argument[0], self.value(argument[1])
        if items == UNKNOWN:
            return UNKNOWN
        if not isinstance(delimiter, str) or not isinstance(items, list):
            raise template_error(functions.JOIN)
        if any(isinstance(item, dict | list) for item in items):
            raise template_error(functions.JOIN)
        parts = [text(item) for item in items]
        functions.check_length(sum(map(len, parts)) + len(delimiter) * len(parts))
        return delimiter.join(parts)

    def _select(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            raise template_error(functions.SELECT)
        items = argument[1]
        return functions.select(self.value(argument[0]), self.value(items))

    def _split(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str) or not argument[0]:
            raise template_error(functions.SPLIT)
        source = self.value(argument[1])
        if not isinstance(source, str):
            raise template_error(functions.SPLIT)
        return UNKNOWN if UNKNOWN in source else source.split(argument[0])

    def _base64(self, argument: Any) -> Any:
        source = self.value(argument)
        if isinstance(source, dict | list) or source is NO_VALUE:
            raise template_error("every Fn::Base64 object must have a String-typed value.")
        plain = text(source)
        return UNKNOWN if UNKNOWN in plain else base64.b64encode(plain.encode()).decode()

    def _find_in_map(self, argument: Any) -> Any:
        fallback = NO_VALUE
        if isinstance(argument, list) and len(argument) == 4 and self.scope.extensions:
            last = argument[3]
            if not isinstance(last, dict) or set(last) != {"DefaultValue"}:
                raise template_error(functions.FIND_IN_MAP)
            argument, fallback = argument[:3], last["DefaultValue"]
        if not isinstance(argument, list) or len(argument) != 3:
            raise template_error(functions.FIND_IN_MAP)
        keys = [self.value(item) for item in argument]
        if any(isinstance(key, dict | list) or key is NO_VALUE for key in keys):
            raise template_error(functions.FIND_IN_MAP)
        name, first, second = (text(key) for key in keys)
        found = self.scope.mappings.get(name, {}).get(first, {}).get(second)
        if found is not None:
            return list(found) if isinstance(found, list) else found
        if fallback is not NO_VALUE:
            return self.value(fallback)
        if name not in self.scope.mappings:
            raise template_error(f"Mapping named '{name}' is not present in the 'Mappings' section of template.")
        raise template_error(f"Unable to get mapping for {name}::{first}::{second}")

    def _get_azs(self, argument: Any) -> Any:
        region = self.value(argument)
        if not isinstance(region, str):
            raise template_error("every Fn::GetAZs object must have a String-typed value.")
        return functions.zones(region or str(self.scope.parameters["AWS::Region"]))

    def _cidr(self, argument: Any) -> Any:
        if not isinstance(argument, list) or not 2 <= len(argument) <= 3:
            raise template_error(functions.CIDR)
        return functions.cidr(*(self.value(item) for item in argument))

    def _length(self, argument: Any) -> Any:
        items = self.value(argument)
        if not isinstance(items, list):
            raise template_error("Fn::Length requires a list")
        return len(items)

    def _to_json_string(self, argument: Any) -> Any:
        value = self.value(argument)
        if not isinstance(value, dict | list):
            raise template_error("Fn::ToJsonString requires an object or an array")
        out = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        functions.check_length(len(out))
        return out

    # Logic

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
            raise template_error(functions.IF)
        return self.value(argument[1] if self.condition(argument[0], "Fn::If") else argument[2])

    def _equals(self, argument: Any) -> bool:
        if not isinstance(argument, list) or len(argument) != 2:
            raise template_error(functions.EQUALS)
        left, right = (self.value(item) for item in argument)
        if isinstance(left, dict | list) or isinstance(right, dict | list):
            return bool(left == right)
        return text(left) == text(right)

    def _and(self, argument: Any) -> bool:
        return all(self.truth(item) for item in functions.operands("Fn::And", argument))

    def _or(self, argument: Any) -> bool:
        return any(self.truth(item) for item in functions.operands("Fn::Or", argument))

    def _not(self, argument: Any) -> bool:
        if not isinstance(argument, list) or len(argument) != 1:
            raise template_error("every Fn::Not object requires one boolean parameter.")
        return not self.truth(argument[0])


_LOGIC: Mapping[str, Callable[[Evaluator, Any], Any]] = {
    "Fn::And": Evaluator._and,
    "Fn::Equals": Evaluator._equals,
    "Fn::If": Evaluator._if,
    "Fn::Not": Evaluator._not,
    "Fn::Or": Evaluator._or,
}
_FUNCTIONS: Mapping[str, Callable[[Evaluator, Any], Any]] = {
    "Ref": Evaluator._ref,
    "Fn::Base64": Evaluator._base64,
    "Fn::Cidr": Evaluator._cidr,
    "Fn::FindInMap": Evaluator._find_in_map,
    "Fn::GetAZs": Evaluator._get_azs,
    "Fn::GetAtt": Evaluator._get_att,
    "Fn::ImportValue": Evaluator._import,
    "Fn::Join": Evaluator._join,
    "Fn::Select": Evaluator._select,
    "Fn::Split": Evaluator._split,
    "Fn::Sub": Evaluator._sub,
}
_EXTENSIONS: Mapping[str, Callable[[Evaluator, Any], Any]] = {
    "Fn::Length": Evaluator._length,
    "Fn::ToJsonString": Evaluator._to_json_string,
}


def pseudo_parameters(
    account: str, region: str, stack_id: str, stack_name: str, notification_arns: list[str]
) -> dict[str, str | list[str]]:
    china = region.startswith("cn-")
    return {
        "AWS::AccountId": account,
        "AWS::NotificationARNs": notification_arns,
        "AWS::Partition": "aws-cn" if china else "aws-us-gov" if region.startswith("us-gov-") else "aws",
        "AWS::Region": region,
        "AWS::StackId": stack_id,
        "AWS::StackName": stack_name,
        "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
    }
