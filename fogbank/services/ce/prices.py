"""The price list: `prices.json`, prices of the first tier in us-east-1, which other regions get too."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Priced(NamedTuple):
    quantity: Decimal
    unit: str
    cost: Decimal


@cache
def _list() -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode((Path(__file__).parent / "prices.json").read_bytes())
    return data


def currency() -> str:
    return str(_list()["currency"])


def priced(service: str, usage_type: str, amount: int) -> Priced:
    """What an amount, as services count it, is in the bill's unit and costs. Raises KeyError for what has no price."""
    entry = _list()[service][usage_type]
    quantity = Decimal(amount) / _list()["units"][entry["unit"]]
    return Priced(quantity, entry["unit"], quantity * Decimal(entry["price"]))
