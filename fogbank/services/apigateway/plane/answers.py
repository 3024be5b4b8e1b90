"""What goes back to the client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fogbank.api import Response
from fogbank.services.apigateway.plane.call import Call

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_BAD_VALUE = re.compile(r"[\r\n\0]")
# These are the connection's or the gateway's own: an integration's goes out under another name (recorded).
_REMAPPED = frozenset(
    ("connection", "content-length", "date", "server", "content-md5", "expect", "host", "max-forwards", "proxy-authenticate",
     "te", "trailer", "upgrade", "user-agent", "www-authenticate", "x-amzn-requestid", "x-amz-apigw-id")
)
_DROPPED = frozenset(("transfer-encoding", "keep-alive"))


@dataclass(slots=True)
class Answer:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def response(call: Call, answer: Answer) -> Response:
    """The answer as it is sent, with the gateway's own headers. A header that cannot be one is left out."""
    headers: list[tuple[str, str]] = [
        ("x-amzn-RequestId", call.request_id),
        ("x-amz-apigw-id", call.extended_id),
    ]
    content_type = False
    for name, value in answer.headers:
        lower = name.lower()
        if lower in _DROPPED or not _NAME.fullmatch(name) or _BAD_VALUE.search(value):
            continue
        content_type = content_type or lower == "content-type"
        headers.append((f"x-amzn-Remapped-{name}" if lower in _REMAPPED else name, value))
    if not content_type:
        headers.append(("Content-Type", "application/json"))
    call.status = answer.status
    return Response(answer.status, headers, answer.body)
