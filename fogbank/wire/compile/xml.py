"""XML bodies: elements to values (rest-xml requests), values to text (rest-xml, query and ec2 responses)."""

from __future__ import annotations

from fogbank.wire.compile.shapes import Shape
from fogbank.wire.compile.source import Block, Source

XSI = "http://www.w3.org/2001/XMLSchema-instance"

TEXTS = {
    "string": "{0}.text or ''",
    "integer": "xml_integer({0}.text)",
    "float": "xml_float({0}.text)",
    "boolean": "xml_boolean({0}.text)",
    "blob": "xml_blob({0}.text)",
    "timestamp": "epoch_of_text({0}.text or '')",
}


class XmlReader:
    def __init__(self, source: Source) -> None:
        self.source = source

    def read(self, shape: Shape, element: str) -> str:
        """An expression for the value of the element that the name `element` is bound to."""
        if shape.type in TEXTS:
            return TEXTS[shape.type].format(element)
        return f"{self.reader(shape)}({element})"

    def reader(self, shape: Shape) -> str:
        body = {"structure": self._structure, "list": self._list, "map": self._map}[shape.type]
        return self.source.function(("xml-read", shape.name), "e", lambda block: body(shape, block))

    def _structure(self, shape: Shape, block: Block) -> None:
        block("o = {}")
        self.members(shape, block)
        block("return o")

    def members(self, shape: Shape, block: Block) -> None:
        """Lines that read the children and attributes of `e` into the dict `o`."""
        elements = []
        for name, member in shape.members():
            if member["location"]:
                continue
            if member["xmlAttribute"]:
                block(f"x = {self._attribute(member.wire_name(name))}")
                block(f"if x is not None: o[{name!r}] = x")
            else:
                elements.append((name, member))
        if not elements:
            return
        block("for c in e:")
        with block.indent():
            block("t = local(c.tag)")
            word = "if"
            for name, member in elements:
                wire = member.wire_name(name)
                if member.type == "list" and member.flattened:
                    wire = member.member["locationName"] or wire
                    names = sorted({wire, member.wire_name(name)})
                    test = f"t == {wire!r}" if len(names) == 1 else f"t == {names[0]!r} or t == {names[1]!r}"
                    block(f"{word} {test}: o.setdefault({name!r}, []).append({self.read(member.member, 'c')})")
                elif member.type == "map" and member.flattened:
                    block(f"{word} t == {wire!r}:")
                    with block.indent():
                        self._entry(member, "c", block)
                        block(f"o.setdefault({name!r}, {{}})[{self.read(member.key, 'k')}] = {self.read(member.value, 'w')}")
                else:
                    block(f"{word} t == {wire!r}: o[{name!r}] = {self.read(member, 'c')}")
                word = "elif"

    def _attribute(self, wire: str) -> str:
        prefix, _, name = wire.rpartition(":")
        return f"e.get({f'{{{XSI}}}{name}' if prefix == 'xsi' else wire!r})"

    def _entry(self, shape: Shape, element: str, block: Block) -> None:
        block(f"k, w = xml_pairs({element}, {shape.key.wire_name('key')!r}, {shape.value.wire_name('value')!r})")

    def _list(self, shape: Shape, block: Block) -> None:
        block(f"return [{self.read(shape.member, 'c')} for c in e if type(c.tag) is str]")

    def _map(self, shape: Shape, block: Block) -> None:
        block("o = {}")
        block("for c in e:")
        with block.indent():
            self._entry(shape, "c", block)
            block(f"o[{self.read(shape.key, 'k')}] = {self.read(shape.value, 'w')}")
        block("return o")


