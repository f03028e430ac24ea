"""Steps of marks as transactions: the marks, the values in order, and what groups gain or lose."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from covey.aggregates.ports import Held, Step
from covey.aggregates.shares import Scalar
from covey.collections.model import Collection
from covey.store import amounts, codec, keys
from covey.store.codec import Item
from covey.store.shares import encoded_mark, held_of
from covey.store.transaction import MAX_ITEMS
from covey.store.writing import NEW, key_item

# A record holds up to 400 KB, and so does an item of totals, which has more than its values.
MAX_VALUES = 350_000
CUT = 1_000  # characters of each text that are kept of a group beyond that
CHUNK_BYTES = 2_000_000  # of groups' values in one transaction, which holds 4 MB

Group = tuple[int, int, str]  # aggregate, lane, group


@dataclass(slots=True)
class Delta:
    """What one item of totals gains: by attribute, and the group's values where it may be new."""

    gains: dict[str, int] = field(default_factory=dict)
    values: tuple[Scalar, ...] | None = None
    changed: int | None = None

    def add(self, held: Held, sign: int) -> None:
        """Count a share in (1) or out (-1)."""
        self._gain("n", sign)
        for key, number in held.numbers.items():
            self._gain(f"m_{key}", sign)
            for at, limb in amounts.limbs(number).items():
                self._gain(f"s_{key}_{at}", sign * limb)

    def merge(self, other: Delta) -> None:
        """Take on what another gains."""
        for name, gain in other.gains.items():
            self._gain(name, gain)
        self.values = self.values if other.values is None else other.values
        self.changed = max(filter(None, (self.changed, other.changed)), default=None)

    def _gain(self, name: str, gain: int) -> None:
        self.gains[name] = self.gains.get(name, 0) + gain

    @property
    def size(self) -> int:
        """The bytes of its values, about."""
        return sum(len(str(value).encode()) for value in self.values or ())

    @property
    def changes(self) -> dict[str, int]:
        """The attributes that it changes."""
        return {name: gain for name, gain in self.gains.items() if gain}


@dataclass(frozen=True, slots=True)
class Move:
    """One step, worked out: its mark's put, its values' puts and deletes, its groups' gains."""

    step: Step
    mark: dict[str, Any]
    extremes: list[dict[str, Any]]
    deltas: Mapping[Group, Delta]

    @property
    def size(self) -> int:
        """The bytes of its groups' values, about."""
        return sum(delta.size for delta in self.deltas.values())


