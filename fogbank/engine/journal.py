"""What an environment tells: platform events and output, to its log stream, to telemetry subscribers, to the tail."""

from __future__ import annotations

from typing import Any, Literal

from fogbank.engine import report
from fogbank.engine.invocation import Invocation
from fogbank.engine.logs import LogSink
from fogbank.engine.spec import Clock, FunctionSpec, LogRecord
from fogbank.engine.telemetry import Subscription

Source = Literal["function", "platform", "extension"]
_EARLY = 1000
"""Events kept for extensions that subscribe late in the Init phase."""


class Journal:
    def __init__(self, spec: FunctionSpec, stream: str, sink: LogSink, clock: Clock) -> None:
        self.stream = stream
        self.invocation: Invocation | None = None
        self.subscriptions: list[Subscription] = []
        self._spec = spec
        self._text = spec.log_format == "Text"
        self._sink = sink
        self._clock = clock
        self._early: list[report.Event] | None = []

    def event(self, kind: str, record: dict[str, Any]) -> None:
        told = self._early is not None or self.subscriptions
        if self._text:
            text = report.text(kind, record)
            if text is not None:
                self.line(text)
            if not told:
                return
        item = report.event(kind, self._clock.now(), record)
        if not self._text:
            text = report.json_line(self._spec, item)
            if text is not None:
                self.line(text)
        if told:
            self._publish(item)

    def line(self, text: str) -> None:
        """A platform line that is no event."""
        self._write(int(self._clock.now() * 1000), text, "platform")

    def output(self, timestamp: int, text: str, is_json: bool, source: Source = "function") -> None:
        """What the function or an extension wrote."""
        self._write(timestamp, text, source)
        if self._early is not None or self.subscriptions:
            self._publish({"time": report.iso(timestamp / 1000), "type": source, "record": text})

    def _write(self, timestamp: int, text: str, source: Source) -> None:
        self._sink.add(self._spec, self.stream, LogRecord(timestamp, text, source))
        if self.invocation is not None and self.invocation.tail is not None:
            self.invocation.tail.add(text)

    def _publish(self, item: report.Event) -> None:
        if self._early is not None and len(self._early) < _EARLY:
            self._early.append(item)
        for subscription in self.subscriptions:
            subscription.publish(item)

    def subscribe(self, subscription: Subscription) -> None:
        """A later subscription of the same extension replaces its earlier one."""
        for old in [item for item in self.subscriptions if item.name == subscription.name]:
            old.close()
            self.subscriptions.remove(old)
        self.subscriptions.append(subscription)
        for item in self._early or ():
            subscription.publish(item)

    @property
    def open(self) -> bool:
        """Whether subscriptions are still taken: they are during Init only."""
        return self._early is not None

    def init_ended(self) -> None:
        self._early = None

    def init_again(self) -> None:
        """The sandbox is another one: its extensions subscribe anew."""
        self.close()
        self._early = []

    async def drain(self, seconds: float) -> None:
        for subscription in self.subscriptions:
            await subscription.drain(seconds)

    def close(self) -> None:
        for subscription in self.subscriptions:
            subscription.close()
        self.subscriptions.clear()
