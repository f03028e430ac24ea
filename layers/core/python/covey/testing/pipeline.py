"""The pipeline's stores in memory, and changes as it is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from covey.pipeline.gauges import Gauges, Readings
from covey.pipeline.letters import Letter
from covey.pipeline.told import Told
from covey.records.model import Change


class MemoryDeadLetters:
    """`covey.pipeline.letters.DeadLetters` in a dictionary."""

    def __init__(self) -> None:
        self.letters: dict[str, tuple[Letter, Mapping[str, Any]]] = {}

    def bury(self, letter: Letter, image: Mapping[str, Any]) -> None:
        """As `DeadLetters.bury`."""
        self.letters[letter.id] = letter, image

    def save(self, letter: Letter) -> bool:
        """As `DeadLetters.save`."""
        there = letter.id in self.letters
        if there:
            self.letters[letter.id] = letter, self.letters[letter.id][1]
        return there

    def get(self, letter_id: str) -> Letter | None:
        """As `DeadLetters.get`."""
        found = self.letters.get(letter_id)
        return found[0] if found else None

    def image(self, letter: Letter) -> Mapping[str, Any] | None:
        """As `DeadLetters.image`."""
        found = self.letters.get(letter.id)
        return found[1] if found else None

    def newest(self, consumer: str, before: str, limit: int) -> Sequence[Letter]:
        """As `DeadLetters.newest`."""
        found = [one for one in self._of(consumer) if not before or one.id < before]
        return found[::-1][:limit]

    def oldest(self, consumer: str, after: str, limit: int) -> Sequence[Letter]:
        """As `DeadLetters.oldest`."""
        return [one for one in self._of(consumer) if one.id > after][:limit]

    def count(self, consumer: str, most: int) -> int:
        """As `DeadLetters.count`."""
        return min(most, len(self._of(consumer)))

    def remove(self, letter: Letter) -> bool:
        """As `DeadLetters.remove`."""
        return self.letters.pop(letter.id, None) is not None

    def _of(self, consumer: str) -> list[Letter]:
        return [one for _, (one, _) in sorted(self.letters.items()) if one.consumer == consumer]


class MemoryGauges:
    """`covey.pipeline.gauges.GaugeStore` in a dictionary."""

    def __init__(self) -> None:
        self.told: dict[tuple[int, str], Readings] = {}

    def put(self, hour: int, process: str, readings: Readings) -> None:
        """As `GaugeStore.put`."""
        self.told[hour, process] = dict(readings)

    def read(self, hours: Iterable[int]) -> Sequence[Readings]:
        """As `GaugeStore.read`."""
        wanted = set(hours)
        return [found for (hour, _), found in self.told.items() if hour in wanted]


def quiet_gauges() -> Gauges:
    """Gauges that nobody reads."""
    return Gauges(MemoryGauges(), lambda _: None)


def told(changes: Iterable[Change]) -> list[Told]:
    """Changes as the pipeline is told of them, each its own image."""
    return [
        Told(one.sequence, {"change": one}, one, None, one.collection, one.id, one.at)
        for one in changes
    ]
