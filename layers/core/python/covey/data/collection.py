"""One collection in Python: first who asks, then what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast

from covey.data.asynchronous import AsyncReads
from covey.data.pages import Hits, Page
from covey.data.values import document
from covey.errors import NotFound
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.conditions import UNCONDITIONAL, Conditions, Tags
from covey.records.query import MAX_LIMIT
from covey.wiring import services

# The function itself: no rule is asked, and there is no `auth.id`. What a record must be
# (fields, unique values, relations) holds all the same.
FUNCTION = Principal(Kind.ADMINISTRATOR)

R = TypeVar("R", bound=Mapping[str, Any])  # a record as it is read,
C = TypeVar("C", bound=Mapping[str, Any])  # its values as it is created or replaced,
P = TypeVar("P", bound=Mapping[str, Any])  # and as it is changed

Values: TypeAlias = Mapping[str, Any]
Who: TypeAlias = Principal | str
Facts: TypeAlias = Mapping[str, Any]


def principal_of(who: Who) -> Principal:
    """The caller that `who` names: a principal, ``"guest"``, or a user by id.

    A user has the roles of now. Raises Unauthenticated for one that is not there, TypeError
    for what names nobody.
    """
    if isinstance(who, Principal):
        return services().profiled(who)
    if not isinstance(who, str) or not who:
        raise TypeError(f'who asks? A principal, "guest" or the id of a user, not {who!r}')
    return GUEST if who == "guest" else services().user(who)


class Collection(Generic[R, C, P]):
    """A collection of which nobody has asked anything: say for whom."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<records of {self.name!r}; say for whom: .as_(who)>"

    def as_(self, who: Who, *, request: Facts | None = None) -> Access[R, C, P]:
        """The records as `who` may see and change them: a principal, ``"guest"``, a user's id.

        `request` is what rules read as ``request.method`` and ``request.ip``. Naming a user
        reads their record, once.
        """
        return Access(self.name, principal_of(who), request)

    def as_function(self) -> Access[R, C, P]:
        """All records, whatever the rules say: for work that the function does of its own."""
        return Access(self.name, FUNCTION, None)


