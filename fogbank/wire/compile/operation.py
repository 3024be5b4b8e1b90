"""One operation in one protocol: the source of its `parse` and `serialise`."""

from __future__ import annotations

from typing import Any

from fogbank.wire.compile.events import EventCompiler
from fogbank.wire.compile.forms import FormCompiler
from fogbank.wire.compile.rest import RestBody, read_body, read_locations, write_locations
from fogbank.wire.compile.shapes import Shape
from fogbank.wire.compile.source import Block, Source
from fogbank.wire.compile.trees import CborCompiler, TreeCompiler
from fogbank.wire.compile.xml import XmlReader, XmlWriter


def compile_codec(model: dict[str, Any], operation: str, protocol: str) -> str:
    """Source defining `parse(route, request, body) -> dict` and `serialise(v, request_id) -> Response`."""
    return _Operation(model, operation, protocol).source_text()


def compile_error(model: dict[str, Any], shape: str, protocol: str) -> str:
    """Source defining `members(v)`: an error's members but the message, as a dict, or as XML text."""
    source = Source()
    error = Shape(model["shapes"], {"shape": shape})
    settings = model.get("wire", {})

    def body(block: Block) -> None:
        block("g = v.get")
        if protocol in ("query", "ec2", "rest-xml"):
            block("p = []")
            block("w = p.append")
            XmlWriter(source, protocol, settings.get("timestamps", "iso_out")).members(error, block)
            block("return ''.join(p)")
        else:
            block("o = {}")
            trees = CborCompiler(source) if protocol == "smithy-rpc-v2-cbor" else TreeCompiler(source)
            trees.write_members(error, block)
            block("return o")

    source.named("members", "v", body)
    return source.text()


