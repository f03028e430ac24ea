"""A batch of changes through all consumers, each for itself.

Each consumer gets the whole batch of a collection at once. Where it fails, the batch is halved
until the change stands alone that it cannot take; that one is tried a few times more and then
becomes a dead letter of this consumer, and the batch goes on: for its other consumers, and for the
changes behind it. Only where a dependency is away (`Unavailable`) does the stream wait, until the
consumer has taken nothing for `PATIENCE_MS`: the stream keeps what waits for a day, and asks less
of what is overloaded than letters would.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from covey.collections.model import Collection
from covey.errors import NotFound, Unavailable
from covey.jobs.queue import JobQueue
from covey.pipeline.consumer import Consumer
from covey.pipeline.gauges import Gauges
from covey.pipeline.letters import READING, DeadLetters, letter_of
from covey.pipeline.told import Told
from covey.records.model import Change
from covey.records.time import now_ms

PAUSES = (0.05, 0.25)  # seconds before another try of a change that stands alone, at most
# For a dependency that is away. The attempts of the trigger must last for longer (template.yaml).
PATIENCE_MS = 20_000

_log = logging.getLogger(__name__)


class Collections(Protocol):
    """Where the collection of a change is looked up."""

    def get(self, name: str) -> Collection:
        """The collection; raises NotFound."""
        ...


class Pipeline:
    """Gives changes to whoever makes something follow from them."""

    def __init__(
        self,
        collections: Collections,
        consumers: Sequence[Consumer],
        letters: DeadLetters,
        gauges: Gauges,
        *,
        retries: JobQueue | None = None,
        now: Callable[[], int] = now_ms,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`retries` takes orders to try a letter again; None where there is no such queue."""
        self._collections = collections
        self._letters = letters
        self._gauges = gauges
        self._retries = retries
        self._now = now
        self._pause = pause
        self._away: dict[str, int] = {}  # since when a consumer has taken nothing
        self.consumers: Mapping[str, Consumer] = {one.name: one for one in consumers}

    def take(self, batch: Sequence[Told], time_left: Callable[[], bool]) -> str | None:
        """Give a batch to all consumers; the sequence from which the stream is to tell again.

        None where all is settled: applied, or kept as dead letters. What comes before that
        sequence is settled for every consumer, what comes after it perhaps for some.
        """
        undone: list[Told] = []
        for told in batch:
            if told.fault is not None and not self._bury(told, READING, told.fault):
                undone.append(told)
        for collection, group in self._by_collection(batch):
            for consumer in self.consumers.values():
                undone += self._give(consumer, collection, group, time_left)
        self._gauges.flush()
        if not undone:
            return None
        waiting = {told.sequence for told in undone}
        return next(told.sequence for told in batch if told.sequence in waiting)

    def collection(self, change: Change) -> Collection | None:
        """The collection of a change; None where it is gone, and the change means nothing."""
        try:
            return self._collections.get(change.collection)
        except NotFound:
            return None

    def _by_collection(self, batch: Sequence[Told]) -> list[tuple[Collection, list[Told]]]:
        by_name: dict[str, list[Told]] = {}
        for told in batch:
            if told.change is not None:
                by_name.setdefault(told.change.collection, []).append(told)
        found = []
        for name, group in by_name.items():
            try:
                found.append((self._collections.get(name), group))
            except NotFound:
                _log.info("%d changes of %s came after its end", len(group), name)
        return found

    def _give(
        self,
        consumer: Consumer,
        collection: Collection,
        group: Sequence[Told],
        time_left: Callable[[], bool],
    ) -> Sequence[Told]:
        """Those of a consumer's changes that are not settled."""
        error = self._apply(consumer, collection, group)
        if error is None:
            return ()
        if not time_left() or (isinstance(error, Unavailable) and self._patient(consumer)):
            return group
        if len(group) > 1:
            middle = len(group) // 2
            first = self._give(consumer, collection, group[:middle], time_left)
            return [*first, *self._give(consumer, collection, group[middle:], time_left)]
        for longest in PAUSES:
            self._pause(random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret
            error = self._apply(consumer, collection, group)
            if error is None:
                return ()
        return () if self._bury(group[0], consumer.name, error) else group

    def _apply(
        self, consumer: Consumer, collection: Collection, group: Sequence[Told]
    ) -> Exception | None:
        try:
            if not consumer.wants(collection):
                return None
            consumer.apply(collection, [told.change for told in group if told.change is not None])
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must go on
            told = f"{consumer.name} on {len(group)} changes of {collection.name}"
            _log.warning("%s: %s", told, type(error).__name__, exc_info=len(group) == 1)
            self._gauges.failed(consumer.name)
            return error
        self._away.pop(consumer.name, None)
        self._gauges.applied(consumer.name, len(group), max(told.written for told in group))
        return None

    def _patient(self, consumer: Consumer) -> bool:
        """Whether what it needs has not been away for long; this process alone knows of it."""
        now = self._now()
        return now - self._away.setdefault(consumer.name, now) < PATIENCE_MS

    def _bury(self, told: Told, consumer: str, error: Exception) -> bool:
        """Whether a change is kept as a dead letter; else the stream tells of it again."""
        letter = letter_of(told, consumer, error, self._now())
        _log.error(
            "%s cannot take %s/%s at %s: %s",
            *(consumer, letter.collection, letter.record, told.sequence, letter.error),
        )
        try:
            if self._letters.get(letter.id) is None:
                self._letters.bury(letter, told.image)
            if self._retries is not None and letter.next_pause is not None:
                self._retries.send({"letter": letter.id}, delay_s=letter.next_pause)
        except Exception:  # noqa: BLE001 - the stream is what remains to keep it
            _log.exception("a dead letter could not be kept")
            return False
        self._gauges.buried(consumer)
        return True