class Access(Generic[R, C, P]):
    """The records of one collection for one caller, under the rules.

    Methods raise what `covey.errors` has, the same as over HTTP: NotFound for what is not
    there for this caller, Unauthenticated or Forbidden where a rule refuses, BadRequest for a
    filter, sort or limit that cannot be, Invalid for values that cannot be kept, Conflict.
    """

    __slots__ = ("_name", "_request", "_who")

    def __init__(self, name: str, who: Principal, request: Facts | None) -> None:
        self._name = name
        self._who = who
        self._request = request

    @property
    def aio(self) -> AsyncReads[R]:
        """The reads for asyncio, to await many at once."""
        return AsyncReads(self)

    # ---- reading

    def get(self, id: str, *, fields: Sequence[str] = (), expand: Sequence[str] = ()) -> R:
        """One record; raises NotFound. `fields` leaves out the others."""
        answer = services().records.get(
            self._who,
            self._name,
            id,
            parameters=_parameters(fields=fields, expand=expand),
            request=self._request,
        )
        return cast("R", answer.document)

    def find(self, id: str, *, fields: Sequence[str] = (), expand: Sequence[str] = ()) -> R | None:
        """One record, or None where there is none for this caller."""
        services().catalog.get(self._name)  # a collection that nobody declared is a mistake
        try:
            return self.get(id, fields=fields, expand=expand)
        except NotFound:
            return None

    def list(
        self,
        *,
        filter: str = "",
        sort: str = "",
        limit: int = 30,
        cursor: str | None = None,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
        count: Literal["exact", "estimated"] | None = None,
    ) -> Page[R]:
        """One page, newest first unless sorted. Texts of others go into a filter by `literal`."""
        parameters = _parameters(
            filter=filter, sort=sort, limit=limit, cursor=cursor,
            fields=fields, expand=expand, count=count,
        )  # fmt: skip
        found = services().records.list(self._who, self._name, parameters, request=self._request)
        return Page(cast("tuple[R, ...]", found.items), found.next, found.count, found.prev)

    def pages(
        self,
        *,
        filter: str = "",
        sort: str = "",
        limit: int = MAX_LIMIT,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
    ) -> Iterator[Page[R]]:
        """All pages, each read when it is asked for."""
        cursor: str | None = None
        while True:
            page = self.list(
                filter=filter, sort=sort, limit=limit, cursor=cursor, fields=fields, expand=expand
            )
            yield page
            cursor = page.next
            if cursor is None:
                return

    def iterate(
        self,
        *,
        filter: str = "",
        sort: str = "",
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
    ) -> Iterator[R]:
        """All records, page by page."""
        for page in self.pages(filter=filter, sort=sort, fields=fields, expand=expand):
            yield from page.items

    def count(self, filter: str = "") -> int:
        """Exactly how many; raises BadRequest ``count_budget`` where that reads too many."""
        counted = self.list(filter=filter, limit=1, count="exact").count
        return 0 if counted is None else counted.number

    def explain(self, *, filter: str = "", sort: str = "", limit: int = 30) -> dict[str, Any]:
        """How a list would be served, and what it would cost."""
        parameters = _parameters(filter=filter, sort=sort, limit=limit)
        return services().records.explain(self._who, self._name, parameters, request=self._request)

    def search(
        self,
        q: str,
        *,
        mode: Literal["all", "any"] = "all",
        filter: str = "",
        limit: int = 30,
        cursor: str | None = None,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
    ) -> Hits[R]:
        """A page of the records that have the words, where the collection declares `search`."""
        parameters = _parameters(
            q=q, mode=mode, filter=filter, limit=limit, cursor=cursor, fields=fields, expand=expand
        )
        found = services().finder.search(self._who, self._name, parameters, request=self._request)
        return Hits(cast("tuple[R, ...]", found.items), found.scores, found.next, found.complete)

    def aggregate(
        self,
        *,
        group: Sequence[str] = (),
        count: bool = False,
        sum: Sequence[str] = (),
        avg: Sequence[str] = (),
        min: Sequence[str] = (),
        max: Sequence[str] = (),
        filter: str = "",
        sort: Sequence[str] = (),
        limit: int = 100,
    ) -> dict[str, Any]:
        """Counts and sums of groups: `items`, and whether there are `more` than the limit.

        From declared aggregates, else counted within the read budget.
        """
        body: dict[str, Any] = {
            "group": group, "count": count, "sum": sum, "avg": avg, "min": min, "max": max,
            "filter": filter, "sort": sort, "limit": limit,
        }  # fmt: skip
        asked = {name: one for name, one in body.items() if one not in ("", (), [], False)}
        return services().counter.aggregate(
            self._who, self._name, document(asked), request=self._request
        )

    # ---- writing

    def create(self, values: C) -> R:
        """A new record, as the caller may see it."""
        answer = services().records.create(
            self._who, self._name, document(values), request=self._request
        )
        return cast("R", answer.document)

    def update(self, id: str, patch: P, *, if_version: int | None = None) -> R:
        """The record after a merge patch, in which ``$inc``, ``$append``, ``$remove`` are atomic.

        With `if_version` only at that version; else raises PreconditionFailed.
        """
        answer = services().records.update(
            self._who,
            self._name,
            id,
            document(patch),
            conditions=at_version(if_version),
            request=self._request,
        )
        return cast("R", answer.document)

    def replace(self, id: str, values: C, *, if_version: int | None = None) -> R:
        """The record with these values instead of its own; new, where ids are given by writers."""
        answer = services().records.replace(
            self._who,
            self._name,
            id,
            document(values),
            conditions=at_version(if_version),
            request=self._request,
        )
        return cast("R", answer.document)

    def upsert(self, by: Sequence[str], values: P) -> R:
        """The record with these values of `by`, a unique tuple, after the rest as a patch.

        A new record where there is none; of several writers one makes it, the others change it.
        """
        answer = services().records.upsert(
            self._who, self._name, tuple(by), document(values), request=self._request
        )
        return cast("R", answer.document)

    def delete(self, id: str, *, if_version: int | None = None) -> None:
        """Remove the record; raises NotFound."""
        services().records.delete(
            self._who,
            self._name,
            id,
            conditions=at_version(if_version),
            request=self._request,
        )


def records(collection: str) -> Collection[dict[str, Any], Values, Values]:
    """The records of a collection; who reads or writes them is said next.

    >>> records("posts").as_("guest").list(filter="published == true")  # doctest: +SKIP
    """
    return Collection(collection)


def at_version(version: int | None) -> Conditions:
    """The condition that a record is at a version; none for None."""
    if version is None:
        return UNCONDITIONAL
    return Conditions(if_match=Tags(strong=frozenset((f'"{version}"',))))


def _parameters(**given: str | int | Sequence[str] | None) -> dict[str, str]:
    """What was given, as a request's query has it."""
    return {
        name: ",".join(one) if isinstance(one, Sequence) and not isinstance(one, str) else str(one)
        for name, one in given.items()
        if one is not None and one != "" and one != ()
    }
