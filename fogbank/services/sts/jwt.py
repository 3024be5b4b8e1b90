"""Signed tokens of identity providers: RFC 7515 and 7519, as far as OpenID Connect has need of them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

_LONGEST = 20_000


class BadToken(Exception):
    """No such token, or its signature is wrong; the text says why."""


@dataclass(frozen=True, slots=True)
class Token:
    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(text: str) -> Token:
    """The token, whose signature is yet to be checked. Raises BadToken."""
    parts = text.split(".")
    if len(text) > _LONGEST or len(parts) != 3:
        raise BadToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    try:
        header, claims = (msgspec.json.decode(_unpad(part)) for part in parts[:2])
        signature = _unpad(parts[2])
    except (ValueError, UnicodeError):
        raise BadToken("The ID Token provided is not a valid JWT.") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("The ID Token provided is not a valid JWT.")
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def verify(token: Token, keys: list[dict[str, Any]]) -> None:
    """Checks the signature by the provider's keys (a JWK set's). Raises BadToken; an unsigned token is none."""
    algorithm, key_id = token.header.get("alg"), token.header.get("kid")
    candidates = [key for key in keys if key_id is None or key.get("kid") == key_id]
    if not candidates:
        raise BadToken("Couldn't find the verification key of the token among those of the identity provider.")
    if not any(_matches(token, key, algorithm) for key in candidates):
        raise BadToken("Provided Token is not signed by the identity provider.")


def _matches(token: Token, key: dict[str, Any], algorithm: Any) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    try:
        if algorithm in ("RS256", "RS384", "RS512") and key.get("kty") == "RSA":
            public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
            public.verify(token.signature, token.signed, padding.PKCS1v15(), _hash(algorithm, hashes))
            return True
        if algorithm in ("ES256", "ES384", "ES512") and key.get("kty") == "EC":
            curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
            public_ec = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve).public_key()
            half = len(token.signature) // 2
            r, s = (int.from_bytes(part, "big") for part in (token.signature[:half], token.signature[half:]))
            public_ec.verify(utils.encode_dss_signature(r, s), token.signed, ec.ECDSA(_hash(algorithm, hashes)))
            return True
    except (InvalidSignature, KeyError, TypeError, ValueError, AttributeError):
        return False
    return False


def _hash(algorithm: str, hashes: Any) -> Any:
    return {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[2:]]()


def _number(text: str) -> int:
    return int.from_bytes(_unpad(text), "big")


def _unpad(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base 64") from None
