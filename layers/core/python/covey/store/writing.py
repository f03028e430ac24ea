"""The requests that write records: a record's own, its claims, and those of several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from covey.errors import Conflict, CoveyError, FieldError, NotFound, TooLarge
from covey.records.model import Record
from covey.records.ports import Write, WriteRefused
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import Reason
from covey.store.layout import Claim, Layout, layout_of
from covey.store.references import References
from covey.store.transaction import MAX_BYTES, MAX_ITEMS, Part

NEW = "attribute_not_exists(pk)"
Refuse = Callable[[CoveyError], Exception]


@dataclass(slots=True)
class _Value:
    """What becomes of one unique value: who lets go of it, who takes it."""

    releasing: list[str] = field(default_factory=list)
    position: int = -1
    claim: Claim | None = None
    owner: str = ""


class Requests:
    """Makes the requests of one table."""

    def __init__(self, table: str) -> None:
        self._table = table

    def put(self, item: Item, condition: str) -> dict[str, Any]:
        """A put under a condition, which tells what stood there when it fails."""
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def create(self, layout: Layout, record: Record) -> dict[str, Any]:
        """The put of a new record."""
        return self.put(layout.item(record), NEW)

    def update(self, layout: Layout, before: Record, after: Record) -> dict[str, Any]:
        """Only what changed of the fields, so that a field of a newer catalog is not lost.

        Slots are all written: what stands there already costs nothing, and a record from
        before an index was declared joins it.
        """
        names: dict[str, str] = {}
        values: Item = {
            ":b": codec.encode(before.version),
            ":v": codec.encode(after.version),
            ":u": codec.encode(after.updated),
        }
        sets, removes = ["v = :v", "u = :u"], []
        old, new = dict(layout.fields(before)), dict(layout.fields(after))
        for number, key in enumerate(sorted(old.keys() | new.keys())):
            if old.get(key) == new.get(key):
                continue
            names[f"#f{number}"] = key
            if key in new:
                sets.append(f"d.#f{number} = :f{number}")
                values[f":f{number}"] = new[key]
            else:
                removes.append(f"d.#f{number}")
        for name, slot in layout.slots(after).items():
            sets.append(f"{name} = :{name}")
            values[f":{name}"] = codec.binary(slot)
        if after.by is not None:
            sets.append("w = :w")
            values[":w"] = {"S": after.by}
        elif before.by is not None:
            removes.append("w")
        if after.expires is not None:
            sets += ["x = :x", "xb = :xb"]
            values[":x"] = codec.encode(after.expires)
            values[":xb"] = {"S": keys.expiry_bucket(after.id)}
        elif before.expires is not None:
            removes += ["x", "xb"]
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": key_item(layout.key(after.id)),
            "UpdateExpression": f"SET {', '.join(sets)}"
            + (f" REMOVE {', '.join(removes)}" if removes else ""),
            "ConditionExpression": "v = :b",
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if names:
            request["ExpressionAttributeNames"] = names
        return request

    def delete(self, layout: Layout, before: Record) -> dict[str, Any]:
        """The removal of a record that is still as it was."""
        return {
            "TableName": self._table,
            "Key": key_item(layout.key(before.id)),
            "ConditionExpression": "v = :b",
            "ExpressionAttributeValues": {":b": codec.encode(before.version)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def parts(self, writes: Sequence[Write], *, together: bool = False) -> list[Part]:
        """The transaction of these writes, each of another record, with their claims.

        A transaction names an item once, so a value that one record lets go of and another
        takes is a single put. Refusals are WriteRefused when `together`, else plain errors.
        """
        parts: list[Part] = []
        values: dict[keys.Key, _Value] = {}
        references = References(self._table)
        for position, write in enumerate(writes):
            of = _at(position) if together else _plain
            layout = layout_of(write.collection)
            try:
                parts.append(self._record(layout, write, of))
                references.add(layout, write)
            except CoveyError as error:  # what cannot be an item
                raise of(error) from error
            held = [] if write.before is None else layout.claims(write.before)
            wanted = [] if write.after is None else layout.claims(write.after)
            staying = {claim.key for claim in wanted}
            for claim in held:
                if claim.key not in staying:
                    values.setdefault(claim.key, _Value()).releasing.append(write.id)
            for claim in wanted:
                if claim not in held:
                    value = values.setdefault(claim.key, _Value())
                    if value.claim is not None:
                        raise of(taken(claim))
                    value.claim, value.position, value.owner = claim, position, write.id
        return [*parts, *self._claims(values, together), *references.parts()]

    def _record(self, layout: Layout, write: Write, of: Refuse) -> Part:
        if write.after is None:
            assert write.before is not None  # noqa: S101 - a write has one of them
            return Part({"Delete": self.delete(layout, write.before)}, lambda r: of(lost(r)))
        if write.before is None:
            return Part({"Put": self.create(layout, write.after)}, lambda _: of(exists()))
        update = self.update(layout, write.before, write.after)
        return Part({"Update": update}, lambda r: of(lost(r)))

    def _claims(self, values: dict[keys.Key, _Value], together: bool) -> Iterator[Part]:
        taken = [(key, value) for key, value in values.items() if value.claim is not None]
        for key, value in sorted(taken, key=lambda one: one[1].position):
            of = _at(value.position) if together else _plain
            yield self._claimed(key, value, of)
        for key, value in values.items():
            if value.claim is None:
                delete = {
                    "TableName": self._table,
                    "Key": key_item(key),
                    **_owned(value.releasing),
                }
                # A claim that expired before its record may be another's by now: leave it.
                yield Part({"Delete": delete}, None)

    def _claimed(self, key: keys.Key, value: _Value, of: Refuse) -> Part:
        claim = value.claim
        assert claim is not None  # noqa: S101 - asked for those only
        item: Item = {**key_item(key), "i": {"S": value.owner}}
        if claim.expires is not None:  # so that DynamoDB's own expiry frees the value as well
            item["x"] = codec.encode(claim.expires)
        put = self.put(item, "") | _owned([value.owner, *value.releasing])
        return Part({"Put": put}, lambda _: of(taken(claim)))


def _plain(error: CoveyError) -> Exception:
    return error


def _at(position: int) -> Refuse:
    return lambda error: WriteRefused(position, error)


def _owned(owners: Iterable[str]) -> dict[str, Any]:
    """The condition that a claim is free, or one of these records'."""
    values = {f":i{number}": {"S": owner} for number, owner in enumerate(dict.fromkeys(owners))}
    condition = " OR ".join([NEW, *(f"i = {name}" for name in values)])
    return {"ConditionExpression": condition, "ExpressionAttributeValues": values}


