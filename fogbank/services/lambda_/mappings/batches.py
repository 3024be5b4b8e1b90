"""What becomes of a lane's records: gathered into batches, given to the function, retried, divided, given up.

Every change of a lane's place is committed before the next batch: after a crash the lane goes on there, with the attempts
that its batch has had.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from math import inf
from typing import Any

from fogbank.api import Context
from fogbank.services.lambda_.mappings import invoking, telling
from fogbank.services.lambda_.mappings.polls import Superseded, unless
from fogbank.services.lambda_.mappings.sources import Entry, StreamSource
from fogbank.services.lambda_.records import EventSourceMapping, StreamPlace

RETRY_FIRST, RETRY_MOST = 0.5, 60.0
"""Seconds between two attempts of a batch; the wait doubles."""
MOST_BYTES = 6_000_000


class Batches:
    def __init__(self, ctx: Context, mapping: EventSourceMapping, source: StreamSource, place: StreamPlace) -> None:
        self._ctx, self._mapping, self._source, self._place = ctx, mapping, source, place
        self._settings = mapping.settings
        self._waiting: list[Entry] = []
        self._passed = ""
        """The last record that is done with because it is not this lane's, or was filtered away."""
        self._until = inf

    @property
    def _tumbling(self) -> int:
        return int(self._settings["TumblingWindowInSeconds"])

    # --- gathering

    async def add(self, entry: Entry, wanted: bool, ended: asyncio.Event) -> None:
        if not wanted:
            self._passed = entry.sequence
            return
        if self._tumbling and self._waiting and self._window(entry) != self._window(self._waiting[0]):
            await self._flush(ended)
        if self._tumbling and self._place.window and self._window(entry) > self._place.window:
            await self._end_window(ended)
        if not self._waiting:
            self._until = self._ctx.now + self._settings["MaximumBatchingWindowInSeconds"]
        self._waiting.append(entry)
        if len(self._waiting) >= self._size():
            await self._flush(ended)

    async def tick(self, ended: asyncio.Event) -> None:
        """All that was read has been added: what is due goes."""
        if self._waiting and self._ctx.now >= self._until:
            await self._flush(ended)
        if not self._waiting and self._passed:
            self._place.after = max(self._place.after, self._passed, key=_number)
            self._passed = ""
            await self._save()
        if self._tumbling and self._place.window and self._ctx.now >= self._place.window + self._tumbling:
            if self._waiting:
                await self._flush(ended)
            await self._end_window(ended)

    def reset(self) -> None:
        """What waits is read again."""
        self._waiting, self._until, self._passed = [], inf, ""

    def due(self) -> float:
        """Seconds until something is to be done without further records."""
        return max(0.01, self._until - self._ctx.now) if self._waiting else inf

    async def close(self, ended: asyncio.Event) -> None:
        """The shard is at its end."""
        if self._waiting:
            await self._flush(ended)
        if self._tumbling and self._place.window:
            await self._end_window(ended)
        self._place.closed = True
        await self._save()

    def _size(self) -> int:
        """A batch that failed is tried again as it was, or in its halves."""
        return self._place.sizes[0] if self._place.sizes else int(self._settings["BatchSize"])

    async def _flush(self, ended: asyncio.Event) -> None:
        """Gives away all that waits, a batch at a time."""
        while self._waiting:
            size = self._size()
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            rest = await self._give(batch, ended)
            self._waiting = rest + self._waiting
        self._until = inf

    # --- giving

    async def _give(self, batch: list[Entry], ended: asyncio.Event) -> list[Entry]:
        """One attempt, and its consequences; returns what of the batch is still to be done."""
        batch = await self._drop_old(batch)
        if not batch:
            return []
        answer = await self._attempt(batch, ended)
        failed = answer.failed(self._mapping, [entry.sequence for entry in batch])
        if failed is not None and not failed:
            self._keep_state(answer.payload)
            await self._done(batch, "OK")
            return []
        if failed:
            first = min((entry.sequence for entry in batch if entry.sequence in failed), key=_number)
            index = next(n for n, entry in enumerate(batch) if entry.sequence == first)
            if index:
                await self._done(batch[:index], "PROBLEM: Function call failed")
                batch = batch[index:]
        return await self._failed(batch, answer, ended, reported=bool(failed))

    async def _attempt(self, batch: list[Entry], ended: asyncio.Event) -> invoking.Answer:
        """Until there is concurrency for it: throttled attempts are none."""
        tries = 0
        while True:
            try:
                return await invoking.invoke(self._ctx, self._mapping, self._event(batch, final=False))
            except invoking.Throttled:
                if ended.is_set():
                    raise Superseded from None
                await unless(ended, asyncio.sleep(invoking.throttle_wait(tries)))
                tries += 1

    async def _failed(
        self, batch: list[Entry], answer: invoking.Answer, ended: asyncio.Event, *, reported: bool
    ) -> list[Entry]:
        """A batch whose function named where it failed is divided there already."""
        place, retries = self._place, self._settings["MaximumRetryAttempts"]
        if self._settings["BisectBatchOnFunctionError"] and len(batch) > 1 and not reported:
            half = math.ceil(len(batch) / 2)  # Dividing is no attempt.
            place.sizes = [half, len(batch) - half, *place.sizes[1:]]
            await self._save("PROBLEM: Function call failed")
            return batch
        place.attempts += 1
        place.sizes = [len(batch), *place.sizes[1:]]
        if 0 <= retries < place.attempts:
            await self._give_up(batch, "RetryAttemptsExhausted", answer)
            return []
        wait = min(RETRY_FIRST * 2 ** (place.attempts - 1), RETRY_MOST)
        await self._save("PROBLEM: Function call failed")
        await unless(ended, asyncio.sleep(wait))
        return batch

    async def _drop_old(self, batch: list[Entry]) -> list[Entry]:
        age = self._settings["MaximumRecordAgeInSeconds"]
        if age < 0:
            return batch
        old = [entry for entry in batch if self._ctx.now - entry.arrived > age]
        if old:
            await self._give_up(old, "RecordAgeExceeded", None)
        return batch[len(old) :]

    async def _done(self, batch: list[Entry], result: str) -> None:
        self._advance(batch)
        await self._save(result)

    async def _give_up(self, batch: list[Entry], condition: str, answer: invoking.Answer | None) -> None:
        attempts = self._place.attempts
        self._advance(batch)

        def change(ctx: Context) -> None:
            ctx.tx.put(self._place)
            telling.tell(ctx, self._mapping, self._source, self._place.shard, batch, condition, attempts, answer)
            _note(ctx, self._mapping.uuid, "PROBLEM: Function call failed")

        await self._ctx.transact(change)

    def _advance(self, batch: list[Entry]) -> None:
        place = self._place
        place.after, place.attempts = batch[-1].sequence, 0
        if place.sizes:
            left = place.sizes[0] - len(batch)
            place.sizes = [left, *place.sizes[1:]] if left > 0 else place.sizes[1:]

    async def _save(self, result: str = "") -> None:
        def change(ctx: Context) -> None:
            ctx.tx.put(self._place)
            if result:
                _note(ctx, self._mapping.uuid, result)

        await self._ctx.transact(change)

    # --- tumbling windows

    def _window(self, entry: Entry) -> float:
        return entry.arrived // self._tumbling * self._tumbling

    def _event(self, batch: list[Entry], *, final: bool) -> dict[str, Any]:
        event: dict[str, Any] = {"Records": [entry.record for entry in batch]}
        if not self._tumbling:
            return event
        if batch:
            self._place.window = self._window(batch[0])
        begin = self._place.window
        return {
            **event,
            "shardId": self._place.shard,
            "eventSourceARN": self._mapping.source,
            "window": {"start": _iso(begin), "end": _iso(begin + self._tumbling)},
            "state": self._place.state,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": False,
        }

    def _keep_state(self, payload: bytes) -> None:
        if self._tumbling:
            self._place.state = telling.state_of(payload)

    async def _end_window(self, ended: asyncio.Event) -> None:
        """The last invocation of a window has no records of its own."""
        tries = 0
        while True:
            try:
                await invoking.invoke(self._ctx, self._mapping, self._event([], final=True))
                break
            except invoking.Throttled:
                await unless(ended, asyncio.sleep(invoking.throttle_wait(tries)))
                tries += 1
        self._place.window, self._place.state = 0.0, {}
        await self._save()


def _note(ctx: Context, uuid: str, result: str) -> None:
    """`LastProcessingResult`."""
    found = ctx.tx.get(EventSourceMapping, ctx.account, ctx.region, uuid)
    if found is not None and found.result != result:
        found.result = result
        ctx.tx.put(found)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(sequence: str) -> int:
    return int(sequence) if sequence.isdecimal() else 0
