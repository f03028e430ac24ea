"""How a collection's records become items: physical names, slots and claims, worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from covey.collections.model import Collection, Field, Index, IndexPart
from covey.collections.references import referring_fields, target_ids
from covey.errors import FieldError, Invalid, NotFound
from covey.fields import FieldFault
from covey.fields.convert import converted
from covey.records import ids
from covey.records.model import Record, made
from covey.store import cells, codec, encoding, keys
from covey.store.codec import Item

CREATION = Index(
    (IndexPart("created"),), number=keys.CREATION_INDEX, slot=keys.CREATION_SLOT
)  # of collections with custom ids, whose keys say nothing of time
_KEPT = 256


class Claim(NamedTuple):
    """A unique value of a record: the claim's key, the fields it is made of, its expiry."""

    key: keys.Key
    fields: tuple[str, ...]
    expires: int | None


class Reference(NamedTuple):
    """That a record refers to another by a field: whom, the field's key, the record's expiry."""

    to: str
    target: str
    field: str
    expires: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """One collection as the store sees it."""

    collection: Collection
    names: tuple[tuple[str, str], ...]  # (field name, physical key)
    indexes: tuple[Index, ...]

    def item(self, record: Record) -> Item:
        """The whole item of a record; raises as `slots` and `codec.encode` do, and NotFound."""
        pk, sk = self.key(record.id)
        item: Item = {
            "pk": {"S": pk},
            "sk": {"S": sk},
            "v": {"N": str(record.version)},
            "u": {"N": str(record.updated)},
            "d": {"M": dict(self.fields(record))},
        }
        if self.collection.ids != "auto":
            item["c"] = {"N": str(record.created)}
        if record.by is not None:
            item["w"] = {"S": record.by}
        if record.expires is not None:
            item["x"] = {"N": str(record.expires)}
            item["xb"] = {"S": keys.expiry_bucket(record.id)}
        for name, value in self.slots(record).items():
            item[name] = codec.binary(value)
        return item

    def key(self, record_id: str) -> keys.Key:
        """Where a record lives; NotFound for an id that cannot be one of this collection."""
        try:
            return keys.record(self.collection, record_id)
        except ValueError as error:
            raise NotFound("record") from error

    def fields(self, record: Record) -> Iterator[tuple[str, codec.AttributeValue]]:
        """The declared fields that the record has, by physical key; with those to be converted."""
        values = record.values
        for name, key in self.names:
            if name in values:
                yield key, codec.encode(values[name])
        if self.collection.converting:
            yield from self.conversion(record)[0].items()

    def conversion(self, record: Record) -> tuple[Item, list[tuple[Field, FieldFault]]]:
        """The values of fields that are converting as their new type, and those that are none."""
        fitting: Item = {}
        faults: list[tuple[Field, FieldFault]] = []
        for name, field in self.collection.converting.items():
            value = record.values.get(name)
            try:
                if value is not None:
                    changed = converted(value, self.collection.fields[name], field)
                    fitting[field.key] = codec.encode(changed)
            except FieldFault as fault:
                faults.append((field, fault))
        return fitting, faults

    def record(self, item: Item) -> Record | None:
        """The record of an item; None for one that is marked as deleted."""
        if "t" in item:
            return None
        record_id = item["sk"]["S"]
        data = item["d"]["M"]
        values: dict[str, Any] = {}
        decode = codec.decode
        for name, key in self.names:  # the hottest loop there is: half of all values are texts
            value = data.get(key)
            if value is not None:
                text = value.get("S")
                values[name] = decode(value) if text is None else text
        created = item.get("c")
        expires = item.get("x")
        return made(
            record_id,
            ids.created_in(record_id) if created is None else int(created["N"]),
            int(item["u"]["N"]),
            int(item["v"]["N"]),
            values,
            None if expires is None else int(expires["N"]),
            item["w"]["S"] if "w" in item else None,
        )

    def slots(self, record: Record) -> dict[str, bytes]:
        """The slot attributes of a record; Invalid when a value is too long to be a key."""
        attributes: dict[str, bytes] = {}
        for index in self.indexes:
            attributes |= self.slot(index, record)
        return attributes

    def slot(self, index: Index, record: Record) -> dict[str, bytes]:
        """The attributes of one index, none where it has no entry; raises as `slots` does."""
        if index.geo and record.values.get(index.parts[0].field) is None:
            return {}
        hashed, ranged = keys.slot_attributes(index.slot)
        shard = keys.shard_of(self.collection, record.id, record.created)
        equality = equality_of(index, record)
        return {
            hashed: keys.slot_key(self.collection, index.number, equality, shard),
            ranged: self.position(index, record),
        }

    def position(self, index: Index, record: Record) -> bytes:
        """Where a record stands in an index: its ordered values, then its id.

        The id follows the direction of the last part, so that newest first stays newest first
        among equals.
        """
        parts = index.ordered
        if index.geo:
            cell = cells.cell_of(record.values[parts[0].field])
            return cell + id_bytes(self.collection, record.id, False)
        values = (value_of(record, part.field) for part in parts)
        raw = encoding.encode_tuple(values, (part.descending for part in parts))
        raw += id_bytes(self.collection, record.id, parts[-1].descending)
        if len(raw) > keys.MAX_SORT_BYTES:
            raise _too_long(index)
        return raw

    def claims(self, record: Record) -> list[Claim]:
        """The claims of a record; a unique tuple with a missing value claims nothing."""
        return [
            Claim(self.claim_key(fields, values), fields, record.expires)
            for fields in self.collection.unique
            if None not in (values := tuple(record.values.get(name) for name in fields))
        ]

    def references(self, record: Record) -> list[Reference]:
        """The records that it refers to by fields with ``on_delete``, each once per field."""
        return [
            Reference(field.options["to"], target, field.key, record.expires)
            for field in referring_fields(self.collection)
            for target in dict.fromkeys(target_ids(field, record.values.get(field.name)))
        ]

    def claim_key(self, fields: tuple[str, ...], values: tuple[Any, ...]) -> keys.Key:
        """The key of the claim on these values of these fields."""
        physical = tuple(self.collection.fields[name].key for name in fields)
        raw = encoding.encode_tuple(values, (False,) * len(values))
        return keys.claim(self.collection, physical, raw, self.collection.since.get(fields, 0))


