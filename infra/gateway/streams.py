"""Table changes to functions, with the semantics of Lambda's event source mappings.

Each trigger reads each shard on its own and in order. A batch is settled when the function
took it, or when its attempts or its age are over and it lies in the on-failure queue; only
then does the stored position move, in one transaction with the dead letter. So a record is
delivered at least once, and a poison record of one trigger never holds up another trigger.

Failures (AWS, "Using Lambda with DynamoDB", error handling and partial batch responses):

    the function fails              the whole batch is tried again, or split in two
    batchItemFailures               what lies before the lowest failure is settled, the rest
                                    is tried again, or split when nothing lies before it
    attempts over, record too old   what is left of the batch goes to the on-failure queue
    throttled                       tried again, counting no attempt

Splitting uses up no attempt, so a single poison record is found whatever the limit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.gateway.city import City, StreamTrigger
from infra.gateway.clock import Clock
from infra.gateway.filters import passes
from infra.gateway.invoker import Answer, Invoker
from infra.gateway.outcomes import discarded, failed_items, stream_discarded, throttled
from infra.gateway.state import Position, Positions, State
from infra.gateway.stream_source import Record, Shard, ShardReader, StreamSource

_MAX_EVENT = 6_000_000  # bytes of one invocation's event
_RETENTION = 86_400  # seconds that a stream keeps a record
_DISCOVERY_SECONDS = 3600.0  # between two looks for shards that nothing has announced
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
log = logging.getLogger("covey.gateway.streams")

DeadLetter = Callable[[str, Mapping[str, Any]], None]
"""Puts a document into the queue of this name; called inside a transaction."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in order, and how often they have failed together."""

    records: Sequence[Record]
    attempts: int = 0
    invokes: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every consumer needs of the gateway."""

    city: City
    source: StreamSource
    state: State
    positions: Positions
    invoker: Invoker
    dead_letter: DeadLetter
    clock: Clock
    idle: float = 0.075  # seconds between polls of a quiet stream
    rest: float = 0.05  # between two polls at least: what is written meanwhile goes together


class ShardConsumer:
    """One trigger on one shard."""

    def __init__(
        self, around: Surroundings, trigger: StreamTrigger, stream: str, shard: str
    ) -> None:
        self._around = around
        self._trigger = trigger
        self._stream = stream
        self._shard = shard
        self._function = around.city.functions[trigger.function]
        self._buffer: list[Record] = []
        self._settled = ""  # the sequence number of the stored position
        self._ended = False
        self._polled = 0.0
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Consume until the shard ends; raises only when cancelled."""
        position = await self._begin()
        reader = self._around.source.reader(self._stream, self._shard, position.sequence)
        resumed = position.attempts, position.size
        while True:
            limit, attempts = self._trigger.batch_size, 0
            if resumed[1]:  # the batch that was being retried when the gateway died
                (attempts, limit), resumed = resumed, (0, 0)
            records = await self._gather(reader, limit)
            if records:
                await self._deliver(Batch(records, attempts))
            elif self._ended and not self._buffer:
                await self._save(Position(self._settled, ended=True))
                return

    async def _begin(self) -> Position:
        key = (self._trigger.name, self._stream, self._shard)
        position = await self._around.state.run(self._around.positions.get, *key)
        if position is None:
            position = Position()
            if self._trigger.starting_position == "LATEST":
                position = Position(await self._last_sequence())
            # Stored before the first read: a start at LATEST must not move with a restart.
            await self._save(position)
        self._settled = position.sequence
        return position

    async def _last_sequence(self) -> str:
        reader = self._around.source.reader(self._stream, self._shard, "")
        last = ""
        while True:
            page = await self._patiently(reader.read)
            if page.records:
                last = _sequence(page.records[-1])
            if not page.records or page.ended:
                return last

    async def _patiently(self, read: Callable[[], Awaitable[Any]]) -> Any:
        """Read, however long the engine is away."""
        pause = self._around.idle
        while True:
            try:
                return await read()
            except Exception as error:  # noqa: BLE001 - away in whatever way, it will be back
                log.warning("stream %s: %s", self._trigger.name, error)
                await self._around.clock.sleep(pause)
                pause = min(pause * 2, 2.0)

    # ── gathering a batch ──────────────────────────────────────────────────────────────────

    async def _gather(self, reader: ShardReader, limit: int) -> list[Record]:
        """Up to ``limit`` records: what is there, or with a window until it is full or over."""
        await self._fill(reader, limit)
        if not self._buffer:
            if not self._ended:
                await self._idle(self._around.idle)
            return []
        deadline = self._around.clock.now() + self._trigger.window
        while not self._ended and self._fitting(limit) == len(self._buffer) < limit:
            left = deadline - self._around.clock.now()
            if left <= 0:
                break
            await self._idle(min(left, self._around.idle))
            await self._fill(reader, limit)
        count = self._fitting(limit)
        batch, self._buffer = self._buffer[:count], self._buffer[count:]
        return batch

    async def _fill(self, reader: ShardReader, limit: int) -> None:
        if len(self._buffer) < limit:
            rest = self._polled + self._around.rest - self._around.clock.now()
            if rest > 0:
                await self._around.clock.sleep(min(rest, self._around.rest))
            self._polled = self._around.clock.now()
        while len(self._buffer) < limit and not self._ended:
            page = await self._patiently(reader.read)
            self._ended = page.ended
            kept = [record for record in page.records if passes(self._trigger.filters, record)]
            self._buffer += kept
            if not page.records:
                return
            if not self._buffer:
                await self._save(Position(_sequence(page.records[-1])))

    def _fitting(self, limit: int) -> int:
        total = 0
        for count, record in enumerate(self._buffer[:limit]):
            total += int(record["dynamodb"].get("SizeBytes", 0)) * 2 + 400
            if total > _MAX_EVENT and count:
                return count
        return min(limit, len(self._buffer))

    async def _idle(self, seconds: float) -> None:
        await self._around.clock.wait(self.wake, seconds)

    # ── delivering it ──────────────────────────────────────────────────────────────────────

    async def _deliver(self, whole: Batch) -> None:
        """Settle every record of the batch, in order."""
        waiting, pause = [whole], _FIRST_PAUSE
        while waiting:
            batch = await self._without_expired(waiting.pop())
            if not batch.records:
                continue
            answer = await self._invoke(batch.records)
            if throttled(answer):
                waiting.append(batch)
            else:
                rest = await self._settle(batch, answer)
                waiting += reversed(rest)
                if len(rest) != 1 or rest[0].attempts == 0:
                    pause = _FIRST_PAUSE  # settled, split or moved on: nothing to wait for
                    continue
            await self._around.clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _settle(self, batch: Batch, answer: Answer) -> list[Batch]:
        """What is left to do after an answer, in order; stores the position."""
        records = batch.records
        identifiers = [_sequence(record) for record in records]
        failed = failed_items(answer, identifiers, self._trigger.item_failures)
        if failed is not None and not failed:
            await self._save(Position(identifiers[-1]))
            return []
        first = 0 if failed is None else min(identifiers.index(each) for each in failed)
        if first:
            await self._save(Position(identifiers[first - 1]))
            return [Batch(records[first:])]
        if self._trigger.bisect and len(records) > 1:
            middle = (len(records) + 1) // 2
            return [
                Batch(records[:middle], batch.attempts, batch.invokes + 1),
                Batch(records[middle:], batch.attempts, batch.invokes + 1),
            ]
        return await self._failed(Batch(records, batch.attempts + 1, batch.invokes + 1), answer)

    async def _failed(self, batch: Batch, answer: Answer) -> list[Batch]:
        limit = self._trigger.max_attempts
        if 0 <= limit < batch.attempts:
            await self._discard(batch, answer, "RetryAttemptsExhausted")
            return []
        await self._save(Position(self._settled, batch.attempts, len(batch.records)))
        return [batch]

    async def _without_expired(self, batch: Batch) -> Batch:
        age = self._trigger.max_age if self._trigger.max_age >= 0 else _RETENTION
        oldest = self._around.clock.now() - age
        count = 0
        for record in batch.records:
            if record["dynamodb"]["ApproximateCreationDateTime"] + 1 > oldest:
                break  # the time of a record is in whole seconds, rounded down
            count += 1
        if not count:
            return batch
        await self._discard(
            Batch(batch.records[:count], batch.attempts, batch.invokes), None, "RecordAgeExceeded"
        )
        return Batch(batch.records[count:], 0, batch.invokes)

    async def _discard(self, batch: Batch, answer: Answer | None, condition: str) -> None:
        head = discarded(
            self._function,
            answer,
            condition=condition,
            invokes=max(batch.invokes, batch.attempts),
            now=self._around.clock.now(),
        )
        arn = self._trigger.stream_arn or self._stream
        letter = stream_discarded(head, batch.records, shard=self._shard, stream=arn)
        log.error(
            "stream %s: %s, %d records from %s discarded",
            *(self._trigger.name, condition, len(batch.records), _sequence(batch.records[0])),
        )
        await self._around.state.run(self._bury, letter, _sequence(batch.records[-1]))

    def _bury(self, letter: Mapping[str, Any], sequence: str) -> None:
        with self._around.state.transaction():
            if self._trigger.on_failure is not None:
                self._around.dead_letter(self._trigger.on_failure, letter)
            self._store(Position(sequence))

    async def _invoke(self, records: Sequence[Record]) -> Answer:
        arn = self._trigger.stream_arn or self._stream
        region = self._around.city.region
        event = {"Records": [event_record(record, arn, region) for record in records]}
        label = f"{self._trigger.table} ×{len(records)}"
        return await self._around.invoker.invoke(
            self._trigger.function, event, kind="stream", label=label
        )

    async def _save(self, position: Position) -> None:
        await self._around.state.run(self._store, position)

    def _store(self, position: Position) -> None:
        self._around.positions.save(self._trigger.name, self._stream, self._shard, position)
        self._settled = position.sequence


