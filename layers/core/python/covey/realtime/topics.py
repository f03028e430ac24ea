"""Where a change finds the subscriptions that may want it.

A subscription that can only want records with one value of a field is kept under that value: its
*topic*. A change is asked about under the values of its record, before and after, of the fields
by which anybody listens; so it costs work by the subscriptions that may want it, not by all.

    record: "p1"                          the id
    team == "red" && views > 10           the value of team
    team == "red" || team == "blue"       both values
    views > 10                            none: every change may concern it

The filter says so, else the read rule with the caller filled in: who may only see their own
records is found by those alone. A topic only chooses who is asked; the filter and the rules of
the moment decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

from covey.collections.model import Collection
from covey.expressions import Expression, conjuncts, nodes
from covey.fields import REGISTRY
from covey.records.model import Change

MAX_TOPICS = 8  # of one subscription
ID = ".id"  # no field's key
# Of two values that a record must have, the one that fewer records share.
_TELLING = {"bool": 1, "choice": 2, "relation": 6, "email": 6, "text": 5, "url": 5}
_TELLING_ID, _TELLING_UNIQUE, _TELLING_OTHERS = 9, 8, 4


class Topic(NamedTuple):
    """One value of one field (its key); `text` names both."""

    field: str
    text: str


def topics_of(
    collection: Collection, record: str, wheres: Iterable[Expression | None]
) -> frozenset[Topic]:
    """The topics of who wants what all of `wheres` take; empty: every change may concern them."""
    if record:
        return frozenset((Topic(ID, _text(ID, record)),))
    for where in wheres:
        found = frozenset[Topic]() if where is None else _of(collection, where)
        if found:
            return found
    return frozenset()


def touched(collection: Collection, change: Change, fields: Iterable[str]) -> Iterator[str]:
    """The topics that a change of a record speaks to, of these fields (their keys)."""
    names = {field.key: name for name, field in collection.fields.items()}
    for key in fields:
        if key == ID:
            yield _text(ID, change.id)
            continue
        name = names.get(key)
        for record in (change.before, change.after):
            value = None if record is None or name is None else record.values.get(name)
            if _is_plain(value):
                yield _text(key, value)


def _of(collection: Collection, where: Expression) -> frozenset[Topic]:
    parts = conjuncts(where)
    held = [found for part in parts if (found := _equality(collection, part.root)) is not None]
    if held:
        return frozenset((max(held)[1],))
    for part in parts:
        branches = [_of(collection, branch) for branch in _alternatives(part.root)]
        together = frozenset[Topic]().union(*branches)
        if branches and all(branches) and len(together) <= MAX_TOPICS:
            return together
    return frozenset()


def _equality(collection: Collection, root: nodes.Node) -> tuple[int, Topic] | None:
    """How telling a demand for one value is, and its topic; None for any other demand."""
    match root:
        case nodes.Name(path=(name,)):
            value: Any = True
        case nodes.Unary(operator="!", operand=nodes.Name(path=(name,))):
            value = False
        case (
            nodes.Binary(
                operator="==", left=nodes.Name(path=(name,)), right=nodes.Literal(value=value)
            )
            | nodes.Binary(
                operator="==", left=nodes.Literal(value=value), right=nodes.Name(path=(name,))
            )
        ):
            pass
        case _:
            return None
    if not _is_plain(value):
        return None
    if name == "id":
        return _TELLING_ID, Topic(ID, _text(ID, value))
    field = collection.fields.get(name)
    if field is None or field.list or not REGISTRY[field.type].scalar:
        return None
    telling = _TELLING.get(field.type, _TELLING_OTHERS)
    unique = (name,) in collection.unique
    return _TELLING_UNIQUE if unique else telling, Topic(field.key, _text(field.key, value))


def _alternatives(root: nodes.Node) -> Sequence[Expression]:
    match root:
        case nodes.Binary(operator="||"):
            found = nodes.operands(root, "||")
        case nodes.Binary(operator="in", left=nodes.Name() as name, right=right):
            found = [nodes.Binary("==", name, value) for value in _constants(right)]
        case _:
            found = []
    return [Expression(node) for node in found] if len(found) <= MAX_TOPICS else []


def _constants(right: nodes.Node) -> list[nodes.Node]:
    if isinstance(right, nodes.Literal) and isinstance(right.value, list | tuple):
        return [nodes.Literal(item) for item in right.value]
    return list(right.items) if isinstance(right, nodes.ListLiteral) else []


def _is_plain(value: Any) -> bool:
    return type(value) in (str, bool, int, Decimal)


def _text(field: str, value: Any) -> str:
    """Short, and the same for numbers that are equal, however they are written."""
    if isinstance(value, str):
        plain = f"s{value}"
    else:
        plain = f"b{value}" if isinstance(value, bool) else f"n{Decimal(value).normalize()}"
    digest = blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=12)
    return f"{field}={digest.hexdigest()}"
