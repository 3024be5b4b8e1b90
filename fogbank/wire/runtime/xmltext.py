"""XML read with everything dangerous off, and text written so that any character survives."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fogbank.wire.runtime.jsontypes import blob_of
from fogbank.wire.runtime.malformed import Malformed

__all__ = [
    "local",
    "xml_base64",
    "xml_blob",
    "xml_boolean",
    "xml_encode",
    "xml_escape",
    "xml_float",
    "xml_float_out",
    "xml_head",
    "xml_integer",
    "xml_pairs",
    "xml_root",
    "xml_wrong_root",
]

_SPECIAL = re.compile('[\x00-\x08\x0b-\x1f\x7f&<>"\ud800-\udfff\ufffe\uffff]')
xml_head = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


@lru_cache(1)
def _parser() -> Any:
    """Made for the first XML request: to import lxml costs 8 ms."""
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def xml_root(body: bytes) -> Any | None:
    """The root element, None for an empty body. Entities, DTDs, the network and huge trees are off."""
    if not body:
        return None
    from lxml import etree

    try:
        root: Any = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError):
        raise Malformed("") from None
    if root.getroottree().docinfo.doctype:
        raise Malformed("")
    return root


def xml_wrong_root() -> None:
    raise Malformed("")


def local(tag: Any) -> str:
    """A tag without its namespace; the empty text for what is no element (an unresolved entity)."""
    if type(tag) is not str:
        return ""
    return tag[tag.rindex("}") + 1 :] if tag[0] == "{" else tag


def xml_pairs(entry: Any, key_name: str, value_name: str) -> tuple[Any, Any]:
    """The key and value elements of one map entry."""
    key = value = None
    for child in entry:
        name = local(child.tag)
        if name == key_name:
            key = child
        elif name == value_name:
            value = child
    if key is None or value is None:
        raise Malformed("")
    return key, value


def xml_boolean(text: str | None) -> bool:
    text = (text or "").strip()
    if text in ("true", "True", "TRUE", "1"):
        return True
    if text in ("false", "False", "FALSE", "0"):
        return False
    raise Malformed("")


def xml_integer(text: str | None) -> int:
    text = (text or "").strip()
    if len(text) < 40:
        try:
            return int(text)
        except ValueError:
            pass
    raise Malformed("")


def xml_float(text: str | None) -> float:
    try:
        return float((text or "").strip()[:400])
    except ValueError:
        raise Malformed("") from None


def xml_blob(text: str | None) -> bytes:
    return blob_of(text or "")


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    named = _NAMED.get(character)
    if named:
        return named
    code = ord(character)
    return "\ufffd" if code == 0 or code > 0xD7FF else f"&#x{code:x};"


def xml_escape(text: str, _search: Callable[..., Any] = _SPECIAL.search) -> str:
    """`text` as element or attribute content. Control characters become references, as S3 writes keys that have them."""
    if type(text) is not str:
        text = str(text)
    return text if _search(text) is None else _SPECIAL.sub(_reference, text)


def xml_float_out(value: float) -> str:
    if value - value == 0:
        return repr(float(value))
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def xml_base64(value: bytes | str) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return binascii.b2a_base64(raw, newline=False).decode()


def xml_encode(parts: list[str]) -> bytes:
    return "".join(parts).encode("utf-8", "replace")
