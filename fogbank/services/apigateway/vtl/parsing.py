"""From a template's text to its nodes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

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

Template = list[Any]
MOST_DEPTH = 60
MOST_TEXT = 307_200

_REFERENCE = re.compile(r"\$!?(?:\{\s*([A-Za-z][\w-]*)|([A-Za-z][\w-]*))")
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_DIRECTIVE = re.compile(r"#\{?(set|if|elseif|else|end|foreach|break|stop|return)\b\}?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_SPACE = re.compile(r"\s*")
_WORDS = {"and": "&&", "or": "||", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">="}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
# A set or a block's line alone leaves no empty line behind.
_LINE_END = re.compile(r"[ \t]*\r?\n")


@lru_cache(512)
def parsed(text: str) -> Template:
    """Raises TemplateError for a malformed template."""
    if len(text) > MOST_TEXT:
        raise TemplateError("the template is too long")
    parser = _Parser(text)
    nodes, ended = parser.block(top=True)
    if ended:
        raise TemplateError(f"#{ended} without a beginning")
    return nodes


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    # --- text and directives

    def block(self, *, top: bool = False) -> tuple[Template, str]:
        """Nodes up to `#end`, `#else` or `#elseif`, whose name is returned (empty for the text's end)."""
        self._deeper()
        nodes: Template = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                nodes.append(Text("".join(plain)))
                plain.clear()

        ended = ""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "#":
                found = self._directive(plain)
                if isinstance(found, str):
                    ended = found
                    break
                if found is not None:
                    flush()
                    nodes.append(found)
            elif character == "$" and (match := _REFERENCE.match(self.text, self.at)):
                flush()
                nodes.append(self._reference(match))
            elif character == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "#"):
                plain.append(self.text[self.at + 1])
                self.at += 2
            else:
                stop = self._next_special()
                plain.append(self.text[self.at : stop])
                self.at = stop
        flush()
        self.depth -= 1
        if not top and not ended:
            raise TemplateError("#end is missing")
        return nodes, ended

    def _next_special(self) -> int:
        places = [place for sign in "#$\\" if (place := self.text.find(sign, self.at + 1)) >= 0]
        return min(places, default=len(self.text))

    def _directive(self, plain: list[str]) -> Any:
        """A node; the name of what ends a block; None where it was a comment or plain text."""
        text, at = self.text, self.at
        if text.startswith("##", at):
            end = text.find("\n", at)
            self.at = len(text) if end < 0 else end + 1
            return None
        if text.startswith("#*", at):
            end = text.find("*#", at)
            self.at = len(text) if end < 0 else end + 2
            return None
        if text.startswith("#[[", at):
            end = text.find("]]#", at)
            plain.append(text[at + 3 : end if end >= 0 else len(text)])
            self.at = len(text) if end < 0 else end + 3
            return None
        match = _DIRECTIVE.match(text, at)
        if not match:
            plain.append("#")
            self.at += 1
            return None
        self.at = match.end()
        kind = match[1]
        if kind in ("end", "else", "elseif"):
            if kind != "elseif":
                self._line_end()
            return kind
        if kind == "set":
            return self._set()
        if kind == "if":
            return self._if()
        if kind == "foreach":
            return self._foreach()
        self._line_end()
        return Jump(kind)

    def _line_end(self) -> None:
        if match := _LINE_END.match(self.text, self.at):
            self.at = match.end()

    def _set(self) -> Set:
        self._need("(")
        match = self._read(_REFERENCE)
        if not match:
            raise TemplateError("#set needs a reference")
        self.at = match.start()
        target = self._reference(match)
        self._need("=")
        value = self.expression()
        self._need(")")
        self._line_end()
        return Set(target, value)

    def _if(self) -> If:
        node = If([])
        ended = "elseif"
        while ended == "elseif":
            self._need("(")
            condition = self.expression()
            self._need(")")
            self._line_end()
            body, ended = self.block()
            node.branches.append((condition, body))
        if ended == "else":
            node.otherwise, ended = self.block()
        if ended != "end":
            raise TemplateError("#if is not closed by #end")
        return node

    def _foreach(self) -> Foreach:
        self._need("(")
        match = self._read(_REFERENCE)
        if not match:
            raise TemplateError("#foreach needs a reference")
        name = self._reference_name(match)
        word = self._read(_NAME)
        if not word or word[0] != "in":
            raise TemplateError("#foreach needs `in`")
        source = self.expression()
        self._need(")")
        self._line_end()
        body, ended = self.block()
        if ended != "end":
            raise TemplateError("#foreach is not closed by #end")
        return Foreach(name, source, body)

    def _reference_name(self, match: re.Match[str]) -> str:
        self.at = match.end()
        if match[1]:
            self._need("}")
        return match[1] or match[2]

    # --- references and expressions

    def _reference(self, match: re.Match[str]) -> Reference:
        self.at = match.end()
        steps: list[Access] = []
        while True:
            if self.text.startswith(".", self.at) and (name := _NAME.match(self.text, self.at + 1)):
                self.at = name.end()
                arguments = self._arguments() if self.text.startswith("(", self.at) else None
                steps.append(Access(name[0], arguments))
            elif self.text.startswith("[", self.at):
                before = self.at
                try:
                    self.at += 1
                    index = self.expression()
                    self._need("]")
                except TemplateError:
                    self.at = before  # `$list[` that is no index is text.
                    break
                steps.append(Access(index=index))
            else:
                break
        if match[1]:
            self._need("}")
        return Reference(match[1] or match[2], steps)

    def _arguments(self) -> list[Any]:
        self._need("(")
        return self._list(")")

    def _list(self, end: str) -> list[Any]:
        found: list[Any] = []
        if self._take(end):
            return found
        while True:
            found.append(self.expression())
            if self._take(end):
                return found
            self._need(",")

    def expression(self, level: int = 0) -> Any:
        if level == len(_LEVELS):
            return self._unary()
        self._deeper()
        left = self.expression(level + 1)
        while sign := self._sign(_LEVELS[level]):
            left = Operation(sign, left, self.expression(level + 1))
        self.depth -= 1
        return left

    def _sign(self, signs: tuple[str, ...]) -> str:
        self._skip()
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                return sign
        match = _NAME.match(self.text, self.at)
        if match and _WORDS.get(match[0]) in signs:
            self.at = match.end()
            return _WORDS[match[0]]
        return ""

    def _unary(self) -> Any:
        self._deeper()
        try:
            if self._take("!"):
                return Not(self._unary())
            return self._primary()
        finally:
            self.depth -= 1

    def _primary(self) -> Any:
        self._skip()
        character = self.text[self.at : self.at + 1]
        if character == "(":
            self.at += 1
            inner = self.expression()
            self._need(")")
            return inner
        if character == "$" and (match := _REFERENCE.match(self.text, self.at)):
            return self._reference(match)
        if character == '"':
            return self._string('"')
        if character == "'":
            return self._string("'")
        if character == "[":
            return self._brackets()
        if character == "{":
            return self._map()
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return Literal(float(match[0]) if match[1] or match[2] else int(match[0][:30]))
        word = _NAME.match(self.text, self.at)
        if word and word[0] in ("true", "false", "null"):
            self.at = word.end()
            return Literal({"true": True, "false": False, "null": None}[word[0]])
        if word and word[0] == "not":
            self.at = word.end()
            return Not(self._unary())
        raise TemplateError(f"no value at {self.at}")

    def _string(self, quote: str) -> Any:
        end = self.at + 1
        while True:
            end = self.text.find(quote, end)
            if end < 0:
                raise TemplateError("a string without end")
            if self.text.startswith(quote, end + 1):  # A doubled quote stands for itself.
                end += 2
                continue
            break
        inner = self.text[self.at + 1 : end].replace(quote * 2, quote)
        self.at = end + 1
        if quote == "'" or ("$" not in inner and "#" not in inner):
            return Literal(inner)
        parser = _Parser(inner)
        parser.depth = self.depth
        nodes, ended = parser.block(top=True)
        if ended:
            raise TemplateError(f"#{ended} in a string")
        return Interpolated(nodes)

    def _brackets(self) -> Any:
        self._need("[")
        if self._take("]"):
            return ListOf([])
        first = self.expression()
        if self._take(".."):
            last = self.expression()
            self._need("]")
            return RangeOf(first, last)
        if self._take("]"):
            return ListOf([first])
        self._need(",")
        return ListOf([first, *self._list("]")])

    def _map(self) -> MapOf:
        self._need("{")
        pairs: list[tuple[Any, Any]] = []
        if self._take("}"):
            return MapOf(pairs)
        while True:
            key = self.expression()
            self._need(":")
            pairs.append((key, self.expression()))
            if self._take("}"):
                return MapOf(pairs)
            self._need(",")

    # --- scanning

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MOST_DEPTH * len(_LEVELS):
            raise TemplateError("nested too deeply")

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _read(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self._skip()
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _take(self, literal: str) -> bool:
        self._skip()
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
            return True
        return False

    def _need(self, literal: str) -> None:
        if not self._take(literal):
            raise TemplateError(f"{literal} is missing at {self.at}")
