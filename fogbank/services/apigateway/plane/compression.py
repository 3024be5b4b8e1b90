"""Payload compression, where an API has a `minimumCompressionSize`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable

from fogbank.api import Response
from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call

SMALL = 1 << 16
"""Up to so many bytes are compressed on the spot; more, in another thread."""
MOST = 10 << 20


async def opened(call: Call) -> None:
    """Takes the compression off a request's body. Raises BAD_REQUEST_BODY for what is not compressed as it says."""
    coding = (call.header("content-encoding") or "").strip().lower()
    if call.stage.settings.get("minimumCompressionSize") is None or coding not in ("gzip", "deflate") or not call.body:
        return
    try:
        call.body = await _apart(_inflated, call.body)
    except (zlib.error, EOFError) as error:
        raise failures.bad_body("[The body is not compressed as its Content-Encoding says]") from error
    if len(call.body) > MOST:
        raise failures.too_large()
    call.multi_headers = {n: v for n, v in call.multi_headers.items() if n.lower() != "content-encoding"}


def _inflated(body: bytes) -> bytes:
    """At most one byte past the limit, whatever the body would become."""
    return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MOST + 1)


async def closed(call: Call, response: Response) -> None:
    """Compresses a response that is long enough, for a client that takes it."""
    least = call.stage.settings.get("minimumCompressionSize")
    body = response.body
    if least is None or not isinstance(body, bytes) or len(body) < max(least, 1):
        return
    accepted = {part.split(";", 1)[0].strip().lower() for part in (call.header("accept-encoding") or "").split(",")}
    if not accepted & {"gzip", "*"} or any(name.lower() == "content-encoding" for name, _ in response.headers):
        return
    response.body = await _apart(_deflated, body)
    response.headers.append(("Content-Encoding", "gzip"))


def _deflated(body: bytes) -> bytes:
    return gzip.compress(body, 5, mtime=0)


async def _apart(work: Callable[[bytes], bytes], body: bytes) -> bytes:
    return work(body) if len(body) <= SMALL else await asyncio.to_thread(work, body)
