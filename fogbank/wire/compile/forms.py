"""Form bodies (query, ec2) to values: reads the tree that `runtime.forms.form_tree` makes."""

from __future__ import annotations

from fogbank.wire.compile.shapes import Shape
from fogbank.wire.compile.source import Block, Source

SCALARS = {
    "string": "{}",
    "integer": "form_integer({})",
    "float": "form_float({})",
    "boolean": "form_boolean({})",
    "blob": "blob_of({})",
    "timestamp": "epoch_of_text({})",
}


class FormCompiler:
    def __init__(self, source: Source, *, ec2: bool) -> None:
        self.source = source
        self.ec2 = ec2

    def name_of(self, member: str, shape: Shape) -> str:
        if not self.ec2:
            return shape.wire_name(member)
        if shape["queryName"]:
            return str(shape["queryName"])
        name = shape.wire_name(member)
        return name[:1].upper() + name[1:]

    def other_name(self, shape: Shape) -> str | None:
        """botocore names a flattened list after its elements (`AttributeName.1`), newer clients after the member."""
        if not self.ec2 and shape.type == "list" and shape.flattened and shape.member["locationName"]:
            return str(shape.member["locationName"])
        return None

    def read(self, shape: Shape, node: str) -> str:
        """An expression for the value of `node`, a name bound to a text or a dict."""
        if shape.type in SCALARS:
            leaf = f"{node} if type({node}) is str else form_leaf({node})"
            return SCALARS[shape.type].format(leaf)
        if shape.type == "list":
            return self._list(shape, node)
        if shape.type == "map":
            return self._map(shape, node)
        return f"{self.reader(shape)}({node})"

    def reader(self, shape: Shape) -> str:
        return self.source.function(("form", shape.name), "v", lambda block: self._structure(shape, block))

    def _structure(self, shape: Shape, block: Block) -> None:
        block("if type(v) is str: return {}")
        block("o = {}")
        for name, member in shape.members():
            wire = self.name_of(name, member)
            other = self.other_name(member)
            block(f"x = v.get({wire!r})")
            if other is not None and other != wire:
                block(f"if x is None: x = v.get({other!r})")
            block(f"if x is not None: o[{name!r}] = {self.read(member, 'x')}")
        block("return o")

    def _list(self, shape: Shape, node: str) -> str:
        element = self.read(shape.member, "i")
        names = "" if self.ec2 or shape.flattened else f", {shape.member['locationName'] or 'member'!r}, 'member'"
        return f"[{element} for i in form_items({node}{names})]"

    def _map(self, shape: Shape, node: str) -> str:
        key = shape.key.wire_name("key")
        value = shape.value.wire_name("value")
        names = "" if shape.flattened else ", 'entry'"
        return f"{{k: {self.read(shape.value, 'j')} for k, j in form_entries({node}, {key!r}, {value!r}{names})}}"
