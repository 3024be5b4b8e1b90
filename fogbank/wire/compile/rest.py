"""The REST protocols' locations: labels, query string, headers, status and payload, both ways."""

from __future__ import annotations

from fogbank.wire.compile.shapes import Shape, payload_member
from fogbank.wire.compile.source import Block
from fogbank.wire.compile.trees import TreeCompiler
from fogbank.wire.compile.xml import XmlReader, XmlWriter

TEXTS = {
    "string": "{0}",
    "integer": "text_integer({0})",
    "float": "text_float({0})",
    "boolean": "text_boolean({0})",
    "timestamp": "epoch_of_text({0})",
    "blob": "blob_of({0})",
}


def read_locations(shape: Shape, address: str, block: Block) -> None:
    """Lines that move members from labels `l`, query `q` and headers `h` to the dict `o`.

    A map takes the parameters that neither another member nor the operation's own `address` names.
    """
    bound = {part.partition("=")[0] for part in address.partition("?")[2].split("&")}
    bound |= {m.wire_name(n) for n, m in shape.members() if m["location"] == "querystring" and m.type != "map"}
    for name, member in shape.members():
        location, wire = member["location"], member.wire_name(name)
        if location == "uri":
            block(f"x = l.get({wire!r})")
            block(f"if x is not None: o[{name!r}] = {TEXTS[member.type].format('x')}")
        elif location == "querystring" and member.type == "map":
            value = "x" if member.value.type == "list" else "x[0]"
            block(f"x = {{k: {value} for k, x in q.items() if k not in {tuple(sorted(bound))!r}}}")
            block(f"if x: o[{name!r}] = x")
        elif location == "querystring":
            block(f"x = q.get({wire!r})")
            if member.type == "list":
                block(f"if x is not None: o[{name!r}] = [{TEXTS[member.member.type].format('i')} for i in x]")
            else:
                block(f"if x is not None: o[{name!r}] = {TEXTS[member.type].format('x[0]')}")
        elif location == "headers":
            block(f"x = header_map(h, {(member['locationName'] or '').lower()!r})")
            block(f"if x: o[{name!r}] = x")
        elif location == "header":
            block(f"x = h.get({wire.lower()!r})")
            block(f"if x is not None: o[{name!r}] = {_header_value(member)}")


def _header_value(member: Shape) -> str:
    if member["jsonvalue"]:
        return "jsonvalue_in(x)"
    if member.type == "list":
        inner = member.member.type
        if inner == "timestamp":
            return "header_times(x)"
        return "header_list(x)" if inner == "string" else f"[{TEXTS[inner].format('i')} for i in header_list(x)]"
    return TEXTS[member.type].format("x")


def _payload_root(name: str, member: Shape) -> str:
    """The root of a payload without a name of its own: the structure's name, or S3's, where it is the member's."""
    return str(member.shapes[member.name].get("locationName") or name)


def read_body(shape: Shape, trees: TreeCompiler | None, xml: XmlReader, block: Block, *, strict_roots: bool) -> None:
    """Lines that move the body's members from `body` to `o`; a stream is left to the pipeline."""
    payload = payload_member(shape)
    if payload is not None:
        name, member = payload
        if member.is_streaming:
            return
        if member.type in ("blob", "string"):
            block(f"if body: o[{name!r}] = {'body' if member.type == 'blob' else 'body_text(body)'}")
        elif trees is not None:
            block(
                f"if body: o[{name!r}] = {trees.read(member, 'json_any(body)')}"
                if member.type != "structure" or member.is_document
                else f"if body: o[{name!r}] = {trees.reader(member)}(json_decode(body))"
            )
        else:
            block("e = xml_root(body)")
            block("if e is not None:")
            with block.indent():
                if strict_roots:
                    block(f"if local(e.tag) not in {sorted({member.wire_name(name), member.root_name})!r}: xml_wrong_root()")
                block(f"o[{name!r}] = {xml.read(member, 'e')}")
        return
    if not any(not m["location"] for _, m in shape.members()):
        return
    if trees is not None:
        block("v = json_decode(body)")
        trees.read_members(shape, block)
    else:
        block("e = xml_root(body)")
        block("if e is not None:")
        with block.indent():
            xml.members(shape, block)


