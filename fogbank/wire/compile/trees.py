"""Bodies that are trees of values: JSON, and CBOR as its near twin. Conversion both ways, one function per shape."""

from __future__ import annotations

from fogbank.wire.compile.shapes import Shape
from fogbank.wire.compile.source import Block, Source


class TreeCompiler:
    """JSON: members by `locationName`, blobs in base64, timestamps as numbers or texts."""

    flavour = "json"

    def __init__(self, source: Source) -> None:
        self.source = source

    def name_of(self, member: str, shape: Shape) -> str:
        return shape.wire_name(member)

    # reading

    def read(self, shape: Shape, value: str) -> str:
        """An expression for the value that `value`, a name that is not None, becomes."""
        kind = shape.type
        if shape.is_document:
            return value
        if kind == "string":
            return f"{value} if type({value}) is str else to_string({value})"
        if kind == "integer":
            return f"{value} if type({value}) is int else to_integer({value})"
        if kind == "float":
            return f"{value} if type({value}) is float else to_float({value})"
        if kind == "boolean":
            return f"{value} if type({value}) is bool else to_boolean({value})"
        if kind == "blob":
            return self.read_blob(value)
        if kind == "timestamp":
            return f"epoch_of({value})"
        return f"{self.reader(shape)}({value})"

    def read_blob(self, value: str) -> str:
        return f"blob_of({value})"

    def reader(self, shape: Shape) -> str:
        body = {"structure": self._read_structure, "list": self._read_list, "map": self._read_map}[shape.type]
        return self.source.function(("read", self.flavour, shape.name), "v", lambda block: body(shape, block))

    def _read_structure(self, shape: Shape, block: Block) -> None:
        block("if type(v) is not dict: to_structure(v)")
        block("o = {}")
        self.read_members(shape, block)
        block("return o")

    def read_members(self, shape: Shape, block: Block) -> None:
        """Lines that move the members without a location from the dict `v` to the dict `o`."""
        for name, member in shape.members():
            if member["location"] or member["eventstream"]:
                continue
            block(f"x = v.get({self.name_of(name, member)!r})")
            block(f"if x is not None: o[{name!r}] = {self.read(member, 'x')}")

    def _read_list(self, shape: Shape, block: Block) -> None:
        block("if type(v) is not list: to_list(v)")
        block(f"return [None if x is None else {self.read(shape.member, 'x')} for x in v]")

    def _read_map(self, shape: Shape, block: Block) -> None:
        block("if type(v) is not dict: to_map(v)")
        condition = "" if shape["sparse"] else " if x is not None"
        value = f"None if x is None else {self.read(shape.value, 'x')}" if shape["sparse"] else self.read(shape.value, "x")
        block(f"return {{str(k): {value} for k, x in v.items(){condition}}}")

    # writing

    def write(self, shape: Shape, value: str) -> str:
        """An expression for what `value`, a name that is not None, is on the wire."""
        kind = shape.type
        if shape.is_document or kind in ("string", "boolean"):
            return value
        if kind == "integer":
            return f"big_out({value})" if shape.traits["type"] == "bigInteger" else value
        if kind == "float":
            return self.write_float(value)
        if kind == "blob":
            return self.write_blob(value)
        if kind == "timestamp":
            return self.write_time(shape, value)
        return f"{self.writer(shape)}({value})"

    def write_float(self, value: str) -> str:
        return f"{value} if {value} - {value} == 0 else float_out({value})"

    def write_blob(self, value: str) -> str:
        return value

    def write_time(self, shape: Shape, value: str) -> str:
        form = (shape["timestampFormat"] or "unixTimestamp").lower()
        if form == "iso8601":
            return f"iso_out({value})"
        return f"http_date_out({value})" if form == "rfc822" else f"epoch_out({value})"

    def writer(self, shape: Shape) -> str:
        body = {"structure": self._write_structure, "list": self._write_list, "map": self._write_map}[shape.type]
        return self.source.function(("write", self.flavour, shape.name), "v", lambda block: body(shape, block))

    def _write_structure(self, shape: Shape, block: Block) -> None:
        block("o = {}")
        block("g = v.get")
        self.write_members(shape, block)
        block("return o")

    def write_members(self, shape: Shape, block: Block) -> None:
        """Lines that move the members without a location from the dict behind `g` to the dict `o`, in model order."""
        for name, member in shape.members():
            if member.in_response_head or member["eventstream"]:
                continue
            block(f"x = g({name!r})")
            block(f"if x is not None: o[{self.name_of(name, member)!r}] = {self.write(member, 'x')}")

    def _write_list(self, shape: Shape, block: Block) -> None:
        written = self.write(shape.member, "x")
        block("return v" if written == "x" else f"return [None if x is None else {written} for x in v]")

    def _write_map(self, shape: Shape, block: Block) -> None:
        written = self.write(shape.value, "x")
        if shape["sparse"]:
            block(f"return {{k: None if x is None else {written} for k, x in v.items()}}")
        else:
            block(f"return {{k: {written} for k, x in v.items() if x is not None}}")


class CborCompiler(TreeCompiler):
    """CBOR: members by their model names, byte strings, timestamps as tag 1, every float as a float."""

    flavour = "cbor"

    def name_of(self, member: str, shape: Shape) -> str:
        return member

    def read_blob(self, value: str) -> str:
        return f"cbor_blob({value})"

    def write_float(self, value: str) -> str:
        return f"float({value})"

    def write_time(self, shape: Shape, value: str) -> str:
        return f"cbor_time({value})"
