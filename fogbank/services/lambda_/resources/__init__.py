"""CloudFormation's types of Lambda."""

from fogbank.services.lambda_.resources import functions, invocations, mappings

__all__ = ["functions", "invocations", "mappings"]
