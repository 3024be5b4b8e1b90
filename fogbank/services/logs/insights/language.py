"""From a query's text to its commands. Expressions become functions of a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import regex

Row = dict[str, Any]
Value = Callable[[Row], Any]
MOST_DEPTH = 100
SECONDS = 0.05

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d|w)?(?![\w.])|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<regex>/(?:[^/\\\n]|\\.)+/[i]?)|(?P<quoted>`[^`]+`)|(?P<name>@?[A-Za-z_][\w.@]*)|(?P<sign>!=|<=|>=|=~|[-+*%^()<>=,\[\]|]))"""
)
_SIGNS = frozenset(("=", "!=", "<", ">", "<=", ">="))
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
AGGREGATES = frozenset(
    ("count", "count_distinct", "sum", "avg", "min", "max", "pct", "stddev", "earliest", "latest", "sortsfirst", "sortslast")
)


class BadQuery(Exception):
    """The query is malformed."""


@dataclass(slots=True)
class Named:
    name: str
    value: Value


@dataclass(slots=True)
class Aggregate:
    name: str
    kind: str
    value: Value | None
    extra: float = 0.0


@dataclass(slots=True)
class Query:
    fields: list[Named] = field(default_factory=list)
    display: list[str] = field(default_factory=list)
    steps: list[tuple[str, Any]] = field(default_factory=list)
    """What is done to each row, in order: `filter`, `parse`, `compute`."""
    aggregates: list[Aggregate] = field(default_factory=list)
    by: list[Named] = field(default_factory=list)
    sort: list[tuple[Value, bool]] = field(default_factory=list)
    """Each with whether it goes downwards."""
    dedup: list[Value] = field(default_factory=list)
    limit: int | None = None


