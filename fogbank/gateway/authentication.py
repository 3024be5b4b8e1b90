"""Who signed this request? From an access key to a principal."""

from __future__ import annotations

import re
from collections.abc import Callable

from fogbank.gateway import signature
from fogbank.iam import records
from fogbank.iam.principal import Principal, root
from fogbank.iam.sessions import Sessions
from fogbank.kit.errors import AwsError
from fogbank.store import Tx
from fogbank.wire.messages import Request

_ACCOUNT = re.compile(r"\d{12}")
_LOCAL_SECRET = "test"
LOCAL_ACCOUNT = "000000000000"
_REMEMBERED = 4096


class Authenticator:
    """`local` accepts the keys of convenience on a loopback listener: `test`, or an account's id, with secret `test`.

    `generation` changes whenever a record of IAM does: until then the holders of keys are remembered.
    """

    def __init__(self, sessions: Sessions, generation: Callable[[], int], *, local: bool) -> None:
        self._sessions = sessions
        self._local = local
        self._generation_now = generation
        self._generation = -1
        self._holders: dict[str, tuple[Principal, str]] = {}

    def principal(
        self, tx: Tx, request: Request, signed: signature.SignedRequest, dialect: str, now: float
    ) -> Principal:
        """The caller, once the signature is found right. Raises the error that the service's protocol names."""
        principal, secret = self.holder(tx, signed.access_key, signed.token, dialect, now)
        signature.verify(signed, request, secret, now, dialect)
        return principal

    def holder(self, tx: Tx, key: str, token: str, dialect: str, now: float) -> tuple[Principal, str]:
        """Whose access key that is, and its secret; also for signatures that are verified elsewhere (S3's forms)."""
        if self._local and (convenient := self._convenience(key)):
            return convenient, _LOCAL_SECRET
        if token:
            return self._session(token, key, dialect, now)
        generation = self._generation_now()
        if generation != self._generation or len(self._holders) > _REMEMBERED:
            self._holders.clear()
            self._generation = generation
        holder = self._holders.get(key)
        if holder is None:
            holder = self._holders[key] = self._stored(tx, key, dialect)
        return holder

    @staticmethod
    def _stored(tx: Tx, key: str, dialect: str) -> tuple[Principal, str]:
        found = tx.get(records.AccessKey, key)
        principal = records.principal_of(tx, found) if found and found.status == "Active" else None
        if found is None or principal is None:
            raise signature.unknown_key(key, dialect)
        return principal, found.secret

    def _session(self, token: str, key: str, dialect: str, now: float) -> tuple[Principal, str]:
        try:
            return self._sessions.open(token, key, now)
        except AwsError as error:
            if error.code == "ExpiredToken":
                raise signature.expired_token(token, dialect) from None
            raise signature.invalid_token(token, dialect) from None

    @staticmethod
    def _convenience(key: str) -> Principal | None:
        if key == "test":
            return root(LOCAL_ACCOUNT)
        return root(key) if _ACCOUNT.fullmatch(key) else None
