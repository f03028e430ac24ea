"""What a caller asks to be counted, checked against the collection and the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covey.collections.aggregate_document import MAX_FIELDS, NUMERIC, ORDERED
from covey.collections.model import Collection
from covey.errors import BadRequest, FieldError
from covey.fields import REGISTRY
from covey.fields.suggestion import did_you_mean
from covey.identity.authorize import filterable_fields
from covey.identity.principal import Principal

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000
MAX_SORT_KEYS = 4
KEYS = ("group", "count", "sum", "min", "max", "avg", "filter", "sort", "limit", "explain")
CODE = "invalid_aggregate"
OPERATIONS = ("sum", "min", "max", "avg")


@dataclass(frozen=True, slots=True)
class Order:
    """One part of a sort: ``shop``, ``count``, ``sum.amount``."""

    operation: str  # "group", "count" or one of OPERATIONS
    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """An aggregate as asked for; `filter` is still text."""

    group: tuple[str, ...]
    count: bool
    sum: tuple[str, ...]
    min: tuple[str, ...]
    max: tuple[str, ...]
    avg: tuple[str, ...]
    filter: str | None
    sort: tuple[Order, ...]
    limit: int
    explain: bool

    @property
    def numbers(self) -> tuple[str, ...]:
        """The fields that must have been summed."""
        return tuple(dict.fromkeys((*self.sum, *self.avg)))

    @property
    def extremes(self) -> tuple[str, ...]:
        """The fields that must be known in order."""
        return tuple(dict.fromkeys((*self.min, *self.max)))


def read(principal: Principal, collection: Collection, body: Mapping[str, Any]) -> Asked:
    """A request's body; raises BadRequest ``invalid_aggregate`` with the key at fault.

    A field that the caller may not read in every record is refused as an unknown one.
    """
    for key in body:
        if key not in KEYS:
            raise _bad(key[:64], f"is not known here{did_you_mean(key, KEYS)}")
    fields = {name: collection.fields[name] for name in filterable_fields(principal, collection)}

    def names(key: str, types: frozenset[str] | None = None, called: str = "") -> tuple[str, ...]:
        found = _names(body, key)
        for name in found:
            field = fields.get(name)
            if field is None:
                raise _bad(key, f"has no field {name[:64]!r}{did_you_mean(name, fields)}")
            if field.list or not REGISTRY[field.type].scalar:
                raise _bad(key, f"cannot use {name}: it has no order")
            if types is not None and field.type not in types:
                raise _bad(key, f"must be of {called}, and {name} is {field.type}")
        return found

    asked = Asked(
        group=names("group"),
        count=_flag(body, "count"),
        sum=names("sum", NUMERIC, "numbers"),
        min=names("min", ORDERED, "numbers or times"),
        max=names("max", ORDERED, "numbers or times"),
        avg=names("avg", NUMERIC, "numbers"),
        filter=_filter(body),
        sort=(),
        limit=_limit(body),
        explain=_flag(body, "explain"),
    )
    if not (asked.count or asked.numbers or asked.extremes):
        raise _bad("count", "must be true, or sum, min, max or avg have fields")
    return _sorted(asked, body)


def _bad(key: str, message: str) -> BadRequest:
    return BadRequest(f"{key}: {message}", code=CODE, errors=[FieldError(key, CODE, message)])


def _names(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    written = body.get(key) or ()
    if not isinstance(written, Sequence) or isinstance(written, str):
        raise _bad(key, "takes a list of fields")
    if len(written) > MAX_FIELDS or not all(isinstance(name, str) for name in written):
        raise _bad(key, f"takes up to {MAX_FIELDS} names of fields")
    if len(set(written)) < len(written):
        raise _bad(key, "has a field twice")
    return tuple(written)


def _flag(body: Mapping[str, Any], key: str) -> bool:
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise _bad(key, "takes true or false")
    return value


def _filter(body: Mapping[str, Any]) -> str | None:
    value = body.get("filter")
    if value is not None and not isinstance(value, str):
        raise _bad("filter", "takes an expression as text")
    return value


def _limit(body: Mapping[str, Any]) -> int:
    value = body.get("limit", DEFAULT_LIMIT)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_LIMIT:
        raise _bad("limit", f"takes a whole number from 1 to {MAX_LIMIT}")
    return value


def _sorted(asked: Asked, body: Mapping[str, Any]) -> Asked:
    written = body.get("sort") or ()
    if isinstance(written, str):
        written = written.split(",")
    if not isinstance(written, Sequence) or len(written) > MAX_SORT_KEYS:
        raise _bad("sort", f"takes up to {MAX_SORT_KEYS} of what is asked for")
    known = {name: ("group", name) for name in asked.group}
    if asked.count:
        known.setdefault("count", ("count", ""))
    for operation in OPERATIONS:
        known |= {f"{operation}.{name}": (operation, name) for name in getattr(asked, operation)}
    orders = []
    for part in written:
        name = part.removeprefix("-") if isinstance(part, str) else ""
        if name not in known:
            raise _bad("sort", f"takes {', '.join(known) or 'nothing here'}, with - to descend")
        orders.append(Order(*known[name], descending=part.startswith("-")))
    return replace(asked, sort=tuple(orders))
