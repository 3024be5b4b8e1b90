"""The canonical request of Signature Version 4: what signer and verifier must agree on to the byte.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote_to_bytes

from fogbank.wire.messages import Request

_SETTLED_PATH = re.compile(r"(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})*")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-_~/]*")
_SETTLED_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~&=]|%[0-9A-F]{2})*")
_BLANKS = re.compile(r"[ \t]+")


def request(method: str, path: str, query: str, headers: str, names: str, payload: str) -> str:
    return f"{method}\n{path}\n{query}\n{headers}\n{names}\n{payload}"


def path_s3(path: str) -> str:
    """S3's rule: each byte encoded once, nothing normalised (keys may hold `//` and `..`)."""
    if _SETTLED_PATH.fullmatch(path):
        return path
    return "/".join([quote(unquote_to_bytes(segment), safe="-_.~") for segment in path.split("/")])


def path_other(path: str) -> str:
    """Every other service's rule: dot segments and repeated slashes removed, then what is left encoded once more."""
    if path == "/" or (_PLAIN_PATH.fullmatch(path) and "//" not in path):
        return path
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment and segment != ".":
            segments.append(segment)
    normal = "/" + "/".join(segments)
    if segments and path.endswith("/"):
        normal += "/"
    return quote(normal, safe="/-_.~")


def query(text: str, without: str | None = None) -> str:
    """Parameters in the order of their encoded names, then values; `without` names the one that is left out."""
    if not text:
        return ""
    settled = _SETTLED_QUERY.fullmatch(text) is not None
    pairs = []
    for item in text.split("&"):
        if not item:
            continue
        name, _, value = item.partition("=")
        if name == without:
            continue
        pairs.append((name, value) if settled else (_encoded(name), _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def query_as_sent(text: str, without: str | None = None) -> str:
    """The same for signers that sign their own encoding of the parameters."""
    pairs = sorted(item.partition("=")[::2] for item in text.split("&") if item)
    return "&".join([f"{name}={value}" for name, value in pairs if name != without])


def headers(received: Request, names: Sequence[str]) -> str:
    """The signed headers, a line each. A header that is signed but absent reads as empty."""
    values = received.headers
    text = "".join([f"{name}:{values.get(name, '')}\n" for name in names])
    if "  " in text or "\t" in text:
        return "".join([f"{name}:{_BLANKS.sub(' ', values.get(name, ''))}\n" for name in names])
    return text


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")
