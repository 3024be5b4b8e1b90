"""The error of input that cannot be read. The codec gives it the protocol's and the service's code."""

from __future__ import annotations


class Malformed(Exception):
    """Input that is not what the model says; `str(error)` is the message for the caller, empty for the default one."""
