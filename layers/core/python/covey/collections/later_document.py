"""Parts of a document that are checked and kept, and that nothing acts on yet."""

from __future__ import annotations

from typing import Any

from covey.collections.index_document import FieldNames
from covey.collections.model import Aggregate
from covey.collections.naming import is_name
from covey.collections.reader import Reader

MAX_SEARCH = 10
MAX_AGGREGATES = 10
MAX_FIELDS = 4
TEXTUAL = frozenset({"text", "choice", "email", "url"})
NUMERIC = frozenset({"integer", "number"})


def read_search(reader: Reader, names: FieldNames) -> tuple[str, ...]:
    """The fields that a search looks at: text, also lists of it."""
    found: list[str] = []
    for position, name in enumerate(reader.sequence("search", MAX_SEARCH)):
        field = names.fields.get(name) if isinstance(name, str) else None
        if message := _known(name, names):
            reader.fault(f"search.{position}", message)
        elif field is not None and field.type not in TEXTUAL:
            reader.fault(f"search.{position}", f"must be a text field, and {name} is {field.type}")
        elif name in found:
            reader.fault(f"search.{position}", "is there twice")
        else:
            found.append(name)
    return tuple(found)


def _known(name: Any, names: FieldNames) -> str:
    return "" if isinstance(name, str) and name in names.fields else names.fault(name)


def read_aggregates(reader: Reader, names: FieldNames) -> dict[str, Aggregate]:
    """The totals by name."""
    written = reader.mapping("aggregates", "must be aggregates by name")
    if len(written) > MAX_AGGREGATES:
        reader.fault("aggregates", f"must have at most {MAX_AGGREGATES} entries")
        return {}
    found = {}
    for name, value in written.items():
        path = f"aggregates.{name}"
        if not is_name(name):
            reader.faults.add(path, "invalid", "must have a name of a-z, 0-9 and _")
        elif not isinstance(value, dict):
            reader.faults.add(path, "invalid", "must be a mapping, such as {count: true}")
        else:
            found[name] = _aggregate(Reader(value, path, reader.faults), names)
    return found


def _aggregate(reader: Reader, names: FieldNames) -> Aggregate:
    reader.refuse_unknown(("group", "count", "sum"))
    group = reader.sequence("group", MAX_FIELDS)
    for name in group:
        if message := names.fault(name):
            reader.fault("group", message)
    sums = reader.sequence("sum", MAX_FIELDS)
    for name in sums:
        field = names.fields.get(name) if isinstance(name, str) else None
        if message := names.fault(name):
            reader.fault("sum", message)
        elif field is not None and field.type not in NUMERIC:
            reader.fault("sum", f"must be of numbers, and {name} is {field.type}")
    count = reader.flag("count")
    if not count and not sums:
        reader.faults.add(reader.path, "invalid", "must count or sum something")
    return Aggregate(tuple(map(str, group)), count, tuple(map(str, sums)))


def dump_aggregate(aggregate: Aggregate) -> dict[str, Any]:
    """The totals as they are written."""
    written: dict[str, Any] = {}
    if aggregate.group:
        written["group"] = list(aggregate.group)
    if aggregate.count:
        written["count"] = True
    if aggregate.sum:
        written["sum"] = list(aggregate.sum)
    return written
