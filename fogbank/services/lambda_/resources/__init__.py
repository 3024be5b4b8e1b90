"""CloudFormation's types of Lambda."""

from fogbank.services.lambda_.resources import functions, invocations

__all__ = ["functions", "invocations"]
