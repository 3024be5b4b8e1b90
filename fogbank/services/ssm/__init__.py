"""AWS Systems Manager: Parameter Store."""

from fogbank.api import Service

ssm = Service("ssm")

from fogbank.services.ssm import describing, history, labels, parameters, reading, tags  # noqa: E402, F401

__all__ = ["ssm"]
