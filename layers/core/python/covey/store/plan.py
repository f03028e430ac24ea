"""How a list is read: which entries, in which order, between which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from covey.collections.model import Collection, Index, IndexPart
from covey.records import ids
from covey.records.model import Record
from covey.store import encoding, keys
from covey.store.layout import CREATION, id_bytes, layout_of
from covey.store.order import Order, created_in


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to read a list.

    `index` None is the base table of a collection of auto ids, in creation order. `low` and
    `high` bound positions, neither being one. `point` names a record (or the unique fields
    that lead to one) that alone can match, by the `values`, and has no order of its own.

    `constants` are the encodings of fields that hold one value throughout, `lead` those of the
    ordered parts among them that positions begin with. `mergeable` says that `order` holds of
    all records beside those of other plans, and not only of what the plan's filter takes.
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
    values: tuple[object, ...] = ()
    nothing: bool = False
    lead: int = 0
    constants: Mapping[str, bytes] = field(default_factory=dict)
    order: Order | None = None
    mergeable: bool = True

    @property
    def bounded(self) -> bool:
        """Whether the filter decides what is read, rather than only what is kept."""
        return bool(self.equal or self.ranged or self.point or self.nothing)

    @property
    def covering(self) -> bool:
        """Whether the entries hold the records themselves."""
        return self.index is None or self.index.slot in keys.COVERING_SLOTS

    @property
    def parts(self) -> tuple[IndexPart, ...]:
        """The fields that positions are made of, before the id."""
        return () if self.index is None else self.index.ordered

    @property
    def descends(self) -> bool:
        """Whether ids descend at the end of positions."""
        return bool(self.parts) and self.parts[-1].descending

    @property
    def reading(self) -> tuple[object, ...]:
        """What tells whether two plans read the same entries."""
        number = None if self.index is None else self.index.number
        return number, self.equality, self.low, self.high, self.point, self.values

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

    def logical(self, position: bytes) -> bytes:
        """The place in the plan's order of one of its positions."""
        assert self.order is not None  # noqa: S101 - a point has no positions
        found, rest = encoding.split(position, [part.descending for part in self.parts])
        record_id = encoding.invert(rest) if self.descends else rest
        values = {part.field: raw for part, raw in zip(self.parts, found, strict=True)}
        if self._timed and self.order.by_time and "created" not in values:
            values["created"] = created_in(record_id)
        return self.order.position({**values, **self.constants}, record_id)

    def turned(self) -> Plan:
        """The same entries the other way round."""
        return replace(self, reverse=not self.reverse)

    def beyond(self, place: bytes, *, backward: bool = False, inclusive: bool = False) -> Plan:
        """The rest of the list from a place in the plan's order on, which need not be its own.

        `backward` says that this plan has been turned, so that what comes before is the rest.
        """
        assert self.order is not None  # noqa: S101 - a point has no positions
        values, record_id = self.order.read(place)
        raw = b"".join(self._component(part, self.constants) for part in self.parts[: self.lead])
        for key in self.order.keys:
            constant = self.constants.get(key.field)
            if constant is not None and constant != values[key.field]:
                later = (constant > values[key.field]) != key.descending
                return self._with_all(self._begun(raw, values, key.field), later != backward)
        if self._timed:
            values.setdefault("created", created_in(record_id))
        for part in self.parts[self.lead :]:
            raw += self._component(part, values)
        position = raw + (encoding.invert(record_id) if self.descends else record_id)
        if self.reverse:
            end = position if inclusive else encoding.before(position)
            return replace(self, high=min(self.high, end))
        return replace(self, low=max(self.low, position if inclusive else position + b"\x00"))

    @property
    def _timed(self) -> bool:
        return self.collection.ids == "auto"

    def _component(self, part: IndexPart, values: Mapping[str, bytes]) -> bytes:
        raw = values[part.field]
        return encoding.invert(raw) if part.descending else raw

    def _begun(self, raw: bytes, values: Mapping[str, bytes], until: str) -> bytes:
        """What positions begin with that agree with the values of the keys before `until`."""
        assert self.order is not None  # noqa: S101 - a point has no positions
        names = [key.field for key in self.order.keys]
        agreeing = set(names[: names.index(until)])
        for part in self.parts[self.lead :]:
            if part.field not in agreeing:
                break
            raw += self._component(part, values)
        return raw

    def _with_all(self, begun: bytes, remain: bool) -> Plan:
        """The rest when all that begins so is still to come, or none of it."""
        if not begun:
            return self if remain else replace(self, nothing=True)
        first, end = begun, encoding.after(begun)
        if self.reverse:
            return replace(self, high=min(self.high, end if remain else first))
        return replace(self, low=max(self.low, first if remain else end))

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
