"""HTTP and HTTP_PROXY integrations."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from functools import lru_cache
from urllib.parse import quote, urlencode, urlsplit

import httptools

from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.answers import Answer
from fogbank.services.apigateway.plane.call import HOP, Call
from fogbank.services.apigateway.plane.mapping import (
    Outgoing,
    chosen_response,
    mapped_request,
    mapped_response,
    request_body,
)

MOST_ANSWER = 10 << 20
# A mapping onto these would break the message; AWS answers 500 (recorded).
_FORBIDDEN = frozenset(("content-length", "transfer-encoding", "host"))
_NOT_PASSED = HOP | {"host", "via", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}


async def run_proxy(call: Call) -> Answer:
    """The request goes on as it came; so does the answer."""
    mapped = mapped_request(call)
    headers = {name: values for name, values in call.multi_headers.items() if name.lower() not in _NOT_PASSED}
    query = {**call.query_values, **mapped.query}
    outgoing = Outgoing(merged(headers, mapped.headers), query, {**call.path_parameters, **mapped.path}, call.body)
    status, answered, body = await _exchange(call, outgoing)
    return Answer(status, answered, body)


async def run(call: Call) -> Answer:
    """Through mapping templates, both ways; the response is chosen by the status that came back."""
    outgoing = mapped_request(call)
    outgoing.body = request_body(call)
    override = call.overrides.get("requestOverride") or {}
    outgoing.headers.update({str(name): [str(value)] for name, value in (override.get("header") or {}).items()})
    outgoing.query.update({str(name): [str(value)] for name, value in (override.get("querystring") or {}).items()})
    outgoing.path.update({str(name): str(value) for name, value in (override.get("path") or {}).items()})
    accept = {"Accept": ["application/json"], "User-Agent": [f"AmazonAPIGateway_{call.stage.api}"]}
    content_type = call.header("content-type") or "application/json"
    outgoing.headers = merged({**accept, "Content-Type": [content_type]}, outgoing.headers)
    status, headers, body = await _exchange(call, outgoing)
    return Answer(*mapped_response(call, chosen_response(call, str(status)), headers, body))


def merged(base: dict[str, list[str]], above: dict[str, list[str]]) -> dict[str, list[str]]:
    named = {name.lower() for name in above}
    if named & _FORBIDDEN - {"host"}:
        raise failures.configuration("a header that cannot be mapped")
    return {**{name: values for name, values in base.items() if name.lower() not in named}, **above}


async def _exchange(call: Call, outgoing: Outgoing) -> tuple[int, list[tuple[str, str]], bytes]:
    url = _filled(call.method.integration.get("uri", ""), outgoing.path)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise failures.configuration("Invalid endpoint address")
    headers = merged(
        {"X-Amzn-Apigateway-Api-Id": [call.stage.api], "X-Amzn-Trace-Id": [call.trace], "Host": [parts.netloc]},
        outgoing.headers,
    )
    query = urlencode([(name, value) for name, values in outgoing.query.items() for value in values])
    target = (parts.path or "/") + ("?" + "&".join(filter(None, (parts.query, query))) if parts.query or query else "")
    method = call.method.integration.get("httpMethod") or "GET"
    if method == "ANY":
        method = call.request.method
    call.note(f"Sending request to {url}")
    message = head(method, target, headers, len(outgoing.body)) + outgoing.body
    try:
        address = await _address(call, parts.hostname)
        reply = await send(parts.scheme == "https", parts.hostname, address, parts.port, message)
    except (OSError, ssl.SSLError, ValueError, httptools.HttpParserError, EOFError) as error:
        raise failures.unreachable(f"Invalid endpoint address: {error}") from error
    return reply.status, reply.headers, bytes(reply.body)


def _filled(uri: str, path: dict[str, str]) -> str:
    """The address with `{name}` and `{name+}` filled in; nothing of a value can leave its place in the path."""
    for name, value in path.items():
        safe = quote(value, safe="/%-._~!$&'()*+,;=:@")
        uri = uri.replace(f"{{{name}}}", safe).replace(f"{{{name}+}}", safe)
    return uri


def head(method: str, target: str, headers: dict[str, list[str]], length: int) -> bytes:
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, values in headers.items() for value in values]
    lines += [f"Content-Length: {length}", "Connection: close"]
    if any("\r" in line or "\n" in line for line in lines):
        raise failures.configuration("a header with a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


class Reply:
    """Callbacks of httptools' parser."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.done = False
        self.status = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("utf-8", "replace")))

    def on_body(self, chunk: bytes) -> None:
        self.body += chunk
        if len(self.body) > MOST_ANSWER:
            raise ValueError("the answer is too long")

    def on_message_complete(self) -> None:
        self.done = True


async def _address(call: Call, host: str) -> str:
    """Where to connect. A cloud that has strangers for users (`--strict`) lets no API reach this machine or its network."""
    if not call.ctx.cloud.settings.strict:
        return host
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise failures.configuration("Invalid endpoint address")
    return addresses[0]


async def send(tls: bool, host: str, address: str, port: int | None, message: bytes) -> Reply:
    reader, writer = await asyncio.open_connection(
        address, port or (443 if tls else 80), ssl=_context() if tls else None, limit=1 << 16,
        server_hostname=host if tls else None,
    )
    try:
        writer.write(message)
        await writer.drain()
        reply = Reply()
        parser = httptools.HttpResponseParser(reply)
        while not reply.done:
            data = await reader.read(1 << 16)
            if not data:
                if reply.status or parser.get_status_code():
                    break
                raise EOFError("the connection ended before the answer")
            parser.feed_data(data)
            reply.status = parser.get_status_code()
        reply.status = parser.get_status_code()
        return reply
    finally:
        writer.close()


@lru_cache(1)
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
