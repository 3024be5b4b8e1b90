"""Amazon CloudWatch Logs: groups, streams, events, and the filters that watch them."""

from fogbank.api import Service

logs = Service("logs")

from fogbank.services.logs import (  # noqa: E402, F401
    filtering,
    groups,
    metric_filters,
    queries,
    reading,
    resource_policies,
    retention,
    streams,
    subscriptions,
    tags,
    writing,
)

__all__ = ["logs"]
