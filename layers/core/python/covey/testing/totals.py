"""The twin of `covey.store.totals.DynamoTotals`: marks and shares, and totals summed when asked.

It keeps no totals at all, so that what it answers is a recount of what was brought.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from covey.aggregates.ports import Held, Mark, Step, TooManyGroupsError, Total
from covey.aggregates.shares import Number, Scalar, Share, Shares
from covey.collections.model import Aggregate, Collection
from covey.store import amounts, encoding
from covey.store.shares import group_key, held_of


class MemoryTotals:
    """`Totals` in dictionaries, safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._marks: dict[str, dict[str, Mark]] = {}
        self._shares: dict[str, dict[str, Shares]] = {}
        self._changed: dict[tuple[str, int, str], int] = {}

    def marks(self, collection: Collection, ids: Sequence[str]) -> dict[str, Mark]:
        """As `Totals.marks`."""
        with self._lock:
            kept = self._marks.get(collection.name, {})
            return {one: kept.get(one, Mark(one)) for one in ids}

    def held(self, collection: Collection, record_id: str, shares: Shares) -> Mapping[int, Held]:
        """As `Totals.held`."""
        return held_of(record_id, shares)

    def bring(self, collection: Collection, steps: Sequence[Step]) -> list[str]:
        """As `Totals.bring`."""
        with self._lock:
            return [one.mark.id for one in steps if not self._brought(collection, one)]

    def _brought(self, collection: Collection, step: Step) -> bool:
        kept = self._marks.setdefault(collection.name, {})
        record_id = step.mark.id
        if kept.get(record_id, Mark(record_id)).revision != step.mark.revision:
            return False
        held = held_of(record_id, step.shares)
        kept[record_id] = Mark(record_id, step.sequence, step.mark.revision + 1, held)
        self._shares.setdefault(collection.name, {})[record_id] = step.shares
        if step.changed is not None:
            for number, one in (*step.mark.held.items(), *held.items()):
                self._changed[collection.name, number, one.group] = step.changed
        return True

    def totals(
        self, collection: Collection, aggregate: Aggregate, first: Sequence[Scalar], most: int
    ) -> list[Total]:
        """As `Totals.totals`."""
        grouped: dict[str, list[Share]] = {}
        for share in self._of(collection, aggregate):
            if list(map(encoding.encode, share.group[: len(first)])) == list(
                map(encoding.encode, first)
            ):
                grouped.setdefault(group_key(share.group), []).append(share)
        if len(grouped) > most:
            raise TooManyGroupsError
        return [
            Total(
                group,
                shares[0].group,
                len(shares),
                {key: _sum(values) for key, values in _numbers(shares).items()},
                {key: len(values) for key, values in _numbers(shares).items()},
                self._changed.get((collection.name, aggregate.number, group), 0),
            )
            for group, shares in sorted(grouped.items())
        ]

    def extreme(
        self, collection: Collection, aggregate: Aggregate, group: str, key: str, *, greatest: bool
    ) -> Scalar:
        """As `Totals.extreme`."""
        values = [
            share.extremes[key]
            for share in self._of(collection, aggregate)
            if group_key(share.group) == group and key in share.extremes
        ]
        if not values:
            return None
        return (max if greatest else min)(values, key=encoding.encode)

    def walk(
        self, collection: Collection, place: str, limit: int
    ) -> tuple[Sequence[Mark], str | None]:
        """As `Totals.walk`."""
        with self._lock:
            kept = self._marks.get(collection.name, {})
            left = sorted(one for one in kept if one > place)
        page = left[:limit]
        marks = [kept[one] for one in page if kept[one].held]
        return marks, page[-1] if len(left) > limit else None

    def clean(self, collection: Collection, limit: int) -> int:
        """As `Totals.clean`: there is nothing to remove, as nothing is kept."""
        return 0

    def _of(self, collection: Collection, aggregate: Aggregate) -> list[Share]:
        with self._lock:
            kept = self._shares.get(collection.name, {})
            return [
                shares[aggregate.number] for shares in kept.values() if aggregate.number in shares
            ]


def _numbers(shares: Sequence[Share]) -> dict[str, list[Number]]:
    found: dict[str, list[Number]] = {}
    for share in shares:
        for key, number in share.numbers.items():
            found.setdefault(key, []).append(number)
    return found


def _sum(values: Sequence[Number]) -> Number:
    """By limbs, as a context's precision would round."""
    parts: dict[int, int] = {}
    for value in values:
        for at, limb in amounts.limbs(value).items():
            parts[at] = parts.get(at, 0) + limb
    return amounts.amount(parts)
