"""What differs between two versions of a collection, in words, before it is applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from covey.collections.field_document import dump_field
from covey.collections.model import Collection, Field, Index
from covey.collections.rule_document import ACTIONS
from covey.fields.convert import convertible


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One difference.

    `destructive`: stored values would be lost, so it must be confirmed. `needs_backfill`:
    records that are there already must be written anew before it is true of them.
    """

    text: str
    destructive: bool = False
    needs_backfill: bool = False

    def __str__(self) -> str:
        marks = [("loses data", self.destructive), ("backfills", self.needs_backfill)]
        said = ", ".join(word for word, is_so in marks if is_so)
        return f"{self.text} ({said})" if said else self.text


def diff(before: Collection | None, after: Collection | None) -> list[SchemaChange]:
    """The changes from `before` to `after`; None is a collection that is not there."""
    if before is None:
        return [] if after is None else [SchemaChange(f"add collection {after.name}")]
    if after is None:
        return [SchemaChange(f"remove collection {before.name} and its records", destructive=True)]
    return [
        *_fields(before, after),
        *_indexes(before, after),
        *_unique(before, after),
        *_aggregates(before, after),
        *_rules(before, after),
        *_rest(before, after),
    ]


def _fields(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    kept = {field.key: field for field in before.fields.values()}
    keys = {field.key for field in after.fields.values()}
    for field in after.fields.values():
        where = f"{after.name}.{field.name}"
        if field.key in kept:
            yield from _field(where, kept[field.key], field)
        elif (old := before.fields.get(field.name)) is not None:
            if convertible(old, field):
                text = f"convert {where} from {_type(old)} to {_type(field)} where all values fit"
                yield SchemaChange(text, needs_backfill=True)
                continue
            text = f"change {where} from {_type(old)} to {_type(field)}, without its values"
            yield SchemaChange(text, destructive=True)
        else:
            note = "; records that are there have none" if field.required else ""
            yield SchemaChange(f"add field {where}: {_type(field)}{note}")
    for field in before.fields.values():
        if field.key not in keys and field.name not in after.fields:
            text = f"remove field {before.name}.{field.name} and its values"
            yield SchemaChange(text, destructive=True)


def _type(field: Field) -> str:
    return f"list of {field.type}" if field.list else field.type


def _field(where: str, before: Field, after: Field) -> Iterator[SchemaChange]:
    if before.name != after.name:
        yield SchemaChange(f"rename {before.name} to {where}")
    old, new = dump_field(before), dump_field(after)
    for key in [*new, *(key for key in old if key not in new)]:
        if old.get(key) != new.get(key):
            change = f"change {where}.{key} from {_shown(old, key)} to {_shown(new, key)}"
            yield SchemaChange(change, needs_backfill=_builds(key, old, new))


def _builds(key: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a change of this key wants a look at the records."""
    if key == "on_delete":
        return "on_delete" in new and "on_delete" not in old
    return key == "expires" or (key == "to" and "on_delete" in new)


def _shown(written: dict[str, Any], key: str) -> str:
    value = written.get(key)
    if isinstance(value, bool):
        return str(value).lower()
    return "nothing" if value is None else str(value)


def _indexes(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    old = {index.number for index in (*before.indexes, *before.geo)}
    new = {index.number for index in (*after.indexes, *after.geo)}
    for index in (*after.indexes, *after.geo):
        if index.number not in old:
            yield SchemaChange(f"add index {_index(after, index)}", needs_backfill=True)
    for index in (*before.indexes, *before.geo):
        if index.number not in new:
            yield SchemaChange(f"remove index {_index(before, index)}")


def _index(collection: Collection, index: Index) -> str:
    if index.geo:
        return f"{collection.name} of places {index.name}"
    return f"{collection.name} {index.name}" + ("" if index.covering else " that covers nothing")


def _unique(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    old = {_claim(before, claim): claim for claim in before.unique}
    new = {_claim(after, claim): claim for claim in after.unique}
    for keys, claim in new.items():
        if keys not in old:
            text = f"make {', '.join(claim)} unique in {after.name}"
            yield SchemaChange(text, needs_backfill=True)
    for keys, claim in old.items():
        if keys not in new:
            yield SchemaChange(f"let {', '.join(claim)} repeat in {before.name}")


def _claim(collection: Collection, claim: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(collection.fields[name].key for name in claim)  # claims are kept in this order


def _aggregates(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    old = {one.number: name for name, one in before.aggregates.items()}
    new = {one.number: name for name, one in after.aggregates.items()}
    for number, name in new.items():
        if number not in old:
            yield SchemaChange(f"count aggregate {after.name}.{name}", needs_backfill=True)
        elif old[number] != name:
            yield SchemaChange(f"rename aggregate {old[number]} to {after.name}.{name}")
    for number, name in old.items():
        if number not in new:
            yield SchemaChange(f"remove aggregate {before.name}.{name}")


def _rules(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    for action in ACTIONS:
        old, new = getattr(before.rules, action), getattr(after.rules, action)
        if old != new:
            yield SchemaChange(
                f"change who may {action} {after.name} from {_who(old)} to {_who(new)}"
            )


def _who(rule: Any) -> str:
    return "administrators only" if rule is None else f'"{rule.text}"'


def _rest(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    yield from _search(before, after)
    yield from _shards(before, after)
    if before.tenant != after.tenant:
        whose = f"the caller's {after.tenant}" if after.tenant else "no tenant"
        yield SchemaChange(f"confine {after.name} to {whose}")
    for part in ("description", "ids", "history", "soft_delete"):
        if getattr(before, part) != getattr(after, part):
            yield SchemaChange(f"change the {part} of {after.name}")


def _shards(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    old, new = before.schedule[-1], after.schedule[-1]
    if old != new:
        start = datetime.fromtimestamp(new.from_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text = f"spread new records of {after.name} over {new.shards} shards"
        yield SchemaChange(f"{text}, not {old.shards}, from {start} on")


def _search(before: Collection, after: Collection) -> Iterator[SchemaChange]:
    old, new = before.search, after.search
    rebuilt = old.since != new.since
    if rebuilt and not new.fields:
        yield SchemaChange(f"remove the search of {after.name}", needs_backfill=True)
    elif rebuilt:
        named = ", ".join(new.fields)
        yield SchemaChange(f"search {after.name} by {named}", needs_backfill=True)
    elif list(old.fields.values()) != list(new.fields.values()):
        yield SchemaChange(f"change the weights of the search of {after.name}")
