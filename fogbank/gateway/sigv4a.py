"""Signature Version 4a: the same canonical request signed with an ECDSA key, valid in a set of regions.

The key pair follows from the access key by the counter mode of NIST SP 800-108, so whoever knows the secret can check.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_LABEL = b"AWS4-ECDSA-P256-SHA256"


def matcher(access_key: str, secret: str) -> Callable[[str, str], bool]:
    """Whether a signature (hex of its DER form) over a string to sign was made with this key."""
    public = _public_key(access_key, secret)

    def matches(text: str, signature: str) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            public.verify(bytes.fromhex(signature), text.encode("latin-1"), ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True

    return matches


@lru_cache(256)
def _public_key(access_key: str, secret: str) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

    for counter in range(1, 255):
        fixed = (
            b"\x00\x00\x00\x01" + _LABEL + b"\x00" + access_key.encode() + bytes([counter]) + b"\x00\x00\x01\x00"
        )
        candidate = int.from_bytes(hmac.digest(b"AWS4A" + secret.encode(), fixed, "sha256"), "big")
        if candidate <= _ORDER - 2:
            return derive_private_key(candidate + 1, SECP256R1()).public_key()
    raise ValueError("no key pair follows from this access key")
