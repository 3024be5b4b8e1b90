"""The model's constraints as code: what is required, lengths, ranges, patterns, enumerations."""

from __future__ import annotations

from typing import Any

from fogbank.wire.compile.patterns import translate
from fogbank.wire.compile.shapes import Shape
from fogbank.wire.compile.source import Block, Source

_LENGTHS = ("string", "blob", "list", "map")
_NESTED = ("structure", "list", "map")


def compile_validator(model: dict[str, Any], operation: str) -> str:
    """Source defining `validate(v, e)`, which appends each refusal to the list `e`.

    The service's patch chooses how much AWS checks this way: `validation` is "all", "required" (only the presence of
    members, `e` gets their names), "body" (what travels in the body), or "none".
    """
    return _Validator(model, operation).source_text()


class _Validator:
    def __init__(self, model: dict[str, Any], operation: str) -> None:
        described = model["operations"][operation]
        self.settings: dict[str, Any] = model.get("wire", {})
        self.scope: str = self.settings.get("validation", "all")
        self.shown = not self.settings.get("hideValues", False)
        self.operation = operation
        self.shape = Shape(model["shapes"], described["input"]) if "input" in described else None
        self.source = Source()
        self._constrained: dict[str, bool] = {}

    def source_text(self) -> str:
        prefix = _lower(self.operation) + "Input." if self.settings.get("bodyPrefix") else ""

        def body(block: Block) -> None:
            if self.shape is None or self.scope == "none":
                block("pass")
                return
            block("g = v.get")
            members = list(self.shape.members())
            required = set(self.shape["required"] or ())
            if self.scope == "body":
                members = [(name, member) for name, member in members if not member["location"]]
            for name, member in members:  # AWS names what the body lacks before the rest
                if not member["location"]:
                    self._member(name, member, name in required, repr(prefix + _lower(name)), block)
            for name, member in members:
                if member["location"]:
                    self._member(name, member, name in required, repr(_lower(name)), block)

        self.source.named("validate", "v, e", body)
        return self.source.text()

    def _member(self, name: str, member: Shape, required: bool, where: str, block: Block) -> None:
        """Lines that check the member `name` of the dict behind `g`; `where` is an expression for its path."""
        if member.is_streaming or member["eventstream"]:
            return
        checks = self._has_checks(member)
        if not required and not checks:
            return
        block(f"x = g({name!r})")
        if required:
            missing = repr(name) if self.scope == "required" else f"null_at({where})"
            block(f"if x is None: e.append({missing})")
            if not checks:
                return
            block("else:")
        else:
            block("if x is not None:")
        with block.indent():
            self._value(member, "x", where, block)

    def _has_checks(self, shape: Shape) -> bool:
        """Whether anything in a shape, however deep, is constrained."""
        if shape.is_document:
            return False
        if self._scalar_constraints(shape):
            return True
        if shape.type not in _NESTED:
            return False
        if shape.type == "list" and self.scope != "required" and not shape["sparse"]:
            return True
        known = self._constrained.get(shape.name)
        if known is None:
            self._constrained[shape.name] = False
            known = bool(shape["required"]) or any(self._has_checks(inner) for inner in _inner(shape))
            if not known and shape.type == "structure":
                del self._constrained[shape.name]
            else:
                self._constrained[shape.name] = known
        return known

    def _scalar_constraints(self, shape: Shape) -> list[tuple[str, str]]:
        """A shape's own constraints as (condition that refuses, words), with `{}` for the value."""
        if self.scope == "required":
            return []
        found: list[tuple[str, str]] = []
        low, high = shape["min"], shape["max"]
        if shape.type in _LENGTHS:
            if high is not None:
                found.append((f"len({{}}) > {int(high)}", f"Member must have length less than or equal to {int(high)}"))
            if low is not None:
                found.append((f"len({{}}) < {int(low)}", f"Member must have length greater than or equal to {int(low)}"))
        elif shape.type in ("integer", "float"):
            number = float if shape.type == "float" else int
            if high is not None:
                found.append((f"{{}} > {number(high)!r}", f"Member must have value less than or equal to {number(high)}"))
            if low is not None:
                found.append((f"{{}} < {number(low)!r}", f"Member must have value greater than or equal to {number(low)}"))
        if shape.type == "string":
            if shape["pattern"]:
                matcher = self._matcher(shape["equivalent"] or shape["pattern"])
                condition = f"not {matcher}({{}})" if matcher else "False"
                words = f"Member must satisfy regular expression pattern: {shape['pattern']}"
                found.append((condition, words))
            if shape["enum"]:
                values = ", ".join(java_order(shape["enum"]))
                listed = f": [{values}]" if self.shown else ""
                name = self.source.constant(f"frozenset({sorted(shape['enum'])!r})")
                found.append((f"{{}} not in {name}", f"Member must satisfy enum value set{listed}"))
        return found

    def _matcher(self, pattern: str) -> str | None:
        translated = translate(pattern)
        return self.source.constant(f"Matcher{translated!r}") if translated is not None else None

    def _refusal(self, shape: Shape, value: str, where: str, words: str) -> str:
        shown = self.shown and not shape["sensitive"]
        form = _form(shape, 3)
        more = (f", {form!r}" if form is not None or not shown else "") + (", False" if not shown else "")
        return f"e.append(refuse({value}, {where}, {words!r}{more}))"

    def _value(self, shape: Shape, value: str, where: str, block: Block) -> None:
        written = False
        for condition, words in self._scalar_constraints(shape):
            if condition != "False":
                block(f"if {condition.format(value)}: {self._refusal(shape, value, where, words)}")
                written = True
        if shape.is_document or shape.type not in _NESTED or not self._has_checks(shape):
            pass
        elif shape.type == "structure":
            block(f"{self._structure(shape)}({value}, {where} + '.', e)")
            written = True
        elif shape.type == "list":
            written = self._list(shape, value, where, block) or written
        else:
            written = self._map(shape, value, where, block) or written
        if not written:
            block("pass")

    def _structure(self, shape: Shape) -> str:
        def body(block: Block) -> None:
            block("g = v.get")
            required = set(shape["required"] or ())
            for name, member in shape.members():
                self._member(name, member, name in required, f"at + {_lower(name)!r}", block)

        return self.source.function(("check", shape.name), "v, at, e", body)

    def _list(self, shape: Shape, value: str, where: str, block: Block) -> bool:
        inner = shape.member
        if inner.type not in _NESTED or inner.is_document:
            constraints = self._scalar_constraints(inner)
            if self.scope == "required":
                return False
            if not shape["sparse"]:
                block(f"if None in {value}: e.append(null_at({where} + f'.{{{value}.index(None) + 1}}.member'))")
            conditions = [c for c, _ in constraints if c != "False"]
            if conditions:
                test = " or ".join(f"({c.format('i')})" for c in conditions)
                words = self._all_words("Member must satisfy constraint", constraints, shape)
                block(f"if any(i is not None and ({test}) for i in {value}): {self._refusal(shape, value, where, words)}")
            return not shape["sparse"] or bool(conditions)
        block(f"for n, i in enumerate({value}, 1):")
        with block.indent():
            null = (
                "pass" if shape["sparse"] or self.scope == "required" else f"e.append(null_at({where} + f'.{{n}}.member'))"
            )
            block(f"if i is None: {null}")
            if self._has_checks(inner):
                block("else:")
                with block.indent():
                    self._nested(inner, "i", f"{where} + f'.{{n}}.member'", block)
        return True

    def _nested(self, shape: Shape, value: str, where: str, block: Block) -> None:
        """As `_value`, through a function of its own: loops within loops would share names."""
        function = self.source.function(
            ("element", shape.name, shape.flattened), "x, at, e", lambda inner: self._value(shape, "x", "at", inner)
        )
        block(f"{function}({value}, {where}, e)")

    def _map(self, shape: Shape, value: str, where: str, block: Block) -> bool:
        wrote = False
        for part, inner, source in (("Map keys", shape.key, value), ("Map value", shape.value, f"{value}.values()")):
            if inner.type in _NESTED or inner.is_document:
                continue
            constraints = self._scalar_constraints(inner)
            conditions = [c for c, _ in constraints if c != "False"]
            if conditions:
                test = " or ".join(f"({c.format('i')})" for c in conditions)
                words = self._all_words(
                    f"{part} must satisfy constraint", constraints, shape if part == "Map value" else None
                )
                block(f"if any(i is not None and ({test}) for i in {source}): {self._refusal(shape, value, where, words)}")
                wrote = True
        if shape.value.type in _NESTED and self._has_checks(shape.value):
            block(f"for k, i in {value}.items():")
            with block.indent():
                block("if i is not None:")
                with block.indent():
                    self._nested(shape.value, "i", f"{where} + f'.{{k}}.member'", block)
            wrote = True
        return wrote

    def _all_words(self, head: str, constraints: list[tuple[str, str]], shape: Shape | None) -> str:
        words = [w for _, w in constraints]
        if shape is not None and shape["elementsNotNull"]:
            words.append("Member must not be null")
        return f"{head}: [{', '.join(words)}]"


def _inner(shape: Shape) -> list[Shape]:
    if shape.type == "structure":
        return [member for _, member in shape.members() if not member.is_streaming]
    return [shape.member] if shape.type == "list" else [shape.key, shape.value]


def _form(shape: Shape, depth: int) -> Any:
    """How Java prints a value of the shape, for runtime.constraints.java_text."""
    if depth == 0 or shape.type not in _NESTED or shape.is_document:
        return None
    if shape.type == "structure":
        return shape.name, tuple((name, _form(member, depth - 1)) for name, member in shape.members())
    inner = _form(shape.member if shape.type == "list" else shape.value, depth - 1)
    return [inner] if inner is not None else None


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def java_order(values: list[str]) -> list[str]:
    """The order in which AWS prints an enumeration: by the buckets of a Java hash table, within one the last put in
    first (so do all recorded answers)."""
    size = 32
    while len(values) > size * 0.75:
        size *= 2
    return sorted(reversed(values), key=lambda value: _java_hash(value) & (size - 1))


def _java_hash(text: str) -> int:
    hashed = 0
    for character in text:
        hashed = (hashed * 31 + ord(character)) & 0xFFFFFFFF
    return hashed
