"""The root user's own access key, for clouds that refuse the keys of convenience."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fogbank.iam.records import AccessKey
from fogbank.kit import ids

if TYPE_CHECKING:
    from fogbank.store import Store, Tx


async def ensure_root_key(store: Store, account: str, show: Callable[[str], object]) -> None:
    """Makes an access key of the account's root user where it has none, and shows it: this once, never again."""
    random = secrets.SystemRandom()
    secret = base64.b64encode(secrets.token_bytes(30)).decode()
    key = AccessKey(
        access_key_id=ids.unique_id(random, "AKIA"), account=account, user_id="", secret=secret, created=time.time()
    )

    def change(tx: Tx) -> bool:
        if next(iter(tx.find(AccessKey, "user", account, "")), None) is not None:
            return False
        tx.insert(key)
        return True

    if await store.transact(change):
        show(f"Root access key of account {account}, shown this once:")
        show(f"  AWS_ACCESS_KEY_ID={key.access_key_id}")
        show(f"  AWS_SECRET_ACCESS_KEY={key.secret}")