class XmlWriter:
    """Writes into a list of texts, `w` being its `append`."""

    def __init__(self, source: Source, protocol: str, times: str = "iso_millis_out") -> None:
        self.source = source
        self.ec2 = protocol == "ec2"
        self.times = times

    def text(self, shape: Shape, value: str) -> str:
        """An expression for the escaped text of a scalar."""
        kind = shape.type
        if kind == "string":
            return f"xml_escape({value})"
        if kind == "integer":
            return f"int({value})"
        if kind == "boolean":
            return f"'true' if {value} else 'false'"
        if kind == "float":
            return f"xml_float_out({value})"
        if kind == "blob":
            return f"xml_base64({value})"
        form = (shape["timestampFormat"] or "").lower()
        if form == "unixtimestamp":
            return f"epoch_out({value})"
        return f"http_date_out({value})" if form == "rfc822" else f"{self.times}({value})"

    def element(self, shape: Shape, tag: str, value: str, block: Block) -> None:
        """Lines that write `value`, a name that is not None, as element `tag`."""
        opening = f"<{tag}{self._namespace(shape)}>"
        if shape.type == "structure":
            self.opening(shape, opening, f"{value}.get", block)
            block(f"{self.writer(shape)}({value}, w)")
            block(f"w('</{tag}>')")
        elif shape.type in ("list", "map"):
            function = self.writer(shape, tag if shape.flattened else "")
            if shape.flattened:
                block(f"{function}({value}, w)")
            else:
                block(f"w({opening!r})")
                block(f"{function}({value}, w)")
                block(f"w('</{tag}>')")
        else:
            block(
                f"w(f{(opening + '{' + self.text(shape, value) + '}</' + tag + '>')!r})"
                if "'" not in self.text(shape, value)
                else f"w({opening!r} + ({self.text(shape, value)}) + '</{tag}>')"
            )

    def opening(self, shape: Shape, tag: str, get: str, block: Block) -> None:
        """Lines that write the opening tag of a structure, its attributes got by calling `get`."""
        attributes = [(n, m) for n, m in shape.members() if m["xmlAttribute"]]
        if not attributes:
            block(f"w({tag!r})")
            return
        block(f"w({tag[:-1]!r})")
        for name, member in attributes:
            attribute = member.wire_name(name)
            block(f"a = {get}({name!r})")
            block(f"if a is not None: w(f' {attribute}=\"{{xml_escape(a)}}\"')")
        block("w('>')")

    def _namespace(self, shape: Shape) -> str:
        declared = shape["xmlNamespace"]
        if not declared:
            return ""
        if isinstance(declared, str):
            return f' xmlns="{declared}"'
        prefix = declared.get("prefix")
        return f' xmlns:{prefix}="{declared["uri"]}"' if prefix else f' xmlns="{declared["uri"]}"'

    def writer(self, shape: Shape, tag: str = "") -> str:
        """The function that writes the content of a structure, list or map. A flattened one brings its own tags."""
        body = {"structure": self._structure, "list": self._list, "map": self._map}[shape.type]
        key = ("xml-write", shape.name, tag)
        return self.source.function(key, "v, w", lambda block: body(shape, tag, block))

    def _structure(self, shape: Shape, _: str, block: Block) -> None:
        block("g = v.get")
        self.members(shape, block)

    def members(self, shape: Shape, block: Block) -> None:
        """Lines that write the members without a location of the dict behind `g`."""
        empty = True
        for name, member in shape.members():
            if member.in_response_head or member["xmlAttribute"] or member["eventstream"]:
                continue
            empty = False
            block(f"x = g({name!r})")
            block("if x is not None:")
            with block.indent():
                tag = member.wire_name(name)
                if member.type == "list" and member.flattened and not member["locationName"]:
                    tag = member.member["locationName"] or tag
                self.element(member, tag, "x", block)
        if empty:
            block("pass")

    def _list(self, shape: Shape, tag: str, block: Block) -> None:
        element = tag or shape.member.wire_name("member")
        block("for x in v:")
        with block.indent():
            self.element(shape.member, element, "x", block)

    def _map(self, shape: Shape, tag: str, block: Block) -> None:
        entry = tag or "entry"
        block("for k, x in v.items():")
        with block.indent():
            block("if x is None: continue")
            block(f"w('<{entry}>')")
            self.element(shape.key, shape.key.wire_name("key"), "k", block)
            self.element(shape.value, shape.value.wire_name("value"), "x", block)
            block(f"w('</{entry}>')")