def check_size(
    writes: Iterable[Write], items: int, also: Sequence[dict[str, Any]] = ()
) -> list[int]:
    """About how many bytes each record takes; `also` is written with them.

    Raises TooLarge (code batch_too_large) for more than one transaction takes.
    """
    if items > MAX_ITEMS:
        raise TooLarge(
            f"These writes are {items} items with their unique values; "
            f"one transaction takes {MAX_ITEMS}.",
            code="batch_too_large",
        )
    kept = [(write.collection, write.after or write.before) for write in writes]
    sizes = [_bytes(layout_of(of).item(record)) for of, record in kept if record is not None]
    if sum(sizes) + sum(map(_bytes, also)) > MAX_BYTES:
        raise TooLarge("One transaction takes 4 MB of records.", code="batch_too_large")
    return sizes


def _bytes(value: Any) -> int:
    """About what DynamoDB takes an item to weigh: names and values in UTF-8."""
    if isinstance(value, dict):
        return sum(len(name) + _bytes(part) for name, part in value.items())
    if isinstance(value, list):
        return sum(1 + _bytes(part) for part in value)
    return len(value.encode()) if isinstance(value, str) else 1


def key_item(key: keys.Key) -> Item:
    """A key as DynamoDB takes it."""
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def exists() -> Conflict:
    """The error for an id that is in use."""
    return Conflict("A record with this id exists.", code="exists")


def lost(reason: Reason) -> Conflict | NotFound:
    """The error for a record that is no longer as it was."""
    if reason.item is None:
        return NotFound("record")
    return Conflict("The record has changed meanwhile.")


def taken(claim: Claim) -> Conflict:
    """The error for a unique value that is another's."""
    message = "This value is taken."
    return Conflict(
        message,
        code="unique_violation",
        errors=[FieldError(name, "unique_violation", message) for name in claim.fields],
    )