def parse(text: str) -> Query:
    """Raises BadQuery."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return _Parser("\n".join(lines)).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if not match or not match.lastgroup:
                # `/` divides where no regular expression can stand.
                if text[at:].lstrip().startswith("/"):
                    self.tokens.append(("sign", "/"))
                    at = text.index("/", at) + 1
                    continue
                raise BadQuery(f"unexpected symbol found {text[at:].strip()[:1]} at position {at}")
            kind = "number" if match["number"] else match.lastgroup
            value = match["number"] + (match["unit"] or "") if kind == "number" else match[kind]
            self.tokens.append((kind, value))
            at = match.end()
        self.at = 0
        self.depth = 0

    # --- commands

    def query(self) -> Query:
        query = Query()
        while True:
            if self.at < len(self.tokens):
                self._command(query)
            if self.at >= len(self.tokens):
                return query
            self._need("|")

    def _command(self, query: Query) -> None:
        kind, name = self._next()
        if kind != "name":
            raise BadQuery(f"unexpected symbol found {name}")
        name = name.lower()
        if name == "fields":
            named = self._named_list()
            query.fields += named
            query.steps.append(("compute", named))
        elif name == "display":
            query.display = [named.name for named in self._named_list()]
        elif name == "filter":
            query.steps.append(("filter", self.expression()))
        elif name == "parse":
            query.steps.append(("parse", self._parse()))
        elif name == "stats":
            self._stats(query)
        elif name == "sort":
            query.sort = self._sort()
        elif name == "dedup":
            query.dedup = [named.value for named in self._named_list()]
        elif name in ("limit", "head", "tail"):
            query.limit = int(float(self._kind("number")))
        else:
            raise BadQuery(f"unexpected symbol found {name}")

    def _named_list(self) -> list[Named]:
        found = [self._named()]
        while self._take(","):
            found.append(self._named())
        return found

    def _named(self) -> Named:
        begin = self.at
        value = self.expression()
        name = "".join(self._plain(token) for token in self.tokens[begin : self.at])
        if self._word("as"):
            name = self._plain(self._next())
        return Named(name, value)

    @staticmethod
    def _plain(token: tuple[str, str]) -> str:
        return token[1][1:-1] if token[0] == "quoted" else token[1]

    def _sort(self) -> list[tuple[Value, bool]]:
        found = []
        while True:
            begin = self.at
            value = self.expression()
            value = _known_as("".join(self._plain(token) for token in self.tokens[begin : self.at]), value)
            down = self._word("desc")
            if not down:
                self._word("asc")
            found.append((value, down))
            if not self._take(","):
                return found

    def _parse(self) -> tuple[Value, regex.Pattern[str], list[str]]:
        """`parse @message "a * b *" as x, y`, or with a regular expression that names its groups."""
        source: Value = _field("@message")
        if self._peek()[0] in ("name", "quoted"):
            source = self._primary()
        kind, text = self._next()
        if kind == "regex":
            pattern = _regex(text)
            return source, pattern, [name for name in pattern.groupindex]
        if kind != "string":
            raise BadQuery("parse needs a pattern")
        parts = [regex.escape(part) for part in _string(text).split("*")]
        names = []
        if self._word("as"):
            names = [self._plain(self._next())]
            while self._take(","):
                names.append(self._plain(self._next()))
        if len(names) != len(parts) - 1:
            raise BadQuery("parse needs a name for each *")
        whole = "(.*?)".join(parts)
        return source, regex.compile(whole + ("$" if text[-2:-1] == "*" else ""), regex.DOTALL), names

    def _stats(self, query: Query) -> None:
        while True:
            query.aggregates.append(self._aggregate())
            if not self._take(","):
                break
        if self._word("by"):
            query.by = self._named_list()

    def _aggregate(self) -> Aggregate:
        begin = self.at
        kind = self._kind("name").lower()
        if kind not in AGGREGATES:
            raise BadQuery(f"unknown aggregation {kind}")
        self._need("(")
        value: Value | None = None
        extra = 0.0
        if not self._take(")"):
            if not self._take("*"):
                value = self.expression()
            if self._take(","):
                extra = float(self._kind("number"))
            self._need(")")
        name = "".join(self._plain(token) for token in self.tokens[begin : self.at])
        if self._word("as"):
            name = self._plain(self._next())
        return Aggregate(name, kind, value, extra)

    # --- expressions

    def expression(self) -> Value:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise BadQuery("nested too deeply")
        left = self._and()
        while self._word("or"):
            left = _either(left, self._and())
        self.depth -= 1
        return left

    def _and(self) -> Value:
        left = self._not()
        while self._word("and"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Value:
        if self._word("not"):
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise BadQuery("nested too deeply")
            inner = self._not()
            return lambda row: not inner(row)
        return self._comparison()

    def _comparison(self) -> Value:
        left = self._sum()
        negated = self._word("not")
        if self._word("like") or self._take("=~"):
            test = self._like(left)
        elif self._word("in"):
            test = self._in(left)
        elif negated:
            raise BadQuery("like or in is missing after not")
        elif self._peek()[1] in _SIGNS and self._peek()[0] == "sign":
            return _compared(self._next()[1], left, self._sum())
        else:
            return left
        return (lambda row: not test(row)) if negated else test

    def _like(self, left: Value) -> Value:
        kind, text = self._next()
        if kind == "regex":
            pattern = _regex(text)
            return lambda row: pattern.search(shown(left(row)), timeout=SECONDS) is not None
        if kind != "string":
            raise BadQuery("like needs a text or a regular expression")
        part = _string(text)
        return lambda row: part in shown(left(row))

    def _in(self, left: Value) -> Value:
        self._need("[")
        values = [self._primary()]
        while self._take(","):
            values.append(self._primary())
        self._need("]")
        return lambda row: any(equal(left(row), value(row)) for value in values)

    def _sum(self) -> Value:
        left = self._product()
        while self._peek() in (("sign", "+"), ("sign", "-")):
            left = _arithmetic(self._next()[1], left, self._product())
        return left

    def _product(self) -> Value:
        left = self._primary()
        while self._peek() in (("sign", "*"), ("sign", "/"), ("sign", "%")):
            left = _arithmetic(self._next()[1], left, self._primary())
        return left

    def _primary(self) -> Value:
        kind, text = self._next()
        if kind == "number":
            number = _number(text)
            return lambda row: number
        if kind == "string":
            value = _string(text)
            return lambda row: value
        if kind == "quoted":
            return _field(text[1:-1])
        if kind == "name":
            if self._peek() == ("sign", "("):
                return self._call(text.lower())
            return _field(text)
        if text == "(":
            inner = self.expression()
            self._need(")")
            return inner
        if text == "-":
            inner = self._primary()
            return lambda row: -(number_of(inner(row)) or 0)
        raise BadQuery(f"unexpected symbol found {text}")

    def _call(self, name: str) -> Value:
        from fogbank.services.logs.insights.functions import FUNCTIONS

        function = FUNCTIONS.get(name) or (_nothing if name in AGGREGATES else None)
        if function is None:
            raise BadQuery(f"unknown function {name}")
        self._need("(")
        arguments: list[Value] = []
        if name in AGGREGATES:
            self._take("*")
        if not self._take(")"):
            arguments.append(self.expression())
            while self._take(","):
                arguments.append(self.expression())
            self._need(")")
        return lambda row: function(row, *(argument(row) for argument in arguments))

    # --- tokens

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if not token[0]:
            raise BadQuery("unexpected end of the query")
        self.at += 1
        return token

    def _kind(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise BadQuery(f"unexpected symbol found {text}")
        return text

    def _take(self, sign: str) -> bool:
        if self._peek() == ("sign", sign):
            self.at += 1
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise BadQuery(f"{sign} is missing before {self._peek()[1] or 'the end'}")

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        if kind == "name" and text.lower() == word:
            self.at += 1
            return True
        return False


def _nothing(row: Row, *arguments: Any) -> None:
    """An aggregate outside of stats: sort knows it by its text."""


def _field(name: str) -> Value:
    return lambda row: row.get(name)


def _known_as(name: str, value: Value) -> Value:
    """What a row has under the expression's own text (`count(*)`, `bin(5m)` after stats), else the expression."""
    return lambda row: row[name] if name in row else value(row)


