"""Metric math: arithmetic and functions over series of values. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import pstdev
from typing import Any

from fogbank.services.cloudwatch import errors

MOST_NODES = 500


@dataclass(slots=True)
class Series:
    """Values by the beginning of their period, in epoch seconds."""

    period: int
    points: dict[int, float] = field(default_factory=dict)


Value = Series | float
_OPERATORS: dict[type[Any], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: math.pow,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor, "LOG": math.log, "LOG10": math.log10,
}  # fmt: skip
_ACROSS: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda v: sum(v) / len(v), "MAX": max, "MIN": min, "STDDEV": pstdev, "SUM": sum,
}  # fmt: skip


def parse(text: str) -> ast.expr:
    """Raises InvalidParameterValue. The grammar is Python's for the operators that both have; `^` is a power."""
    try:
        tree = ast.parse(text.replace("^", "**").replace("&&", " and ").replace("||", " or ").strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _wrong(text) from error
    for number, node in enumerate(ast.walk(tree)):
        if number > MOST_NODES or not isinstance(node, _ALLOWED):
            raise _wrong(text)
        if isinstance(node, ast.Constant) and (isinstance(node.value, bool) or not isinstance(node.value, (int, float))):
            raise _wrong(text)
        if isinstance(node, ast.Call) and not _is_known(node):
            raise _wrong(text)
    return tree


def _is_known(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in _FUNCTIONS and not call.keywords


def names(tree: ast.expr) -> set[str]:
    """The ids of the queries that an expression needs."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return found - {"REPEAT", "LINEAR"}


def evaluate(tree: ast.expr, series: Mapping[str, Series]) -> Series:
    """The series that an expression gives. Raises InvalidParameterValue where it gives a number."""
    value = _value(tree, series)
    if not isinstance(value, Series):
        raise errors.value("The expression's result is a number, and must be a time series.")
    return value


def _value(node: ast.expr, series: Mapping[str, Series]) -> Value:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return series[node.id]
    if isinstance(node, ast.UnaryOp):
        return _each(operator.neg, _value(node.operand, series))
    if isinstance(node, ast.BinOp):
        return _both(_OPERATORS[type(node.op)], _value(node.left, series), _value(node.right, series))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        both = _value(node.left, series), _value(node.comparators[0], series)
        return _both(lambda a, b: float(_OPERATORS[type(node.ops[0])](a, b)), *both)
    if isinstance(node, ast.BoolOp):
        join = (lambda a, b: float(bool(a and b))) if isinstance(node.op, ast.And) else (lambda a, b: float(bool(a or b)))
        value = _value(node.values[0], series)
        for other in node.values[1:]:
            value = _both(join, value, _value(other, series))
        return value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args, series)
    raise errors.value("The expression is not valid.")


def _call(name: str, args: list[ast.expr], series: Mapping[str, Series]) -> Value:
    if name == "FILL" and len(args) == 2:
        return _fill(_value(args[0], series), args[1], series)
    if name == "METRICS" and not args:
        raise errors.value("METRICS() stands within a function that takes many series, as SUM(METRICS()).")
    if name in _ACROSS and len(args) == 1:
        return _across(_ACROSS[name], _many(args[0], series))
    values = [_value(arg, series) for arg in args]
    if name in _EACH and len(values) == 1:
        return _each(_EACH[name], values[0])
    if name == "IF" and len(values) in (2, 3):
        return _if(values)
    if len(values) == 1 and isinstance(values[0], Series):
        one = values[0]
        if name == "PERIOD":
            return float(one.period)
        if name in ("DIFF", "RATE", "RUNNING_SUM"):
            return Series(one.period, _walk(name, one))
    raise errors.value(f"{name} cannot be called like this.")


def _many(node: ast.expr, series: Mapping[str, Series]) -> list[Value]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "METRICS":
        return list(series.values())
    if isinstance(node, ast.List):
        return [_value(one, series) for one in node.elts]
    return [_value(node, series)]


def _across(function: Callable[[list[float]], float], values: list[Value]) -> Value:
    """Of one series a number; of several a series, by time."""
    if len(values) == 1:
        one = values[0]
        if not isinstance(one, Series):
            return one
        return function(list(one.points.values())) if one.points else 0.0
    many = [value for value in values if isinstance(value, Series)]
    times = set().union(*(one.points for one in many)) if many else set()
    plain = [value for value in values if not isinstance(value, Series)]
    points = {at: function([*(one.points[at] for one in many if at in one.points), *plain]) for at in times}
    return Series(max((one.period for one in many), default=60), points)


def _each(function: Callable[[float], float], value: Value) -> Value:
    if not isinstance(value, Series):
        return _safe(function, value) or 0.0
    points = {at: made for at, one in value.points.items() if (made := _safe(function, one)) is not None}
    return Series(value.period, points)


def _both(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """Where both have a value; a division by zero has none."""
    if not isinstance(left, Series) and not isinstance(right, Series):
        return _safe(function, left, right) or 0.0
    period = max(one.period for one in (left, right) if isinstance(one, Series))
    times = [one.points.keys() for one in (left, right) if isinstance(one, Series)]
    points = {}
    for at in times[0] & times[-1]:
        pair = [one.points[at] if isinstance(one, Series) else one for one in (left, right)]
        if (made := _safe(function, *pair)) is not None:
            points[at] = made
    return Series(period, points)


def _safe(function: Callable[..., float], *values: float) -> float | None:
    try:
        made = float(function(*values))
    except (ArithmeticError, ValueError):
        return None
    return made if math.isfinite(made) else None


def _fill(value: Value, how: ast.expr, series: Mapping[str, Series]) -> Value:
    if not isinstance(value, Series) or not value.points:
        return value
    times = sorted(value.points)
    every = range(times[0], times[-1] + 1, value.period)
    if isinstance(how, ast.Name) and how.id in ("REPEAT", "LINEAR"):
        points, last = {}, times[0]
        for at in every:
            if at in value.points:
                last = at
            points[at] = value.points[last] if how.id == "REPEAT" else _between(value.points, last, at, times)
        return Series(value.period, points)
    filler = _value(how, series)
    number = filler if not isinstance(filler, Series) else 0.0
    return Series(value.period, {at: value.points.get(at, number) for at in every})


def _between(points: dict[int, float], last: int, at: int, times: list[int]) -> float:
    later = next((one for one in times if one >= at), last)
    if later == last:
        return points[last]
    return points[last] + (points[later] - points[last]) * (at - last) / (later - last)


def _if(values: list[Value]) -> Value:
    condition, yes, no = values[0], values[1], values[2] if len(values) == 3 else None
    if not isinstance(condition, Series):
        chosen = yes if condition else no
        return chosen if chosen is not None else Series(60)
    points = {}
    for at, one in condition.points.items():
        chosen = yes if one else no
        made = chosen.points.get(at) if isinstance(chosen, Series) else chosen
        if made is not None:
            points[at] = made
    return Series(condition.period, points)


def _walk(name: str, one: Series) -> dict[int, float]:
    times, points, total = sorted(one.points), {}, 0.0
    for before, at in zip([None, *times], times, strict=False):
        total += one.points[at]
        if name == "RUNNING_SUM":
            points[at] = total
        elif before is not None:
            change = one.points[at] - one.points[before]
            points[at] = change if name == "DIFF" else change / (at - before)
    return points


_FUNCTIONS = {*_EACH, *_ACROSS, "DIFF", "FILL", "IF", "METRICS", "PERIOD", "RATE", "RUNNING_SUM"}
_ALLOWED = (
    ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Constant, ast.List, ast.Load, ast.Name, ast.UnaryOp, ast.USub,
    ast.And, ast.Or, *_OPERATORS,
)  # fmt: skip


def _wrong(text: str) -> Exception:
    return errors.value(f"Error in expression '{text[:100]}': it is not valid metric math.")
