"""Amazon CloudWatch: metrics, what they were, and alarms on them."""

from fogbank.api import Service

cloudwatch = Service("cloudwatch")

from fogbank.services.cloudwatch import data, expiry, listing, statistics, writing  # noqa: E402, F401

__all__ = ["cloudwatch"]