def _number(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)([a-z]*)", text)
    if not match:
        raise BadQuery(f"unexpected symbol found {text}")
    value = float(match[1]) * UNITS.get(match[2], 1)
    return int(value) if value == int(value) else value


def _string(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _regex(text: str) -> regex.Pattern[str]:
    ignore = text.endswith("i")
    try:
        return regex.compile(text[1 : -2 if ignore else -1], regex.IGNORECASE if ignore else 0)
    except (regex.error, RecursionError, OverflowError) as error:
        raise BadQuery(f"invalid regular expression: {error}") from error


def _either(left: Value, right: Value) -> Value:
    return lambda row: bool(left(row)) or bool(right(row))


def _both(left: Value, right: Value) -> Value:
    return lambda row: bool(left(row)) and bool(right(row))


def number_of(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value
    try:
        return float(value) if len(value) < 50 else None
    except (TypeError, ValueError):
        return None


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def equal(left: Any, right: Any) -> bool:
    first, second = number_of(left), number_of(right)
    if first is not None and second is not None:
        return first == second
    return left is not None and right is not None and shown(left) == shown(right)


def _compared(sign: str, left: Value, right: Value) -> Value:
    if sign == "=":
        return lambda row: equal(left(row), right(row))
    if sign == "!=":
        return lambda row: not equal(left(row), right(row))

    def compare(row: Row) -> bool:
        first, second = number_of(left(row)), number_of(right(row))
        if first is None or second is None:
            return False
        return {"<": first < second, ">": first > second, "<=": first <= second, ">=": first >= second}[sign]

    return compare


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    def compute(row: Row) -> float | None:
        first, second = number_of(left(row)), number_of(right(row))
        if first is None or second is None or (sign in "/%" and not second):
            return None
        if sign in "+-":
            return first + second if sign == "+" else first - second
        return first * second if sign == "*" else first / second if sign == "/" else first % second

    return compute
