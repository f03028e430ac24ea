"""How a list is read: which entries, in which order, between which bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from covey.collections.model import Collection, Index
from covey.records import ids
from covey.records.model import Record
from covey.store import encoding, keys
from covey.store.layout import CREATION, id_bytes, layout_of


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to read a list.

    `index` None is the base table of a collection of auto ids, in creation order. `low` and
    `high` bound positions, neither being one. `point` names a record (or the unique fields
    that lead to one) that alone can match.
    """

    collection: Collection
    index: Index | None
    reverse: bool = False
    equality: bytes = b""
    low: bytes = b"\x00"
    high: bytes = b"\xff"
    equal: tuple[str, ...] = ()
    ranged: str | None = None
    point: tuple[str, ...] = ()
    nothing: bool = False

    @property
    def bounded(self) -> bool:
        """Whether the filter decides what is read, rather than only what is kept."""
        return bool(self.equal or self.ranged or self.point or self.nothing)

    @property
    def covering(self) -> bool:
        """Whether the entries hold the records themselves."""
        return self.index is None or self.index.slot in keys.COVERING_SLOTS

    @property
    def number(self) -> int:
        """What a cursor calls the plan: the index's number, -1 for the base table."""
        return -1 if self.index is None else self.index.number

    @property
    def empty(self) -> bool:
        """Whether no position is left between the bounds."""
        return self.nothing or self.low > self.high

    @property
    def source(self) -> str:
        """For people: where the entries come from."""
        if self.point:
            return f"unique [{', '.join(self.point)}]" if self.point != ("id",) else "id"
        if self.index is None or self.index == CREATION:
            return "creation order"
        return f"index {self.index.name}"

    def position(self, record: Record) -> bytes:
        """Where a record stands in this plan's order."""
        if self.index is None:
            return id_bytes(self.collection, record.id, False)
        return layout_of(self.collection).position(self.index, record)

    def beyond(self, position: bytes) -> Plan:
        """The rest of the list, without the entry at `position` and all before it."""
        if self.reverse:
            return replace(self, high=min(self.high, encoding.before(position)))
        return replace(self, low=max(self.low, position + b"\x00"))

    def slot_key(self, shard: int) -> bytes:
        """The hash key of the index's entries of one shard."""
        assert self.index is not None  # noqa: S101 - the base table has no slot key
        return keys.slot_key(self.collection, self.index.number, self.equality, shard)

    def id_range(self) -> tuple[str, str] | None:
        """The ids between the bounds, both included, of the base table; None for all."""
        least, most = b"\x00" * ids.BYTES, b"\x0f" + b"\xff" * (ids.BYTES - 1)
        low = self.low if self.low > least else least
        high = self.high if self.high < most else most
        if (low, high) == (least, most):
            return None
        first = int.from_bytes(low[: ids.BYTES].ljust(ids.BYTES, b"\0"), "big")
        first += len(low) > ids.BYTES  # above a position is the next number
        last = int.from_bytes(high[: ids.BYTES].ljust(ids.BYTES, b"\0"), "big")
        last -= len(high) < ids.BYTES  # a cut bound stands below all that it begins
        return ids.text_of(first), ids.text_of(last)
