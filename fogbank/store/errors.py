"""What can go wrong in the store."""

from __future__ import annotations

from typing import Any

from fogbank.kit.errors import AwsError


class StoreError(Exception):
    """The data and the program do not fit together: a changed key, data of a newer release."""


class InUse(OSError):
    """Another process owns the data directory."""


class Exists(Exception):
    """`Tx.insert` found a row with the same key."""

    def __init__(self, table: str, key: tuple[Any, ...]) -> None:
        super().__init__(f"{table} {key}")
        self.table = table
        self.key = key


class StoreFailed(AwsError):
    """What was to be written did not reach the disk. Nothing of the transaction is there; SDKs try again after a 503."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            "ServiceUnavailable", f"Fogbank could not write to its data directory: {cause}", status=503
        )
        self.__cause__ = cause
