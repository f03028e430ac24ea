"""What rules and filters read: a record, who asks, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, Self

from covey.collections.model import Collection
from covey.expressions import EvaluationError, Expression, Reach, Timestamp, Type
from covey.fields import expression_type
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Record
from covey.records.time import now_ms, parse_rfc3339

MAX_FETCHED = 10  # other records that one rule may read of one record

SYSTEM_TYPES: Mapping[str, Type] = {
    "id": Type.TEXT,
    "created": Type.TIMESTAMP,
    "updated": Type.TIMESTAMP,
    "version": Type.INTEGER,
}


def types(collection: Collection, *, old: bool = True) -> dict[str, Type]:
    """Every name that an expression on this collection may read, and what it is.

    `old` is for rules; a filter has no record before the write. Members of ``auth`` are known
    only when a caller is there.
    """
    fields = {name: expression_type(field) for name, field in collection.fields.items()}
    own = {**SYSTEM_TYPES, **fields}
    known = {**own, "auth": Type.MAP, "now": Type.TIMESTAMP}
    known |= {"request": Type.MAP, "request.method": Type.TEXT, "request.ip": Type.TEXT}
    if old:
        known |= {"old": Type.MAP, **{f"old.{name}": of for name, of in own.items()}}
    return known


def far_types(collection: Collection) -> dict[str, Type]:
    """What a rule of another collection may read of a record of this one."""
    return dict(SYSTEM_TYPES) | {n: expression_type(f) for n, f in collection.fields.items()}


def reach(collection: Collection, types: Callable[[str], Mapping[str, Type] | None]) -> Reach:
    """Which other records the rules of this collection may read; see `Reach`."""
    to = {
        name: str(field.options["to"])
        for name, field in collection.fields.items()
        if field.type == "relation" and not field.list and "to" in field.options
    }
    return Reach({**to, **{f"old.{name}": there for name, there in to.items()}}, types)


class Reads(Protocol):
    """The other records that rules read; `covey.records.fetching.Fetcher`."""

    def __call__(self, collection: str, record_id: str) -> Mapping[str, Any] | None:
        """A record by names, or None where there is none."""
        ...

    def holds(self, rule: Expression, scope: CallerScope) -> bool:
        """Whether a rule holds; nothing is read that it does not need."""
        ...

    def foresee(self, decisions: Iterable[tuple[Expression, CallerScope]]) -> None:
        """Read in batches what these rules are going to ask for."""
        ...


class RecordView(Mapping[str, Any]):
    """A record by names, as expressions have it; nothing is copied.

    Datetimes come out as Timestamp. A declared field without a value is None; what is not
    declared is not there.
    """

    __slots__ = ("_fields", "_record", "_values")

    def __init__(self, collection: Collection, record: Record) -> None:
        self._fields = collection.fields
        self._record = record
        self._values = record.values

    def __getitem__(self, name: str) -> Any:
        field = self._fields.get(name)
        if field is None:
            return _system(self._record, name)
        value = self._values.get(name)
        if field.type != "datetime" or value is None:
            return value
        if field.list:
            return [Timestamp(parse_rfc3339(item)) for item in value]
        return Timestamp(parse_rfc3339(value))

    def __iter__(self) -> Iterator[str]:
        yield from SYSTEM_TYPES
        yield from self._fields

    def __len__(self) -> int:
        return len(SYSTEM_TYPES) + len(self._fields)


def _system(record: Record, name: str) -> Any:
    match name:
        case "id":
            return record.id
        case "created":
            return Timestamp(record.created)
        case "updated":
            return Timestamp(record.updated)
        case "version":
            return record.version
    raise KeyError(name)


class AuthView(Mapping[str, Any]):
    """A caller by names: id, roles, and the caller's own fields of `users`.

    `id` and `roles` are those of the credential, whatever the fields say; a function that acts
    of its own has no id. The fields are read when a rule names one.
    """

    __slots__ = ("_principal",)

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    def __getitem__(self, name: str) -> Any:
        if name == "id" and self._principal.id:
            return self._principal.id
        if name == "roles":
            return list(self._principal.roles)
        return self._principal.values[name]

    def __iter__(self) -> Iterator[str]:
        yield from ("id", "roles") if self._principal.id else ("roles",)
        yield from (name for name in self._principal.values if name not in ("id", "roles"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class CallerScope:
    """The names of a decision that speaks of no record: ``auth`` and ``now``.

    `auth` is None to rules for a guest; `now` is in milliseconds and the same throughout. `read`
    gives other records, as ``record()`` has them: without it there are none, so that what needs
    one does not hold.
    """

    __slots__ = ("_auth", "_fetched", "_now", "read")

    def __init__(self, auth: Principal, now: int | None, read: Reads | None) -> None:
        self.read = read
        self._fetched: set[tuple[str, str]] = set()
        self._auth = auth
        self._now = now

    def lookup(self, name: str) -> Any:
        """The value of a root name; raises KeyError where there is no such name."""
        match name:
            case "auth":
                return None if self._auth.kind is Kind.GUEST else AuthView(self._auth)
            case "now":
                if self._now is None:
                    self._now = now_ms()
                return Timestamp(self._now)
            case "record" if self.read is not None:
                return self._fetch
        return self.own(name)

    def own(self, name: str) -> Any:
        """The value of a name of what this is about; raises KeyError."""
        raise KeyError(name)

    def anew(self) -> Self:
        """The same scope for another rule, which may again read `MAX_FETCHED` records."""
        self._fetched.clear()
        return self

    def _fetch(self, collection: str, record_id: str) -> Mapping[str, Any] | None:
        self._fetched.add((collection, record_id))
        if self.read is None or len(self._fetched) > MAX_FETCHED:
            raise EvaluationError(f"A rule reads {MAX_FETCHED} other records at most")
        return self.read(collection, record_id)


class RecordScope(CallerScope):
    """The names of a decision on a record: its own, and ``old``, ``auth``, ``now``, ``request``.

    `old` is the record before the write, None where there is none.
    """

    __slots__ = ("_collection", "_old", "_request", "_view")

    def __init__(
        self,
        collection: Collection,
        record: Record,
        *,
        old: Record | None = None,
        auth: Principal = GUEST,
        now: int | None = None,
        request: Mapping[str, Any] | None = None,
        read: Reads | None = None,
    ) -> None:
        super().__init__(auth, now, read)
        self._collection = collection
        self._view = RecordView(collection, record)
        self._old = old
        self._request = request

    def own(self, name: str) -> Any:
        """A name of the record; raises KeyError."""
        match name:
            case "old":
                return None if self._old is None else RecordView(self._collection, self._old)
            case "request":
                return self._request
        return self._view[name]
