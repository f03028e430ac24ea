"""How far behind each consumer is, and how often it failed: counted in memory, told now and then.

Each process keeps its own numbers for the hour that it is in, and writes all of them into one item
of its own at most every `EVERY_S` seconds: nobody waits for another, nothing is counted twice, and
a change costs nothing. So a process at work writes at most 360 times an hour, a write unit per
KB. What it counted after its last write is told with its next, or lost with it: these are gauges.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from covey.pipeline.told import written
from covey.records.model import Change
from covey.records.time import now_ms

EVERY_S = 10
HOUR_MS = 3_600_000
KEPT_S = 26 * 3_600
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One consumer: `batches` and `changes` applied, `failures` of either, `letters` buried.

    `newest` is when the newest change that it applied was written, `lag` how long after that it
    was applied, `worst` the longest lag; `seen` is when that was noted. All in milliseconds.
    """

    batches: int = 0
    changes: int = 0
    failures: int = 0
    letters: int = 0
    newest: int = 0
    lag: int = 0
    worst: int = 0
    seen: int = 0

    def less(self, before: Gauge) -> Gauge:
        """What was counted since."""
        return replace(
            self,
            batches=self.batches - before.batches,
            changes=self.changes - before.changes,
            failures=self.failures - before.failures,
            letters=self.letters - before.letters,
        )


Readings = Mapping[str, Gauge]  # by consumer


class GaugeStore(Protocol):
    """Where processes leave theirs; `covey.store.models.gauge` and `covey.testing.pipeline`."""

    def put(self, hour: int, process: str, readings: Readings) -> None:
        """Replace what this process told of this hour (hours since the epoch)."""
        ...

    def read(self, hours: Iterable[int]) -> Sequence[Readings]:
        """What all processes told of these hours."""
        ...


class Gauges:
    """The numbers of this process."""

    def __init__(
        self,
        store: GaugeStore,
        emit: Callable[[Readings], None],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        """`emit` is given what was counted since it was last called."""
        self._store = store
        self._emit = emit
        self._now = now
        self._process = secrets.token_hex(8)
        self._hour = 0
        self._told_at = 0
        self._known: dict[str, Gauge] = {}
        self._told: dict[str, Gauge] = {}

    def applied(self, consumer: str, changes: int, newest: int) -> None:
        """A consumer took changes, the newest written at `newest`."""
        now = self._now()
        known = self._of(consumer)
        lag = max(0, now - newest) if newest else 0
        self._known[consumer] = replace(
            known,
            batches=known.batches + 1,
            changes=known.changes + changes,
            newest=max(known.newest, newest),
            lag=lag,
            worst=max(known.worst, lag),
            seen=now,
        )

    def failed(self, consumer: str) -> None:
        """A consumer did not take what it was given."""
        known = self._of(consumer)
        self._known[consumer] = replace(known, failures=known.failures + 1, seen=self._now())

    def buried(self, consumer: str) -> None:
        """A change became a dead letter."""
        known = self._of(consumer)
        self._known[consumer] = replace(known, letters=known.letters + 1, seen=self._now())

    @contextmanager
    def around(self, consumer: str, changes: Sequence[Change]) -> Iterator[None]:
        """Count a batch that is given to a consumer elsewhere than in the pipeline."""
        try:
            yield
        except Exception:
            self.failed(consumer)
            raise
        else:
            if changes:
                self.applied(consumer, len(changes), max(written(one) for one in changes))
        finally:
            self.flush()

    def flush(self) -> None:
        """Tell what is known, if it is time; failing is no failure of the work."""
        if self._now() - self._told_at >= EVERY_S * 1000:
            self._tell()

    def _tell(self) -> None:
        if self._known == self._told:
            return
        since = {
            name: gauge.less(self._told.get(name, Gauge())) for name, gauge in self._known.items()
        }
        try:
            self._store.put(self._hour, self._process, self._known)
            self._emit(since)
        except Exception:  # noqa: BLE001 - numbers about the work must not undo it
            _log.exception("gauges were not told")
        self._told_at, self._told = self._now(), dict(self._known)

    def read(self, hours: int) -> dict[str, Gauge]:
        """All processes together, over the current hour and those before it."""
        last = self._now() // HOUR_MS
        found: dict[str, Gauge] = {}
        for readings in self._store.read(range(last - hours + 1, last + 1)):
            for name, gauge in readings.items():
                found[name] = merged(found.get(name), gauge)
        return found

    def _of(self, consumer: str) -> Gauge:
        hour = self._now() // HOUR_MS
        if hour != self._hour:
            self._tell()
            self._hour, self._known, self._told, self._told_at = hour, {}, {}, 0
        return self._known.get(consumer, Gauge())


def merged(one: Gauge | None, other: Gauge) -> Gauge:
    """Two processes as one: the lag is that of whoever noted it last."""
    if one is None:
        return other
    last = other if other.seen >= one.seen else one
    return Gauge(
        one.batches + other.batches,
        one.changes + other.changes,
        one.failures + other.failures,
        one.letters + other.letters,
        max(one.newest, other.newest),
        last.lag,
        max(one.worst, other.worst),
        last.seen,
    )
