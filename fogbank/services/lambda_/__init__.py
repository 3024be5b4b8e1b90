"""AWS Lambda: functions, versions, aliases, layers, policies, invocation."""

from fogbank.api import Service

lambda_ = Service("lambda")

from fogbank.services.lambda_ import (  # noqa: E402
    aliases,
    concurrency,
    functions,
    invocations,
    layers,
    policies,
    tags,
    versions,
)

__all__ = ["aliases", "concurrency", "functions", "invocations", "lambda_", "layers", "policies", "tags", "versions"]
