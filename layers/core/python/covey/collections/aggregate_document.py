"""Aggregates as they are written, and the numbers that they keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as parts_of
from dataclasses import is_dataclass, replace
from typing import Any

from covey.collections.index_document import FieldNames
from covey.collections.model import Aggregate, Collection
from covey.collections.naming import is_name
from covey.collections.reader import Reader
from covey.collections.rule_document import read_rule
from covey.collections.scope import SYSTEM_TYPES
from covey.expressions import Expression, Type
from covey.expressions.nodes import Name

MAX_AGGREGATES = 10
MAX_FIELDS = 4
# Of a whole collection: each value in order is an item of its own, and all that a record counts
# for changes in one transaction of 100 items.
MAX_EXTREMES = 16
NUMERIC = frozenset({"integer", "number"})
ORDERED = NUMERIC | {"date", "datetime"}
KEPT = ("count", "sum", "min", "max", "avg")
KEYS = ("group", *KEPT, "filter")

Types = Mapping[str, Type]


def read_aggregates(
    reader: Reader,
    names: FieldNames,
    types: Types,
    keys: Mapping[str, str],
    previous: Collection | None,
) -> tuple[dict[str, Aggregate], int]:
    """The aggregates by name, those that were there with their number; and the next number.

    One was there when it counts the same by the physical `keys` of its fields, whatever it and
    they are called.
    """
    written = reader.mapping("aggregates", "must be aggregates by name")
    if len(written) > MAX_AGGREGATES:
        reader.fault("aggregates", f"must have at most {MAX_AGGREGATES} entries")
        written = {}
    found: dict[str, Aggregate] = {}
    for name, value in written.items():
        path = f"aggregates.{name}"
        if not is_name(name):
            reader.faults.add(path, "invalid", "must have a name of a-z, 0-9 and _")
        elif not isinstance(value, Mapping):
            reader.faults.add(path, "invalid", "must be a mapping, such as {count: true}")
        else:
            found[name] = _aggregate(Reader(value, path, reader.faults), names, types)
    if sum(len(one.extremes) for one in found.values()) > MAX_EXTREMES:
        reader.fault("aggregates", f"must have at most {MAX_EXTREMES} fields in min and max")
    return _numbered(found, keys, previous)


def _aggregate(reader: Reader, names: FieldNames, types: Types) -> Aggregate:
    reader.refuse_unknown(KEYS)
    known = {name: of for name, of in types.items() if name in names.fields or name in SYSTEM_TYPES}
    aggregate = Aggregate(
        group=_fields(reader, "group", names),
        count=reader.flag("count"),
        sum=_fields(reader, "sum", names, NUMERIC, "numbers"),
        min=_fields(reader, "min", names, ORDERED, "numbers or times"),
        max=_fields(reader, "max", names, ORDERED, "numbers or times"),
        avg=_fields(reader, "avg", names, NUMERIC, "numbers"),
        filter=read_rule(reader, "filter", known),
    )
    if not any(reader.values.get(key) for key in KEPT):
        message = "must count or sum something, or have its min, max or avg"
        reader.faults.add(reader.path, "invalid", message)
    return aggregate


def _fields(
    reader: Reader,
    key: str,
    names: FieldNames,
    types: frozenset[str] | None = None,
    called: str = "",
) -> tuple[str, ...]:
    found: list[str] = []
    for name in reader.sequence(key, MAX_FIELDS):
        field = names.fields.get(name) if isinstance(name, str) else None
        if message := names.fault(name):
            reader.fault(key, message)
        elif field is not None and types is not None and field.type not in types:
            reader.fault(key, f"must be of {called}, and {name} is {field.type}")
        elif name in found:
            reader.fault(key, f"has {name} twice")
        else:
            found.append(name)
    return tuple(found)


def _numbered(
    found: Mapping[str, Aggregate], keys: Mapping[str, str], previous: Collection | None
) -> tuple[dict[str, Aggregate], int]:
    kept: dict[object, int] = {}
    number = 0
    if previous is not None:
        physical = {name: field.key for name, field in previous.fields.items()}
        kept = {_identity(one, physical): one.number for one in previous.aggregates.values()}
        number = previous.next_aggregate
    numbered: dict[str, Aggregate] = {}
    for name, aggregate in found.items():
        # Two that count the same are two: each is numbered by itself.
        known = kept.pop(_identity(aggregate, keys), None)
        if known is None:
            known, number = number, number + 1
        numbered[name] = replace(aggregate, number=known)
    return numbered, number


def _identity(aggregate: Aggregate, keys: Mapping[str, str]) -> object:
    """What an aggregate keeps: a sum serves as an average too, a least value as a greatest."""

    def physical(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(keys.get(name, f"-{name}") for name in names)

    condition = aggregate.filter
    return (
        physical(aggregate.group),
        frozenset(physical(aggregate.numbers)),
        frozenset(physical(aggregate.extremes)),
        None if condition is None else Expression(_renamed(condition.root, keys)),
    )


def _renamed(node: Any, keys: Mapping[str, str]) -> Any:
    """A tree with the keys of fields in place of their names, which begin with a letter."""
    if isinstance(node, Name):
        first = keys.get(node.path[0])
        return node if first is None else replace(node, path=(f"={first}", *node.path[1:]))
    if isinstance(node, tuple):
        return tuple(_renamed(part, keys) for part in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    inner = {part.name: getattr(node, part.name) for part in parts_of(node)}
    return replace(node, **{name: _renamed(value, keys) for name, value in inner.items()})


def dump_aggregate(aggregate: Aggregate) -> dict[str, Any]:
    """The aggregate as it is written."""
    written: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(aggregate, key)
        if isinstance(value, Expression):
            written[key] = value.text
        elif value:
            written[key] = value if value is True else list(value)
    return written
