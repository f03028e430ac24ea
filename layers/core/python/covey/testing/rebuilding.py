"""The twin of `covey.store.rebuilding.DynamoRebuilder`, over the record store in memory."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import replace

from covey.collections.model import Collection
from covey.fields import expires_at
from covey.records.model import Record
from covey.records.rebuilding import Obstacle, Walk, Walked
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.layout import id_bytes, layout_of
from covey.store.rebuilding import claims_to_make, clash, holds, keyed, next_place, place_of
from covey.testing.records import MemoryRecordStore


class MemoryRebuilder:
    """`Rebuilder` over a `MemoryRecordStore`."""

    def __init__(self, store: MemoryRecordStore) -> None:
        self._store = store

    def walk(self, collection: Collection, place: str, limit: int) -> Walk:
        """As `Rebuilder.walk`."""
        shard, end, after = place_of(place)
        shards = len(keys.shards(collection))
        with self._store.lock:
            there = {
                _position(collection, record): record
                for record in self._store.of(collection).values()
                if keys.shard_of(collection, record.id, record.created) == shard
            }
            end = end or max(there, default="")
            left = sorted(position for position in there if after < position <= end)
            found = [self._walked(collection, there[one]) for one in left[:limit]]
        more = left[limit - 1] if len(left) > limit else None
        return Walk(found, next_place(shard, shards, end, more), shard, shards)

    def mend(
        self,
        collection: Collection,
        record: Record,
        unique: Names[tuple[str, ...]],
        *,
        references: bool = False,
    ) -> Sequence[Obstacle]:
        """As `Rebuilder.mend`; the store in memory finds referrers by looking at all."""
        layout, store = layout_of(collection), self._store
        wanted, obstacles = keyed(layout, record)
        with store.lock:
            store.expect(collection, record)
            for claim in claims_to_make(layout, record, unique):
                owner = store.claims.get(claim.key, record.id)
                there = store.of(collection).get(owner)
                if owner == record.id or not holds(layout, there, claim):
                    store.claims[claim.key] = record.id
                elif claim.fields in unique:
                    obstacles.append(clash(collection, record, claim, owner))
            store.rewrite(
                collection,
                replace(record, expires=expires_at(collection, record.values)),
                {name: codec.decode(value) for name, value in _slots(wanted).items()},
            )
        return obstacles

    def _walked(self, collection: Collection, record: Record) -> Walked:
        wanted, obstacles = keyed(layout_of(collection), record)
        found = {n: codec.binary(v) for n, v in self._store.slots(collection, record.id).items()}
        expires = expires_at(collection, record.values) == record.expires
        return Walked(record, sound=not obstacles and expires and found == _slots(wanted))


def _position(collection: Collection, record: Record) -> str:
    """Where the walk finds a record, as text whose order is that of the keys."""
    if collection.ids == "auto":
        return record.id
    return f"{record.created:020d}{id_bytes(collection, record.id, False).hex()}"


def _slots(wanted: Item) -> Item:
    return {name: value for name, value in wanted.items() if "B" in value}
