"""Cost Explorer: what was used and what it would have cost on AWS, by time, function, account, tag and more."""

from fogbank.api import Service

ce = Service("ce")

from fogbank.services.ce import operations  # noqa: E402, F401

__all__ = ["ce"]
