"""AWS Lambda: functions, versions, aliases, layers, policies, invocation."""

from fogbank.api import Service

lambda_ = Service("lambda")

from fogbank.services.lambda_ import (  # noqa: E402, F401
    aliases,
    code_signing,
    concurrency,
    event_configs,
    events,
    functions,
    invocations,
    layers,
    mappings,
    policies,
    provisioned,
    settings_of,
    streaming,
    tags,
    url_requests,
    urls,
    versions,
)

__all__ = ["lambda_"]
