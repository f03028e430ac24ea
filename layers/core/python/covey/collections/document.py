"""A collection as a document, as YAML and the API show it, and as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from covey.collections import builds, tenant_document, users
from covey.collections.aggregate_document import dump_aggregate, read_aggregates
from covey.collections.faults import Faults
from covey.collections.field_document import (
    MAX_DESCRIPTION,
    Draft,
    dump_field,
    read_field,
    with_rules,
)
from covey.collections.index_document import (
    MAX_UNIQUE,
    FieldNames,
    dump_indexes,
    read_indexes,
    read_unique,
)
from covey.collections.keep_document import dump_keep, read_keep
from covey.collections.keys import field_keys
from covey.collections.model import Build, Collection, Epoch, Field, Index, Search, State
from covey.collections.naming import field_name_fault, is_name
from covey.collections.reader import Reader
from covey.collections.rule_checking import check_rules
from covey.collections.rule_document import dump_rules, read_rules
from covey.collections.scope import reach, types
from covey.collections.search_document import dump_search, read_search, search_since
from covey.collections.shards_document import dump_shards, read_shards, scheduled
from covey.errors import Invalid
from covey.expressions import Type

KEYS = (
    *("name", "description", "ids", "fields", "rules", "indexes", "geo", "unique"),
    *("search", "aggregates", "history", "soft_delete", "shards", "tenant"),
)
IDS = ("auto", "custom")
MAX_FIELDS = 200


def load(document: Mapping[str, Any], *, previous: Collection | None = None) -> Collection:
    """The collection that a document describes.

    With `previous`, fields keep their physical keys, indexes their numbers and slots, and the
    shard schedule stays, with what `shards` adds to it as of now (`covey.collections.sharding`);
    the version rises by one where something changed. `users` is completed
    with what it always has. Raises Invalid(code="invalid_collection") with every fault by its
    path, such as ``fields.title.max``.
    """
    if not isinstance(document, Mapping):
        raise Invalid("A collection is a mapping.", code="invalid_collection")
    faults = Faults()
    if document.get("name") == users.NAME:
        document = users.completed(document, faults)
    document = tenant_document.expanded(document)
    reader = Reader(document, "", faults)
    name = _name(reader)
    reader.refuse_unknown(KEYS)
    drafts, names = _fields(reader)
    tenant = tenant_document.read_tenant(reader, names.fields)
    outline = Collection(name, {n: d.field for n, d in drafts.items() if d is not None})
    known, beyond = types(outline), reach(outline, lambda _: None)
    for missing in names.fields.keys() - outline.fields.keys():
        known |= {missing: Type.ANY, f"old.{missing}": Type.ANY}
    keys, next_key = field_keys({n: (d.field, d.was) for n, d in drafts.items() if d}, previous)
    indexes, next_index = read_indexes(reader, names, keys, previous)
    aggregates, next_aggregate = read_aggregates(reader, names, known, keys, previous)
    collection = replace(
        outline,
        fields={
            n: with_rules(d, known, beyond, keys[n]) for n, d in drafts.items() if d is not None
        },
        rules=tenant_document.confined(name, read_rules(reader, known, beyond), tenant),
        indexes=tuple(index for index in indexes if not index.geo),
        geo=tuple(index for index in indexes if index.geo),
        unique=_unique(reader, drafts, names),
        ids=_ids(reader),
        description=reader.text("description", MAX_DESCRIPTION),
        search=read_search(reader, names),
        aggregates=aggregates,
        history=read_keep(reader, "history"),
        soft_delete=read_keep(reader, "soft_delete"),
        tenant=tenant,
        next_key=next_key,
        next_index=next_index,
        next_aggregate=next_aggregate,
    )
    shards = read_shards(reader, previous)
    faults.raise_any(f"Collection {name}" if name else "A collection")
    return _after(replace(collection, schedule=scheduled(shards, previous)), previous)


def _name(reader: Reader) -> str:
    name = reader.values.get("name")
    if is_name(name):
        return str(name)
    if name is None:
        reader.fault("name", "must be given", "required")
    else:
        reader.fault("name", "must be of a-z, 0-9 and _, at most 63 long, from a letter on")
    return ""


def _unique(
    reader: Reader, drafts: Mapping[str, Draft | None], names: FieldNames
) -> tuple[tuple[str, ...], ...]:
    """The claims, with those of fields that say it of themselves."""
    claims = read_unique(reader, names)
    for name, draft in drafts.items():
        if draft is None or not draft.reader.flag("unique") or (name,) in claims:
            continue
        if message := names.fault(name):
            reader.fault(f"fields.{name}.unique", message)
        elif len(claims) == MAX_UNIQUE:
            reader.fault(f"fields.{name}.unique", f"is one more than {MAX_UNIQUE}")
        else:
            claims = (*claims, (name,))
    return claims


def _ids(reader: Reader) -> str:
    ids = reader.values.get("ids", "auto")
    if ids not in IDS:
        reader.fault("ids", f"must be one of {', '.join(IDS)}")
        return "auto"
    return str(ids)


def _fields(reader: Reader) -> tuple[dict[str, Draft | None], FieldNames]:
    written = reader.mapping("fields", "must be fields by name")
    drafts: dict[str, Draft | None] = {}
    if len(written) > MAX_FIELDS:
        reader.fault("fields", f"must have at most {MAX_FIELDS} entries")
        return drafts, FieldNames({})
    for name, value in written.items():
        path = f"fields.{name}"
        if message := field_name_fault(name):
            reader.faults.add(path, "invalid_name", message)
        elif not isinstance(value, Mapping):
            reader.faults.add(path, "invalid", "must be a mapping, such as {type: text}")
            drafts[name] = None
        else:
            drafts[name] = read_field(name, Reader(value, path, reader.faults))
    expiring = [name for name, draft in drafts.items() if draft and draft.field.expires]
    for name in expiring[1:]:
        reader.fault(f"fields.{name}.expires", f"is already said of {expiring[0]}")
    return drafts, FieldNames({n: d.field if d else None for n, d in drafts.items()})


def _after(collection: Collection, previous: Collection | None) -> Collection:
    if previous is None:
        return collection
    same = replace(
        collection,
        version=previous.version,
        born=previous.born,
        since=_since(collection, previous),
        search=search_since(collection, previous),
    )
    kept = builds.parts(same)
    same = replace(same, builds={p: b for p, b in previous.builds.items() if p in kept})
    return same if same == previous else replace(same, version=previous.version + 1)


def _since(collection: Collection, previous: Collection) -> dict[tuple[str, ...], int]:
    """The version that declared each unique tuple; it stays where its fields stay."""
    known = {_physical(previous, fields): fields for fields in previous.unique}
    since: dict[tuple[str, ...], int] = {}
    for fields in collection.unique:
        former = known.get(_physical(collection, fields))
        version = previous.version + 1 if former is None else previous.since.get(former, 0)
        if version:
            since[fields] = version
    return since


def _physical(collection: Collection, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(collection.fields[name].key for name in fields)


def load_all(
    documents: Iterable[Mapping[str, Any]], previous: Mapping[str, Collection] | None = None
) -> dict[str, Collection]:
    """Collections that belong together, by name; `users` is among them whatever is given.

    Raises Invalid with every fault of all, by paths that begin with the collection's name:
    those of `load`, names that occur twice, and relations to collections that are not there
    (nor in `previous`).
    """
    before, faults = previous or {}, Faults()
    loaded: dict[str, Collection] = {}
    attempted: set[str] = {users.NAME}
    for document in documents:
        name = str(document.get("name")) if isinstance(document, Mapping) else ""
        if name in loaded:
            faults.add(name, "invalid", "is there twice")
            continue
        attempted.add(name)
        try:
            loaded[name] = load(document, previous=before.get(name))
        except Invalid as error:
            for one in error.errors:
                faults.add(f"{name}.{one.field}", one.code, one.message)
    if users.NAME not in loaded and not faults.errors:
        loaded[users.NAME] = load({"name": users.NAME}, previous=before.get(users.NAME))
    known = attempted | before.keys()
    check_relations(loaded, known, faults)
    check_rules(loaded, {**before, **loaded}, known, faults)
    tenant_document.check_tenants(loaded, {**before, **loaded}, faults)
    faults.raise_any("The collections")
    return loaded


def check_relations(
    collections: Mapping[str, Collection], known: Iterable[str], faults: Faults
) -> None:
    """Note every relation to a collection that is not known."""
    there = set(known)
    for collection in collections.values():
        for field in collection.fields.values():
            to = field.options.get("to")
            if to is not None and to not in there:
                path = f"{collection.name}.fields.{field.name}.to"
                faults.add(path, "unknown_collection", f"names no collection: {to}")


def dump(collection: Collection) -> dict[str, Any]:
    """The document of a collection; ``load(dump(c), previous=c)`` is `c`."""
    written: dict[str, Any] = {"name": collection.name}
    if collection.description:
        written["description"] = collection.description
    if collection.ids != "auto":
        written["ids"] = collection.ids
    written["fields"] = {name: dump_field(field) for name, field in collection.fields.items()}
    parts: dict[str, Any] = {
        "rules": dump_rules(collection.rules),
        "indexes": dump_indexes(collection.indexes),
        "geo": [index.parts[0].field for index in collection.geo],
        "unique": [list(claim) for claim in collection.unique],
        "search": dump_search(collection.search),
        "aggregates": {n: dump_aggregate(a) for n, a in collection.aggregates.items()},
        "history": dump_keep(collection.history),
        "soft_delete": dump_keep(collection.soft_delete),
        "shards": dump_shards(collection),
    }
    # No rules at all is a choice to make for `users`, which has some where none are written.
    kept = ("rules",) if collection.name == users.NAME else ()
    whole = written | {key: part for key, part in parts.items() if part or key in kept}
    return tenant_document.plain(collection, whole)


def state(collection: Collection) -> dict[str, Any]:
    """Everything of a collection in JSON's terms: the document, and what is physical.

    Whatever has an order is a list, as a store may keep mappings without one.
    """
    return {
        "document": dump(collection),
        "keys": [[name, field.key] for name, field in collection.fields.items()],
        "aggregates": [[name, one.number] for name, one in collection.aggregates.items()],
        "indexes": [[index.number, index.slot] for index in collection.indexes],
        "geo": [[index.number, index.slot] for index in collection.geo],
        "schedule": [[epoch.from_ms, epoch.shards] for epoch in collection.schedule],
        "version": collection.version,
        "next_key": collection.next_key,
        "next_index": collection.next_index,
        "next_aggregate": collection.next_aggregate,
        "since": [collection.since.get(fields, 0) for fields in collection.unique],
        "search_since": collection.search.since,
        "searched": list(collection.search.fields),
        "builds": [[part, str(b.state), b.job] for part, b in collection.builds.items()],
        "born": collection.born,
        "ending": collection.ending,
        "wanted": dict(collection.wanted),
        "converting": [[name, one.key] for name, one in collection.converting.items()],
    }


def restore(kept: Mapping[str, Any]) -> Collection:
    """The collection of a state: ``restore(state(c)) == c``. Raises Invalid."""
    plain = load(kept["document"])
    numbered, uncounted = _numbered(kept["aggregates"])
    return replace(
        plain,
        fields={name: replace(plain.fields[name], key=key) for name, key in kept["keys"]},
        aggregates={
            name: replace(plain.aggregates[name], number=number) for name, number in numbered
        },
        indexes=_placed(plain.indexes, kept["indexes"]),
        geo=_placed(plain.geo, kept.get("geo", ())),
        schedule=tuple(Epoch(int(start), int(shards)) for start, shards in kept["schedule"]),
        version=int(kept["version"]),
        search=_search(plain.search, kept),
        next_key=int(kept["next_key"]),
        next_index=int(kept["next_index"]),
        next_aggregate=int(kept.get("next_aggregate", len(numbered))),
        since={
            fields: int(version)
            for fields, version in zip(plain.unique, kept.get("since", ()), strict=False)
            if version
        },
        builds={
            **{part: Build(State(state), job) for part, state, job in kept.get("builds", ())},
            **uncounted,
        },
        born=int(kept.get("born", 0)),
        ending=kept.get("ending", ""),
        wanted=kept.get("wanted", {}),
        converting=_converting(kept),
    )


def _converting(kept: Mapping[str, Any]) -> dict[str, Field]:
    if not kept.get("converting"):
        return {}
    fields = load(kept["wanted"]).fields
    return {name: replace(fields[name], key=key) for name, key in kept["converting"]}


def _numbered(kept: Sequence[Any]) -> tuple[list[tuple[str, int]], dict[str, Build]]:
    """The aggregates' numbers; one from before they had numbers was never counted."""
    numbered: list[tuple[str, int]] = []
    uncounted: dict[str, Build] = {}
    for position, one in enumerate(kept):
        if isinstance(one, str):
            numbered.append((one, position))
            uncounted[f"aggregate {position}"] = Build(State.FAILED, "")
        else:
            numbered.append((str(one[0]), int(one[1])))
    return numbered, uncounted


def _placed(indexes: Sequence[Index], places: Sequence[Any]) -> tuple[Index, ...]:
    return tuple(
        replace(index, number=int(number), slot=int(slot))
        for index, (number, slot) in zip(indexes, places, strict=True)
    )


def _search(search: Search, kept: Mapping[str, Any]) -> Search:
    names = kept.get("searched", search.fields)
    fields = {name: search.fields[name] for name in names}
    return replace(search, fields=fields, since=int(kept.get("search_since", 0)))
