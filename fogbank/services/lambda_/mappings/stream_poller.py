"""Reads a stream: each shard in lanes, each lane in order, each lane's place in the store.

A lane is the part of a shard's records whose keys fall to it (`ParallelizationFactor` of them a shard). It reads the whole
shard and passes over what is another lane's.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import md5

from fogbank.api import AwsError, Context
from fogbank.services.lambda_.mappings import filters, kinds
from fogbank.services.lambda_.mappings.batches import Batches
from fogbank.services.lambda_.mappings.polls import Superseded, unless
from fogbank.services.lambda_.mappings.sources import Entry, Reader, Shard, StreamSource
from fogbank.services.lambda_.records import EventSourceMapping, StreamPlace

log = logging.getLogger("fogbank.lambda")

PAUSE = 0.25
"""Seconds between two reads of a shard that had nothing: streams allow five reads a second."""
LOOK_FOR_SHARDS = 5.0
READ_AT_ONCE = 1000


class StreamPoller:
    def __init__(self, ctx: Context, mapping: EventSourceMapping, source: StreamSource, reader: Reader) -> None:
        self._ctx, self._mapping, self._source, self._reader = ctx, mapping, source, reader
        self._factor = mapping.settings["ParallelizationFactor"]
        self._test = filters.compiled(mapping.settings, source.content)
        self._latest = mapping.settings["StartingPosition"] == "LATEST"
        self._since = float(int(mapping.created))  # Some streams tell whole seconds.
        self._lanes: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def run(self, ended: asyncio.Event) -> None:
        """Until the mapping changes; then waits for the batches that are under way."""
        stop = asyncio.Event()
        try:
            while True:
                await self._start_lanes(await unless(ended, self._source.shards(self._reader)), stop)
                await unless(ended, self._look_after_lanes())
        except (Superseded, AwsError):
            stop.set()
            if self._lanes:
                await asyncio.wait(self._lanes.values())
            raise
        finally:
            for lane in self._lanes.values():  # Only where the cloud stops.
                lane.cancel()

    async def _look_after_lanes(self) -> None:
        """Until it is time to look for new shards, or a lane has ended. Raises what a lane could not go on after."""
        if not self._lanes:
            await asyncio.sleep(LOOK_FOR_SHARDS)
            return
        await asyncio.wait(self._lanes.values(), timeout=LOOK_FOR_SHARDS, return_when=asyncio.FIRST_COMPLETED)
        for lane in [key for key, task in self._lanes.items() if task.done()]:
            self._lanes.pop(lane).result()

    async def _start_lanes(self, shards: list[Shard], ended: asyncio.Event) -> None:
        """A shard waits for its parents: what was split or merged keeps its order."""
        known = {shard.id for shard in shards}
        places = await self._ctx.transact(self._places)
        done = {shard for shard in known if all((p := places.get((shard, n))) and p.closed for n in range(self._factor))}
        for shard in shards:
            if shard.id in done or any(parent in known - done for parent in shard.parents):
                continue
            for lane in range(self._factor):
                if (shard.id, lane) not in self._lanes:
                    self._lanes[shard.id, lane] = asyncio.ensure_future(self._read(shard.id, lane, ended))

    def _places(self, ctx: Context) -> dict[tuple[str, int], StreamPlace]:
        found = ctx.tx.scan(StreamPlace, self._mapping.uuid)
        return {(place.shard, place.lane): place for place in found}

    async def _place(self, shard: str, lane: int) -> StreamPlace:
        """Where this lane goes on. A new one begins with the lane of the shard that has come least far."""

        def find(ctx: Context) -> StreamPlace:
            place = ctx.tx.get(StreamPlace, self._mapping.uuid, shard, lane)
            if place is None:
                others = list(ctx.tx.scan(StreamPlace, self._mapping.uuid, shard))
                least = min((other.after for other in others), key=_number, default="")
                place = StreamPlace(mapping=self._mapping.uuid, shard=shard, lane=lane, after=least)
                ctx.tx.put(place)
            return place

        return await self._ctx.transact(find)

    async def _read(self, shard: str, lane: int, ended: asyncio.Event) -> None:
        place = await self._place(shard, lane)
        if place.closed:
            return
        batches = Batches(self._ctx, self._mapping, self._source, place)
        try:
            iterator = await self._iterator(place)
            while iterator and not ended.is_set():
                most = min(READ_AT_ONCE, max(self._mapping.settings["BatchSize"], 1))
                try:
                    page = await unless(ended, self._source.read(self._reader, shard, iterator, most))
                except AwsError as error:
                    if error.code != "ExpiredIteratorException":
                        raise
                    batches.reset()
                    iterator = await self._iterator(place)
                    continue
                iterator = page.next
                for entry in page.entries:
                    await batches.add(entry, self._passes(entry, lane), ended)
                await batches.tick(ended)
                if not page.entries:
                    await unless(ended, asyncio.sleep(min(PAUSE, batches.due())))
            if not iterator:
                await batches.close(ended)
        except Superseded:
            pass

    async def _iterator(self, place: StreamPlace) -> str:
        """A mapping that begins with the latest begins with its own creation, however late a shard is first read."""
        settings = self._mapping.settings
        position, timestamp = settings["StartingPosition"], settings.get("StartingPositionTimestamp")
        if position == "LATEST" and "AT_TIMESTAMP" in kinds.of(self._mapping.source).positions:
            position, timestamp = "AT_TIMESTAMP", self._mapping.created
        elif position == "LATEST":
            position = "TRIM_HORIZON"
        return await self._source.iterator(self._reader, place.shard, place.after, position, timestamp)

    def _passes(self, entry: Entry, lane: int) -> bool:
        if self._latest and entry.arrived < self._since:
            return False
        if self._factor > 1 and int.from_bytes(md5(entry.key.encode()).digest()[:4], "big") % self._factor != lane:
            return False
        return self._test is None or self._test(self._source.view(entry.record))


def _number(sequence: str) -> int:
    """Sequence numbers grow, but are written without leading zeros."""
    return int(sequence) if sequence.isdecimal() else 0
