"""Rendering a template with the values it is given."""

from __future__ import annotations

from typing import Any

import msgspec

from fogbank.services.apigateway.vtl.methods import Bound, call
from fogbank.services.apigateway.vtl.nodes import (
    Access,
    Foreach,
    If,
    Interpolated,
    Jump,
    ListOf,
    Literal,
    MapOf,
    Not,
    Operation,
    RangeOf,
    Reference,
    Set,
    TemplateError,
    Text,
)

MOST_STEPS = 200_000
MOST_OUTPUT = 10 << 20
MOST_LOOPS = 1000
# Methods that look into everything below.
_DEEP = frozenset(("contains", "containsValue", "equals", "indexOf", "toString"))


class _Break(Exception):
    pass


class _Stop(Exception):
    pass


def render(nodes: list[Any], variables: dict[str, Any]) -> str:
    """Raises TemplateError for one that does too much or cannot be done."""
    evaluator = _Evaluator(variables)
    try:
        evaluator.run(nodes)
    except (_Stop, _Break):
        pass
    except (RecursionError, OverflowError, MemoryError, UnicodeError) as error:
        raise TemplateError(str(error)) from error
    return "".join(evaluator.output)


class _Evaluator:
    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = dict(variables)
        self.output: list[str] = []
        self.size = 0
        self.steps = 0

    def run(self, nodes: list[Any]) -> None:
        for node in nodes:
            self._step()
            if isinstance(node, Text):
                self._write(node.text)
            elif isinstance(node, Reference):
                self._write(shown(self._charged(self.value(node))))
            elif isinstance(node, Set):
                self._set(node)
            elif isinstance(node, If):
                self._if(node)
            elif isinstance(node, Foreach):
                self._foreach(node)
            elif isinstance(node, Jump):
                raise _Break if node.kind == "break" else _Stop

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TemplateError("the template takes too long")

    def _charged(self, value: Any) -> Any:
        """`value`, its parts counted as steps: lists in lists grow faster than what makes them."""
        if isinstance(value, (list, dict)):
            waiting = [value]
            while waiting:
                at = waiting.pop()
                parts: Any = at.values() if isinstance(at, dict) else at
                self.steps += len(at)
                if self.steps > MOST_STEPS:
                    raise TemplateError("the template makes too much")
                waiting += [part for part in parts if isinstance(part, (list, dict))]
        return value

    def _write(self, text: str) -> None:
        self.size += len(text)
        if self.size > MOST_OUTPUT:
            raise TemplateError("the template's output is too long")
        self.output.append(text)

    def _set(self, node: Set) -> None:
        value = self.value(node.value)
        steps = node.target.steps
        if not steps:
            self.variables[node.target.name] = value
            return
        self._charged(value)
        last, holder = steps[-1], self.value(Reference(node.target.name, steps[:-1]))
        if isinstance(holder, dict):
            holder[last.name or self._text(last.index)] = value
        elif isinstance(holder, list) and last.index is not None:
            index = self.value(last.index)
            if isinstance(index, int) and 0 <= index < len(holder):
                holder[index] = value

    def _if(self, node: If) -> None:
        for condition, body in node.branches:
            if truth(self.value(condition)):
                self.run(body)
                return
        self.run(node.otherwise)

    def _foreach(self, node: Foreach) -> None:
        source = self.value(node.source)
        items = list(source.values()) if isinstance(source, dict) else source if isinstance(source, list) else []
        outer = {name: self.variables.get(name) for name in (node.name, "foreach", "velocityCount")}
        for place, item in enumerate(items[:MOST_LOOPS]):
            self.variables[node.name] = item
            self.variables["velocityCount"] = place + 1
            self.variables["foreach"] = {
                "index": place, "count": place + 1, "hasNext": place + 1 < len(items), "first": place == 0,
                "last": place + 1 == len(items), "parent": outer["foreach"],
            }
            try:
                self.run(node.body)
            except _Break:
                break
        self.variables.update(outer)

    # --- values

    def value(self, node: Any) -> Any:
        self._step()
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Reference):
            return self._reference(node)
        if isinstance(node, Interpolated):
            inner = _Evaluator(self.variables)
            inner.variables, inner.steps = self.variables, self.steps
            inner.run(node.parts)
            self.steps = inner.steps
            return "".join(inner.output)
        if isinstance(node, Operation):
            return self._operation(node)
        if isinstance(node, Not):
            return not truth(self.value(node.inner))
        if isinstance(node, ListOf):
            return self._charged([self.value(item) for item in node.items])
        if isinstance(node, MapOf):
            return self._charged({self._text(key): self.value(value) for key, value in node.pairs})
        if isinstance(node, RangeOf):
            return self._range(node)
        raise TemplateError("no such value")

    def _text(self, node: Any) -> str:
        return shown(self._charged(self.value(node)))

    def _range(self, node: RangeOf) -> list[int]:
        first, last = self.value(node.first), self.value(node.last)
        if not isinstance(first, int) or not isinstance(last, int) or abs(last - first) > MOST_LOOPS:
            raise TemplateError("a range that cannot be")
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))

    def _reference(self, node: Reference) -> Any:
        value = self.variables.get(node.name)
        for step in node.steps:
            if value is None:
                return None
            value = self._access(value, step)
        return value

    def _access(self, value: Any, step: Access) -> Any:
        self._step()
        if step.arguments is not None:
            arguments = [self._charged(self.value(argument)) for argument in step.arguments]
            if step.name in _DEEP:
                self._charged(value)
            result = call(value, step.name, arguments)
            if isinstance(result, str) and len(result) > MOST_OUTPUT:
                raise TemplateError("too long a text")
            return result
        if step.index is not None:
            index = self.value(step.index)
            if isinstance(value, list):
                return value[index] if isinstance(index, int) and -len(value) <= index < len(value) else None
            return value.get(shown(self._charged(index))) if isinstance(value, dict) else None
        if isinstance(value, Bound):
            return value.attribute(step.name)
        return value.get(step.name) if isinstance(value, dict) else None

    def _operation(self, node: Operation) -> Any:
        if node.sign == "&&":
            return truth(self.value(node.left)) and truth(self.value(node.right))
        if node.sign == "||":
            return truth(self.value(node.left)) or truth(self.value(node.right))
        left, right = self._charged(self.value(node.left)), self._charged(self.value(node.right))
        if node.sign in ("==", "!="):
            return equal(left, right) is (node.sign == "==")
        if node.sign == "+" and (isinstance(left, str) or isinstance(right, str)):
            joined = shown(left) + shown(right)
            if len(joined) > MOST_OUTPUT:
                raise TemplateError("too long a text")
            return joined
        if not _numbers(left, right):
            return None if node.sign in "+-*/%" else False
        return _arithmetic(node.sign, left, right)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    if sign in ("<", ">", "<=", ">="):
        return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]
    if sign in "/%":
        if right == 0:
            return None
        whole = isinstance(left, int) and isinstance(right, int)
        if sign == "/":  # Whole numbers divide as Java's do, towards zero.
            return int(left / right) if whole else left / right
        return left - right * int(left / right) if whole else left % right
    if isinstance(left, int) and isinstance(right, int) and max(left.bit_length(), right.bit_length()) > 512:
        raise TemplateError("too large a number")
    return {"+": left + right, "-": left - right, "*": left * right}[sign]


def truth(value: Any) -> bool:
    """Null and false are false; so are an empty text, list or map, and zero."""
    return bool(value)


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) != isinstance(right, bool) or _numbers(left) != _numbers(right):
        return shown(left) == shown(right) if left is not None and right is not None else False
    return bool(left == right)


def shown(value: Any) -> str:
    """As Java prints it: a map as `{a=b, c=d}`, a list as JSON (recorded)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        try:
            return msgspec.json.encode(value).decode()
        except (TypeError, ValueError):
            return "[" + ", ".join(map(shown, value)) + "]"
    return str(value)