def write_locations(shape: Shape, block: Block) -> None:
    """Lines that move members of the dict behind `g` to `status` and to the header list `h`."""
    for name, member in shape.members():
        location, wire = member["location"], member.wire_name(name)
        if location == "statusCode":
            block(f"x = g({name!r})")
            block("if x is not None: status = x")
        elif location == "headers":
            block(f"x = g({name!r})")
            block(f"if x: h.extend(prefixed_headers({member['locationName'] or ''!r}, x))")
        elif location == "header":
            block(f"x = g({name!r})")
            if member.type == "list":
                items = f"[{_header_text(member.member, 'i', True)} for i in x if i is not None]"
                block(f"if x: h.append(({wire!r}, ','.join({items})))")
            else:
                block(f"if x is not None: h.append(({wire!r}, {_header_text(member, 'x', False)}))")


def _header_text(member: Shape, value: str, element: bool) -> str:
    if member["jsonvalue"]:
        return f"jsonvalue_out({value})"
    kind = member.type
    if kind == "timestamp":
        form = (member["timestampFormat"] or "rfc822").lower()
        if form == "iso8601":
            return f"iso_out({value})"
        return f"str(epoch_out({value}))" if form == "unixtimestamp" else f"http_date_out({value})"
    if kind == "float":
        return f"xml_float_out({value})"
    if kind == "integer":
        return f"str(int({value}))"
    if kind == "blob":
        return f"xml_base64({value})"
    return f"header_quoted({value})" if element and kind == "string" else f"header_text({value})"


class RestBody:
    """Lines that make `body` (and its content type in `h`) from the output behind `g`."""

    def __init__(self, trees: TreeCompiler | None, writer: XmlWriter, namespace: str, *, head: bool) -> None:
        self.trees = trees
        self.writer = writer
        self.namespace = namespace
        self.head = head

    def write(self, shape: Shape, status: int, block: Block) -> None:
        payload = payload_member(shape)
        if payload is not None:
            self._payload(*payload, block)
        elif shape["rootText"]:
            self._root_text(shape, block)
        elif any(not m.in_response_head for _, m in shape.members()):
            self._members(shape, block)
        elif self.trees is not None and status != 204 and not self.head:
            block("h.append(('Content-Type', 'application/json'))")
            block("body = b'{}'")
        else:
            block("body = b''")

    def _payload(self, name: str, member: Shape, block: Block) -> None:
        block(f"x = g({name!r})")
        if member.type == "blob":
            block("body = b'' if x is None else x")
            block("media_type(h, 'application/octet-stream')")
            return
        block("if x is None: body = b''")
        block("else:")
        with block.indent():
            if member.type == "string":
                block("body = x.encode('utf-8', 'replace')")
                block("media_type(h, 'text/plain')")
            elif self.trees is not None:
                block(f"body = json_encode({self.trees.write(member, 'x')})")
                block("media_type(h, 'application/json')")
            else:
                block("p = [xml_head]")
                block("w = p.append")
                if self.namespace and not member["xmlNamespace"]:
                    member.traits["xmlNamespace"] = self.namespace
                self.writer.element(member, member.reference.get("locationName") or _payload_root(name, member), "x", block)
                block("body = xml_encode(p)")
                block("media_type(h, 'application/xml')")

    def _members(self, shape: Shape, block: Block) -> None:
        if self.trees is not None:
            block("o = {}")
            self.trees.write_members(shape, block)
            block("body = json_encode(o)")
            block("media_type(h, 'application/json')")
            return
        root = shape.root_name
        declared = shape["xmlNamespace"] or self.namespace
        uri = declared.get("uri") if isinstance(declared, dict) else declared
        opening = f'<{root} xmlns="{uri}">' if uri else f"<{root}>"
        block("p = [xml_head]")
        block("w = p.append")
        self.writer.opening(shape, opening, "g", block)
        self.writer.members(shape, block)
        block(f"w('</{root}>')")
        block("body = xml_encode(p)")
        block("media_type(h, 'application/xml')")

    def _root_text(self, shape: Shape, block: Block) -> None:
        """S3's GetBucketLocation: the answer is the root element's own text."""
        name = shape["rootText"]
        block(f"x = g({name!r})")
        block(f"body = xml_encode([xml_head, '<{name} xmlns=\"{self.namespace}\">', xml_escape(x or ''), '</{name}>'])")
        block("media_type(h, 'application/xml')")
