"""What a build asks of a store: records in the order of their keys, and keys as they should be.

`covey.store.rebuilding.DynamoRebuilder` and `covey.testing.rebuilding.MemoryRebuilder`
implement it and pass the same tests.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from covey.collections.model import Collection
from covey.records.model import Record


@dataclass(frozen=True, slots=True)
class Walked:
    """A record, and whether its entries and its expiry are already what they should be."""

    record: Record
    sound: bool


@dataclass(frozen=True, slots=True)
class Walk:
    """Some records, and the place from which to go on, None at the end.

    They are of shard number `shard` of `shards`; within a shard the order is that of creation.
    """

    records: Sequence[Walked]
    next: str | None
    shard: int = 0
    shards: int = 1


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a part (see `covey.collections.builds`) cannot hold for a record.

    `other` is the record that has the unique value, or nothing.
    """

    part: str
    code: str
    fields: tuple[str, ...]
    message: str
    other: str = ""


class Rebuilder(Protocol):
    """Brings the keys of records that are there to what their collection says now."""

    def walk(self, collection: Collection, place: str, limit: int) -> Walk:
        """Up to `limit` records from a place on, "" at first; there may be none before the end.

        No record is passed over that was there when its shard was begun, and stays; what is
        made after the last of them then is left to its maker.
        """
        ...

    def mend(
        self,
        collection: Collection,
        record: Record,
        unique: Names[tuple[str, ...]],
        *,
        references: bool = False,
    ) -> Sequence[Obstacle]:
        """Write a record's entries, expiry, and claims on these unique tuples, if it is still
        at this version; version and `updated` stay. Its references (see ``on_delete``) are
        written too where they are asked for.

        Whatever meets no obstacle is done. A claim of a record that has lost its value is taken
        over. Raises Conflict ``conflict`` when it has moved on, NotFound when it is gone.
        """
        ...
