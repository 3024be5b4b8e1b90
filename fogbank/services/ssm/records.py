"""What Parameter Store keeps: each parameter with its latest version, and its older versions.

A SecureString's value stands here in plain, since KMS is not built yet; only its owner may read the database.
"""

from __future__ import annotations

import msgspec

from fogbank.store import Record, record


class Version(msgspec.Struct, kw_only=True):
    number: int
    type: str
    value: str
    modified: float
    modified_by: str
    tier: str = "Standard"
    data_type: str = "text"
    description: str | None = None
    key_id: str | None = None
    pattern: str | None = None
    policies: str | None = None
    labels: list[str] = []
    sealed: str = ""
    """What a SecureString reads as without decryption."""


@record("ssm.parameter", key=("account", "region", "name"))
class Parameter(Record):
    account: str
    region: str
    name: str
    latest: Version
    tags: dict[str, str] = {}


@record("ssm.older-version", key=("account", "region", "name", "number"))
class OlderVersion(Record):
    account: str
    region: str
    name: str
    number: int
    content: Version
