"""Certificate authorities in the form that every version of Java reads: a JKS trust store."""

from __future__ import annotations

import hashlib
import re
import ssl
import struct
from pathlib import Path

_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_PASSWORD = "changeit"
_WHITENER = b"Mighty Aphrodite"  # the format's own constant
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def write(bundle: Path) -> Path:
    """Makes `NAME.jks` beside a PEM file with certificates, and returns its path."""
    certificates = [ssl.PEM_cert_to_DER_cert(text) for text in _PEM.findall(bundle.read_text(errors="replace"))]
    body = struct.pack(">III", _MAGIC, _VERSION, len(certificates))
    for number, certificate in enumerate(certificates):
        body += struct.pack(">I", _TRUSTED) + _text(f"ca{number}") + struct.pack(">Q", 0)
        body += _text("X.509") + struct.pack(">I", len(certificate)) + certificate
    seal = hashlib.sha1(_PASSWORD.encode("utf-16-be") + _WHITENER + body).digest()
    target = bundle.with_suffix(".jks")
    target.write_bytes(body + seal)
    return target


def _text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()
