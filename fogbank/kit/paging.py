"""Opaque paging tokens: where a listing stopped, encoded so that nobody comes to read them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any


def encode(position: Any) -> str:
    """A token for `position`, a JSON value (usually the last key of the page)."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode()


def decode(token: str) -> Any:
    """The position of a token that `encode` made. Raises ValueError for anything else."""
    try:
        return json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError("not a paging token") from error