class StreamConsumer:
    """One trigger on all shards of its table's stream, parents before children."""

    def __init__(self, around: Surroundings, trigger: StreamTrigger) -> None:
        self._around = around
        self._trigger = trigger
        self._shards: dict[tuple[str, str], ShardConsumer] = {}
        self._looked = 0.0

    def nudge(self) -> None:
        """Look at once: something was probably written."""
        for shard in self._shards.values():
            shard.wake.set()

    async def run(self) -> None:
        """Follow the table's stream for ever, through shards and through a new stream."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._discover(tasks)
                except Exception as error:  # noqa: BLE001 - the engine may be restarting
                    log.warning("stream %s: %s", self._trigger.name, error)
                await self._around.clock.sleep(5.0 if self._shards else 0.25)

    async def _discover(self, tasks: asyncio.TaskGroup) -> None:
        stream = await self._around.source.latest(self._trigger.table)
        if stream is None or not self._may_have_more(stream):
            return
        shards = await self._around.source.shards(stream)
        self._looked = self._around.clock.now()
        for shard in shards:
            if (stream, shard.id) not in self._shards and await self._ready(stream, shard, shards):
                tasks.create_task(self._consume(stream, shard))

    def _may_have_more(self, stream: str) -> bool:
        """Whether to ask for shards: the stream is new, or a shard of it has ended.

        New shards continue others, which end first. The data engine goes through all that a stream
        keeps to answer, and through 2 GB that are not in memory for 11 s; nobody else is answered
        meanwhile.
        """
        followed = any(known == stream for known, _ in self._shards)
        return not followed or self._around.clock.now() - self._looked >= _DISCOVERY_SECONDS

    async def _ready(self, stream: str, shard: Shard, shards: Sequence[Shard]) -> bool:
        if await self._over(stream, shard.id):
            return False
        present = {each.id for each in shards}
        return shard.parent not in present or await self._over(stream, shard.parent or "")

    async def _over(self, stream: str, shard: str) -> bool:
        position = await self._around.state.run(
            self._around.positions.get, self._trigger.name, stream, shard
        )
        return position is not None and position.ended

    async def _consume(self, stream: str, shard: Shard) -> None:
        consumer = ShardConsumer(self._around, self._trigger, stream, shard.id)
        self._shards[stream, shard.id] = consumer
        try:
            while True:
                try:
                    await consumer.run()
                except Exception:
                    # A fault of the gateway itself: begin again at the stored position.
                    log.exception("stream %s: consumer failed", self._trigger.name)
                    await self._around.clock.sleep(1)
                    consumer = ShardConsumer(self._around, self._trigger, stream, shard.id)
                    self._shards[stream, shard.id] = consumer
                else:
                    return
        finally:
            del self._shards[stream, shard.id]
            self._looked = 0.0  # one that has ended may have children


def _sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def event_record(record: Record, arn: str, region: str) -> dict[str, Any]:
    """A record as Lambda hands it on: the stream's, with its source and in the city's region."""
    event = {**record, "awsRegion": region, "eventSourceARN": arn}
    identity = record.get("userIdentity")
    if identity:  # a deletion by expiry; the stream's API writes the keys in upper case
        event["userIdentity"] = {
            "type": identity.get("Type", identity.get("type")),
            "principalId": identity.get("PrincipalId", identity.get("principalId")),
        }
    return event