class Chunk:
    """Moves that are written in one transaction; the marks come first, in order of `steps`."""

    def __init__(self, collection: Collection, table: str, moves: Sequence[Move] = ()) -> None:
        self._collection = collection
        self._table = table
        self._moves: list[Move] = []
        self._deltas: dict[Group, Delta] = {}
        self._size = 0
        self._bytes = 0
        for move in moves:
            self.add(move)

    @property
    def steps(self) -> list[Step]:
        """The steps of the moves."""
        return [move.step for move in self._moves]

    def fits(self, move: Move) -> bool:
        """Whether a transaction would still hold the move too."""
        groups = len(self._deltas.keys() | move.deltas.keys())
        items = self._size + 1 + len(move.extremes) + groups
        return items <= MAX_ITEMS and self._bytes + move.size <= CHUNK_BYTES

    def add(self, move: Move) -> None:
        """Take a move in."""
        self._moves.append(move)
        self._size += 1 + len(move.extremes)
        self._bytes += move.size
        for group, delta in move.deltas.items():
            self._deltas.setdefault(group, Delta()).merge(delta)

    def without(self, ids: Names[str]) -> Chunk:
        """The chunk without the moves of some records."""
        moves = [move for move in self._moves if move.step.mark.id not in ids]
        return Chunk(self._collection, self._table, moves)

    def items(self) -> list[dict[str, Any]]:
        """The TransactItems; groups that gain nothing in all are left out."""
        return [
            *(move.mark for move in self._moves),
            *(one for move in self._moves for one in move.extremes),
            *(
                {"Update": self._update(group, delta)}
                for group, delta in self._deltas.items()
                if delta.changes
            ),
        ]

    def _update(self, group: Group, delta: Delta) -> dict[str, Any]:
        number, lane, name = group
        changes = delta.changes | {"n": delta.gains["n"]}  # so that each group has its `n`
        names = {f"#{at}": attribute for at, attribute in enumerate(changes)}
        values: Item = {f":{at}": {"N": str(gain)} for at, gain in enumerate(changes.values())}
        sets = []
        if delta.values is not None:
            sets.append("g = if_not_exists(g, :g)")
            values[":g"] = codec.encode(delta.values)
            if delta.size > MAX_VALUES:
                values[":g"] = codec.encode([_cut(value) for value in delta.values])
                values[":cut"] = {"BOOL": True}
                sets.append("k = :cut")
        if delta.changed is not None:
            sets.append("u = :u")
            values[":u"] = {"N": str(delta.changed)}
        adds = ", ".join(f"#{at} :{at}" for at in range(len(changes)))
        return {
            "TableName": self._table,
            "Key": key_item((keys.totals(self._collection, number, lane), name)),
            "UpdateExpression": (f"SET {', '.join(sets)} " if sets else "") + f"ADD {adds}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }


def _cut(value: Scalar) -> Scalar:
    return value[:CUT] if isinstance(value, str) else value


def chunks(
    collection: Collection, steps: Sequence[Step], table: str, forgotten: int
) -> Iterator[Chunk]:
    """The transactions of these steps; `forgotten` is when a mark that holds nothing ends."""
    chunk = Chunk(collection, table)
    for step in steps:
        move = _move(collection, step, table, forgotten)
        if chunk.steps and not chunk.fits(move):
            yield chunk
            chunk = Chunk(collection, table)
        chunk.add(move)
    if chunk.steps:
        yield chunk


def _move(collection: Collection, step: Step, table: str, forgotten: int) -> Move:
    live = {aggregate.number for aggregate in collection.aggregates.values()}
    before = {number: held for number, held in step.mark.held.items() if number in live}
    after = held_of(step.mark.id, step.shares)
    lane = keys.lane_of(collection, step.mark.id)
    deltas: dict[Group, Delta] = {}
    for number, held in before.items():
        deltas.setdefault((number, lane, held.group), Delta()).add(held, -1)
    for number, held in after.items():
        delta = deltas.setdefault((number, lane, held.group), Delta())
        delta.add(held, 1)
        delta.values = step.shares[number].group
    for delta in deltas.values():
        delta.changed = step.changed
    return Move(
        step,
        {"Put": _put_mark(collection, step, after, table, forgotten)},
        _extremes(collection, step, before, after, table),
        {group: delta for group, delta in deltas.items() if delta.changes},
    )


def _put_mark(
    collection: Collection, step: Step, held: Mapping[int, Held], table: str, forgotten: int
) -> dict[str, Any]:
    mark = step.mark
    put: dict[str, Any] = {
        "TableName": table,
        "Item": {
            **key_item(keys.mark(collection, mark.id)),
            **encoded_mark(mark, step.sequence, held, forgotten),
        },
        "ConditionExpression": "r = :r" if mark.revision else NEW,
    }
    if mark.revision:
        put["ExpressionAttributeValues"] = {":r": {"N": str(mark.revision)}}
    return put


def _extremes(
    collection: Collection,
    step: Step,
    before: Mapping[int, Held],
    after: Mapping[int, Held],
    table: str,
) -> list[dict[str, Any]]:
    gone, come = _entries(before), _entries(after)
    items: list[dict[str, Any]] = []
    for entry in gone.keys() - come.keys():
        items.append({"Delete": {"TableName": table, "Key": _extreme(collection, entry)}})
    for entry, key in come.items():
        if entry not in gone:
            value = step.shares[entry[0]].extremes[key]
            item = {**_extreme(collection, entry), "w": codec.encode(value)}
            items.append({"Put": {"TableName": table, "Item": item}})
    return items


def _entries(held: Mapping[int, Held]) -> dict[tuple[int, str, str], str]:
    """The field of each value in order, by aggregate, group and its key there."""
    return {
        (number, one.group, name): key
        for number, one in held.items()
        for key, name in one.extremes.items()
    }


def _extreme(collection: Collection, entry: tuple[int, str, str]) -> Item:
    number, group, name = entry
    return key_item((keys.extremes(collection, number, group), name))
