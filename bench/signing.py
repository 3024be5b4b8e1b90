"""Signed requests prepared beforehand, so that the sender's own signing does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest


def capture(
    endpoint: str, service: str, operation: str, make: Callable[[int], dict[str, Any]], count: int,
    *, key: str = "test", secret: str = "test", region: str = "us-east-1",
) -> list[bytes]:
    """`count` requests of one operation as bytes of HTTP/1.1, signed by botocore; `make(n)` gives the nth's parameters."""
    session = botocore.session.get_session()
    client = session.create_client(
        service, region_name=region, endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret
    )
    captured: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: Any) -> Any:
        captured.append(request)
        raise _Captured

    client.meta.events.register("before-send", keep)
    method = getattr(client, _snake(operation))
    for number in range(count):
        try:
            method(**make(number))
        except _Captured:
            continue
    return [_raw(request) for request in captured]


class _Captured(Exception):
    pass


def _snake(name: str) -> str:
    from botocore import xform_name

    return str(xform_name(name))


def _raw(request: AWSPreparedRequest) -> bytes:
    host, _, path = request.url.split("://", 1)[1].partition("/")
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
    headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
    headers = {name: value for name, value in headers.items() if name.lower() not in ("expect", "content-length", "host")}
    headers["Host"] = host
    headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request.method} /{path} HTTP/1.1\r\n{head}\r\n".encode() + body