_layouts: dict[int, Layout] = {}


def layout_of(collection: Collection) -> Layout:
    """The layout of a collection, kept for as long as the catalog keeps the collection."""
    known = _layouts.get(id(collection))
    if known is not None and known.collection is collection:
        return known
    indexes = collection.indexes
    if collection.ids != "auto":
        indexes = (CREATION, *indexes)
    indexes = (*indexes, *collection.geo)
    names = tuple((field.name, field.key) for field in collection.fields.values())
    layout = Layout(collection, names, indexes)
    if len(_layouts) >= _KEPT:
        _layouts.clear()
    _layouts[id(collection)] = layout
    return layout


def value_of(record: Record, field: str) -> Any:
    """The value that an index orders by; instants of the system fields as milliseconds."""
    if field == "created":
        return record.created
    if field == "updated":
        return record.updated
    if field == "id":
        return record.id
    return record.values.get(field)


def equality_of(index: Index, record: Record) -> bytes:
    """The encoded values of an index's hashed parts."""
    return b"".join(encoding.encode(value_of(record, part.field)) for part in index.hashed)


def id_bytes(collection: Collection, record_id: str, descending: bool) -> bytes:
    """The end of a position: 13 bytes of an auto id, else text that is its own end."""
    if collection.ids == "auto":
        raw = ids.number_of(record_id).to_bytes(ids.BYTES, "big")
    else:
        raw = encoding.encode(record_id)[1:]
    return encoding.invert(raw) if descending else raw


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What differs, by name: the new value, or None for what is gone."""
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            yield name, after.get(name)


def _too_long(index: Index) -> Invalid:
    message = f"The values of index {index.name} are too long together to be a key."
    return Invalid(
        message,
        code="index_value_too_long",
        errors=[FieldError(p.field, "index_value_too_long", message) for p in index.ordered],
    )
