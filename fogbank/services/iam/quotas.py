"""Sizes of policies, as AWS counts them."""

from __future__ import annotations

MANAGED_POLICY = 6_144
INLINE = {"user": 2_048, "group": 5_120, "role": 10_240}
"""Characters of all inline policies of one entity together."""
ATTACHED = {"user": 10, "group": 10, "role": 10}
VERSIONS = 5


def size(document: str) -> int:
    """Characters, white space left out."""
    return len("".join(document.split()))
