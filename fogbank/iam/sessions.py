"""Temporary credentials that need no stored row: the session token is the session, sealed.

A token is a version byte, a nonce and the session's facts under AES-256-GCM with a key that only this cloud has; the
access key id is bound in as associated data, and the secret access key is derived from it. So credentials survive a
restart, cost no write, and cannot be forged or altered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from fogbank.iam.assume import assume_by_service
from fogbank.iam.principal import Principal
from fogbank.kit import ids
from fogbank.kit.errors import AwsError

__all__ = ["Credentials", "Sessions", "assume_by_service", "invalid_token"]

_VERSION = b"\x01"
_NONCE = 12
_LONGEST = 16_384
"""A token longer than this cannot be ours: role sessions carry at most a few KB of policies and tags."""
_REMEMBERED = 2_048


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: float
    principal: Principal
    packed_size: int
    """Bytes of policies and tags in the token, compressed; STS reports it as a percentage of its limit."""


class _Facts(msgspec.Struct, array_like=True):
    kind: str
    account: str
    arn: str
    user_id: str
    name: str
    role_arn: str
    policies: list[str]
    tags: list[tuple[str, str]]
    transitive: list[str]
    source_identity: str
    issued: float
    expires: float
    context: dict[str, str]


class Sessions:
    """Issues and opens temporary credentials under one master key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher: Any = None
        self._opened: OrderedDict[tuple[str, str], tuple[Principal, str]] = OrderedDict()

    def issue(self, principal: Principal, random: Random) -> Credentials:
        """Credentials for `principal`, whose `issued_at` and `expires_at` are set. Its `access_key_id` is replaced."""
        access_key_id = ids.unique_id(random, "ASIA")
        packed = zlib.compress(
            msgspec.json.encode([principal.session_policies, principal.session_tags, principal.transitive_tags])
        )
        facts = _Facts(
            principal.kind, principal.account, principal.arn, principal.user_id, principal.name, principal.role_arn,
            list(principal.session_policies), list(principal.session_tags), list(principal.transitive_tags),
            principal.source_identity, principal.issued_at, principal.expires_at, dict(principal.context),
        )
        nonce = random.randbytes(_NONCE)
        sealed = self._aead().encrypt(nonce, zlib.compress(msgspec.msgpack.encode(facts)), access_key_id.encode())
        token = base64.b64encode(_VERSION + nonce + sealed).decode()
        named = _principal(facts, access_key_id)
        return Credentials(access_key_id, self._secret(access_key_id), token, principal.expires_at, named, len(packed))

    def open(self, token: str, access_key_id: str, now: float) -> tuple[Principal, str]:
        """Whose credentials these are, and their secret access key.

        Raises AwsError `InvalidClientTokenId` for a token that is not ours or not of this key, `ExpiredToken` later.
        """
        known = self._opened.get((access_key_id, token))
        if known is None:
            known = _principal(self._unseal(token, access_key_id), access_key_id), self._secret(access_key_id)
            self._opened[(access_key_id, token)] = known
            if len(self._opened) > _REMEMBERED:
                self._opened.popitem(last=False)
        if known[0].expires_at <= now:
            raise AwsError("ExpiredToken", "The security token included in the request is expired", status=403)
        return known

    def _unseal(self, token: str, access_key_id: str) -> _Facts:
        try:
            return msgspec.msgpack.decode(self._decrypt(token, access_key_id.encode()), type=_Facts)
        except (ValueError, UnicodeError, msgspec.MsgspecError):
            raise invalid_token() from None

    def _decrypt(self, text: str, bound: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag  # 20 ms to import: only for those who hold sessions

        if len(text) > _LONGEST:
            raise ValueError("too long")
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("not base 64") from None
        if raw[:1] != _VERSION or len(raw) < 1 + _NONCE + 16:
            raise ValueError("not sealed here")
        try:
            return zlib.decompress(self._aead().decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], bound))
        except InvalidTag:
            raise ValueError("not sealed here") from None

    def _aead(self) -> Any:
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(hashlib.sha256(b"seal" + self._key).digest())
        return self._cipher

    def _secret(self, access_key_id: str) -> str:
        digest = hmac.digest(self._key, b"secret:" + access_key_id.encode(), "sha256")
        return base64.b64encode(digest).decode()[:40]


def invalid_token() -> AwsError:
    return AwsError(
        "InvalidClientTokenId", "The security token included in the request is invalid.", status=403
    )


def _principal(facts: _Facts, access_key_id: str) -> Principal:
    return Principal(
        kind=facts.kind,  # type: ignore[arg-type]  # sealed by us
        account=facts.account,
        arn=facts.arn,
        user_id=facts.user_id,
        access_key_id=access_key_id,
        name=facts.name,
        role_arn=facts.role_arn,
        session_policies=tuple(facts.policies),
        session_tags=tuple((key, value) for key, value in facts.tags),
        transitive_tags=tuple(facts.transitive),
        source_identity=facts.source_identity,
        issued_at=facts.issued,
        expires_at=facts.expires,
        context=facts.context,
    )
