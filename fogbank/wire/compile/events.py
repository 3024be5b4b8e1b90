"""Event-stream members of outputs: one frame encoder per event."""

from __future__ import annotations

from fogbank.wire.compile.shapes import Shape
from fogbank.wire.compile.source import Block, Source
from fogbank.wire.compile.trees import CborCompiler, TreeCompiler
from fogbank.wire.compile.xml import XmlWriter


class EventCompiler:
    def __init__(self, source: Source, trees: TreeCompiler | None, writer: XmlWriter) -> None:
        self.source = source
        self.trees = trees
        self.writer = writer

    def expression(self, stream: Shape, value: str, first: str = "b''") -> str:
        """An expression for the byte iterator of the event iterator `value`."""
        encoders, errors = [], []
        for name, event in stream.members():
            if event["exception"]:
                errors.append(name)
            else:
                encoders.append(f"{name!r}: {self._encoder(name, event)}")
        names = f"frozenset({sorted(errors)!r})"
        return f"event_stream({value}, {{{', '.join(encoders)}}}, {self.source.constant(names)}, {first})"

    def _encoder(self, name: str, event: Shape) -> str:
        return self.source.function(("event", name, event.name), "v", lambda block: self._event(name, event, block))

    def _event(self, name: str, event: Shape, block: Block) -> None:
        block("g = v.get")
        payload: tuple[str, Shape] | None = None
        body = []
        block(f"h = [(':message-type', 'event'), (':event-type', {name!r})]")
        for member_name, member in event.members():
            if member["eventheader"]:
                block(f"h.append(({member_name!r}, {self._header(member, member_name)}))")
            elif member["eventpayload"]:
                payload = (member_name, member)
            else:
                body.append(member_name)
        if payload is not None:
            member_name, member = payload
            block(f"x = g({member_name!r})")
            if member.type == "blob":
                self._finish("application/octet-stream", "x or b''", block)
            elif member.type == "string":
                self._finish("text/plain", "(x or '').encode('utf-8', 'replace')", block)
            else:
                self._structure(member, "x or {}", block)
        elif body:
            self._structure(event, "v", block)
        else:
            block("return event_frame(h, b'')")

    def _header(self, member: Shape, name: str) -> str:
        return f"None if g({name!r}) is None else float(g({name!r}))" if member.type == "timestamp" else f"g({name!r})"

    def _structure(self, shape: Shape, value: str, block: Block) -> None:
        if self.trees is None:
            block("p = []")
            block("w = p.append")
            block(f"x = {value}")
            self.writer.element(shape, shape.root_name, "x", block)
            self._finish("text/xml", "xml_encode(p)", block)
        elif isinstance(self.trees, CborCompiler):
            self._finish("application/cbor", f"cbor_encode({self.trees.writer(shape)}({value}))", block)
        else:
            self._finish("application/json", f"json_encode({self.trees.writer(shape)}({value}))", block)

    def _finish(self, media: str, payload: str, block: Block) -> None:
        block(f"h.append((':content-type', {media!r}))")
        block(f"return event_frame(h, {payload})")
