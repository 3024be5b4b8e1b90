"""What CloudWatch Logs keeps.

Streams, batches and filters hang on their group's number, not on its name: a group that is deleted and made again is
another group, and what the old one held can be removed by and by.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fogbank.store import Record, record


class Subscription(msgspec.Struct, kw_only=True):
    """A subscription filter. It stands in its group's record, since every write to the group asks for it."""

    name: str
    pattern: str
    destination: str
    created: int
    role: str = ""
    distribution: str = "ByLogStream"
    transformed: bool = False
    sender: str = ""
    """The service principal that the function lets call it."""


@record("logs.group", key=("account", "region", "name"), indexes={"id": ("id",)})
class Group(Record):
    account: str
    region: str
    name: str
    id: int
    created: int
    """Epoch milliseconds, as every time in this service."""
    kms_key: str = ""
    log_class: str = "STANDARD"
    retention_days: int = 0
    """0 keeps events for ever."""
    tags: dict[str, str] = {}
    protected: bool = False
    metric_filters: int = 0
    subscriptions: list[Subscription] = []


@record("logs.stream", key=("group", "name"))
class Stream(Record):
    group: int
    name: str
    id: int
    created: int
    batches: int = 0
    """How many rows of events were written: the last one's number."""
    first_event: int | None = None
    last_event: int | None = None
    last_ingestion: int | None = None


@record("logs.batch", key=("group", "second", "stream", "number"), indexes={"stream": ("stream", "second", "number")})
class Batch(Record):
    """The events of one request that fall into one second: reading a span of time reads whole rows, few and in order."""

    group: int
    second: int
    stream: int
    number: int
    stream_name: str
    ingested: int
    events: list[tuple[int, str]]
    """Epoch milliseconds and message, in order."""


@record("logs.usage", key=("group",))
class Usage(Record):
    group: int
    stored: int


@record("logs.metric-filter", key=("group", "name"), indexes={"metric": ("account", "region", "metric")})
class MetricFilter(Record):
    group: int
    name: str
    account: str
    region: str
    group_name: str
    metric: str
    """`namespace/name` of the transformation."""
    pattern: str
    created: int
    transformations: list[dict[str, Any]]
    transformed: bool = False


@record("logs.resource-policy", key=("account", "region", "name"))
class ResourcePolicy(Record):
    account: str
    region: str
    name: str
    document: str
    updated: int


@record("logs.query", key=("account", "region", "id"))
class QueryRun(Record):
    """A query of Logs Insights, with its results once it is done."""

    account: str
    region: str
    id: str
    groups: list[str]
    text: str
    start: int
    end: int
    created: int
    status: str
    limit: int | None = None
    results: list[list[dict[str, str]]] = []
    matched: int = 0
    scanned: int = 0
    bytes: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account, self.region, self.id
