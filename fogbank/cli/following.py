"""Log events of a group as they come in, each once and in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LATE_MS = 10_000
"""Events may come in this much after others that are younger."""


class Follower:
    def __init__(self, logs: Any, group: str, since_ms: int, pattern: str = "") -> None:
        self._logs = logs
        self._group = group
        self._since = since_ms
        self._pattern = pattern
        self._seen: dict[str, int] = {}
        self._newest = since_ms

    def events(self) -> Iterator[dict[str, Any]]:
        """What is new since the last call. A group that is not there yet has none."""
        from botocore.exceptions import ClientError

        begin = max(self._since, self._newest - LATE_MS)
        asked = {"logGroupName": self._group, "startTime": begin, **({"filterPattern": self._pattern} if self._pattern else {})}
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(**asked)
            found = [event for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return
        self._seen = {name: at for name, at in self._seen.items() if at >= begin}
        for event in sorted(found, key=lambda one: (one["timestamp"], one["eventId"])):
            if event["eventId"] not in self._seen:
                self._seen[event["eventId"]] = event["timestamp"]
                self._newest = max(self._newest, event["timestamp"])
                yield event