class _Operation:
    def __init__(self, model: dict[str, Any], operation: str, protocol: str) -> None:
        described = model["operations"][operation]
        self.name = operation
        self.metadata = model["metadata"]
        self.settings = model.get("wire", {})
        self.protocol = protocol
        self.status = int(described.get("http", {}).get("responseCode", 200))
        self.address: str = described.get("http", {}).get("requestUri", "/")
        self.head = described.get("http", {}).get("method") == "HEAD"
        self.input = Shape(model["shapes"], described["input"]) if "input" in described else None
        self.output = Shape(model["shapes"], described["output"]) if "output" in described else None
        self.source = Source()
        self.namespace = _uri(self.metadata.get("xmlNamespace"))
        self.trees: TreeCompiler | None = None
        if protocol in ("json", "rest-json"):
            self.trees = TreeCompiler(self.source)
        elif protocol == "smithy-rpc-v2-cbor":
            self.trees = CborCompiler(self.source)
        self.writer = XmlWriter(self.source, protocol, self.settings.get("timestamps", "iso_out"))

    def source_text(self) -> str:
        self.source.named("parse", "route, request, body", self._parse)
        self.source.named("serialise", "v, request_id", self._serialise)
        return self.source.text()

    def _parse(self, block: Block) -> None:
        shape, protocol = self.input, self.protocol
        if shape is None:
            block("return {}")
        elif protocol == "json" and self.trees is not None:
            block(f"return {self.trees.reader(shape)}(json_decode(body))")
        elif protocol == "smithy-rpc-v2-cbor" and self.trees is not None:
            block(f"return {self.trees.reader(shape)}(cbor_decode(body))")
        elif protocol in ("query", "ec2"):
            forms = FormCompiler(self.source, ec2=protocol == "ec2")
            block(f"return {forms.reader(shape)}(form_tree(route.fields(request)))")
        else:
            block("o = {}")
            if any(member["location"] for _, member in shape.members()):
                block("l = route.labels; h = request.headers; q = route.parameters(request)")
                read_locations(shape, self.address, block)
            strict = bool(self.settings.get("strictRoots"))
            read_body(shape, self.trees, XmlReader(self.source), block, strict_roots=strict)
            block("return o")

    def _serialise(self, block: Block) -> None:
        if self.protocol in ("query", "ec2"):
            self._serialise_query(block)
        elif self.protocol in ("rest-json", "rest-xml"):
            self._serialise_rest(block)
        else:
            self._serialise_rpc(block)

    def _serialise_query(self, block: Block) -> None:
        xmlns = f' xmlns="{self.namespace}"' if self.namespace else ""
        root = f"{self.name}Response"
        block("g = v.get")
        members = self.output is not None
        if self.protocol == "ec2":
            head = f"<{root}{xmlns}><requestId>"
            block(f"p = [xml_head, {head!r}, request_id, '</requestId>']")
            block("w = p.append")
            tail = f"</{root}>"
        else:
            wrapper = (self.output["resultWrapper"] if self.output else None) or f"{self.name}Result"
            members = members and bool(self.output and (self.output.traits.get("members") or self.output["resultWrapper"]))
            block(f"p = [{f'<{root}{xmlns}>' + (f'<{wrapper}>' if members else '')!r}]")
            block("w = p.append")
            tail = (f"</{wrapper}>" if members else "") + "<ResponseMetadata><RequestId>"
        if self.output is not None and members:
            self.writer.members(self.output, block)
        if self.protocol == "ec2":
            block(f"w({tail!r})")
            media = "text/xml;charset=UTF-8"
        else:
            block(f"w({tail!r}); w(request_id); w('</RequestId></ResponseMetadata></{root}>')")
            media = "text/xml"
        block(self._answer(media, "xml_encode(p)"))

    def _serialise_rpc(self, block: Block) -> None:
        assert self.trees is not None
        cbor = self.protocol == "smithy-rpc-v2-cbor"
        media = "application/cbor" if cbor else f"application/x-amz-json-{self.metadata.get('jsonVersion', '1.0')}"
        encode = "cbor_encode" if cbor else "json_encode"
        marker = ", ('smithy-protocol', 'rpc-v2-cbor')" if cbor else ""
        stream = _event_member(self.output)
        if self.output is None:
            body = "b''"
        elif stream is not None:
            name, shape = stream
            content = "application/cbor" if cbor else "application/json"
            first = (
                f"event_frame([(':message-type', 'event'), (':event-type', 'initial-response'), "
                f"(':content-type', {content!r})], {encode}({self.trees.writer(self.output)}(v)))"
            )
            body = EventCompiler(self.source, self.trees, self.writer).expression(shape, f"v[{name!r}]", first)
            media = "application/vnd.amazon.eventstream"
        else:
            body = f"{encode}({self.trees.writer(self.output)}(v))"
        block(self._answer(media, body, marker))

    def _answer(self, media: str, body: str, more: str = "") -> str:
        headers = f"[('x-amzn-RequestId', request_id), ('Content-Type', {media!r}){more}]"
        return f"return Response({self.status}, {headers}, {body})"

    def _serialise_rest(self, block: Block) -> None:
        if self.settings.get("requestIds") == "s3":
            block("h = [('x-amz-request-id', request_id), ('x-amz-id-2', host_id(request_id))]")
        else:
            block("h = [('x-amzn-RequestId', request_id)]")
        block(f"status = {self.status}")
        if self.output is None:
            block("return Response(status, h, b'')")
            return
        block("g = v.get")
        write_locations(self.output, block)
        stream = _event_member(self.output)
        if stream is not None:
            name, shape = stream
            events = EventCompiler(self.source, self.trees, self.writer).expression(shape, f"v[{name!r}]")
            block(f"body = {events}")
            block("media_type(h, 'application/vnd.amazon.eventstream')")
        else:
            RestBody(self.trees, self.writer, self.namespace, head=self.head).write(self.output, self.status, block)
        block("return Response(status, h, body)")


def _event_member(shape: Shape | None) -> tuple[str, Shape] | None:
    for name, member in shape.members() if shape is not None else ():
        if member["eventstream"]:
            return name, member
    return None


def _uri(declared: Any) -> str:
    return str(declared.get("uri", "")) if isinstance(declared, dict) else str(declared or "")
