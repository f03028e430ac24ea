"""Reading records: one, a page of them, and how a page would be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import BadRequest, Forbidden, IndexRequired, NotFound
from covey.expressions import Timestamp, bind, conjoin, parse
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.identity.profile import with_profile
from covey.insight import meter
from covey.records.archive import Archive
from covey.records.asking import Asking, Seen
from covey.records.attachments import Attachments, NoAttachments
from covey.records.concealing import concealed_plan
from covey.records.conditions import UNCONDITIONAL, Conditions
from covey.records.counting import Count, Counting, no_count
from covey.records.custom_ids import can_hold
from covey.records.expand import EXPANDED, POINTING, Pointing, expand
from covey.records.expansion import Expansions, Step
from covey.records.fetching import Fetcher
from covey.records.hooking import Hooks, NoHooks
from covey.records.model import Record
from covey.records.nearness import Circle, Nearness, circle_of
from covey.records.ports import Page, Query, RecordStore
from covey.records.projection import project
from covey.records.query import (
    SHOW_PARAMETERS,
    WHOLE,
    ListRequest,
    Show,
    check_parameters,
    parse_filter,
    parse_list,
    parse_show,
)
from covey.records.referrers import Referrers
from covey.records.relations import Relations
from covey.records.time import now_ms

LOOKED = 0.5  # read units that a failed look at a record is said to cost, whatever is there
MAX_POINTING = 200  # records examined for one list of those that point to another

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One record as its caller may see it.

    `created` says that it is new. `unchanged` says that the caller has this version already, by
    If-None-Match. A caller who may write a record but not read it gets the system fields only.
    """

    id: str
    document: dict[str, Any]
    etag: str
    created: bool = False
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One page: documents in order and the cursor of the next page, or None at the end.

    `prev` is the cursor of the page before, None on the first. `near` is there where a filter asks
    for what is near. `count` is how many there are on
    all pages, where that was asked for.
    """

    items: tuple[dict[str, Any], ...]
    next: str | None = None
    count: Count | None = None
    prev: str | None = None
    near: Nearness | None = None


class Reader:
    """Get, list and explain, under the rules. See `covey.records.service.Records`."""

    def __init__(
        self,
        store: RecordStore,
        catalog: Catalog,
        *,
        budget: int = 2_000,
        clock: Callable[[], int] = now_ms,
        last_count: Callable[[str], int | None] = no_count,
        archive: Archive | None = None,
        hooks: Hooks | None = None,
        attachments: Attachments | None = None,
    ) -> None:
        self._hooks = hooks or NoHooks()
        self._attachments = attachments or NoAttachments()
        self._last_count = last_count
        self._archive = archive
        self._store = store
        self._catalog = catalog
        self._budget = budget
        self._clock = clock
        self._relations = Relations(store, catalog)
        self._referrers = Referrers(store, catalog)

    def get(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One record; `unchanged` when If-None-Match names it."""
        asking = self._asking(principal, collection, request, parameters)
        before = replace(meter.read())
        record = self._read(asking, record_id, consistent=False)
        document = None if record is None else asking.visible(asking.collection, record)
        if record is None or document is None:
            # What rules read is read of records that are there alone: units would tell.
            meter.restate(before, LOOKED)
            raise NotFound("record")
        # The tag speaks of the record alone: neither of expanded targets nor of what a field
        # rule shows this caller today, which another caller's cached answer may not match.
        whole = not asking.show.expand and _shows_alike(asking.collection)
        unchanged = conditions.unchanged(record.etag) and whole
        if not unchanged:
            self._expand(asking, [document])
        return Answer(record.id, projected(document, asking.show), record.etag, unchanged=unchanged)

    def list(
        self,
        principal: Principal,
        collection: str,
        parameters: Parameters | None = None,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> Listing:
        """A page of what the filter finds among what the caller may see."""
        asking, wanted, query = self._query(principal, collection, parameters or {}, request)
        seen = asking.seen(wanted.where)
        circle = None if wanted.sort else circle_of(asking.collection, wanted.where)
        page, near = self._page(asking, query, circle, seen)
        documents = [seen.documents[record.id] for record in page.records]
        self._expand(asking, documents)
        items = tuple(projected(document, wanted.show) for document in documents)
        count = None
        if wanted.count is not None:
            counting = Counting(self._store, asking, query, seen, self._last_count)
            count = counting.of(wanted.count, page)
        return Listing(items, page.next, count, page.prev, near)

    def explain(
        self,
        principal: Principal,
        collection: str,
        parameters: Parameters | None = None,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """How a list would be served.

        Raises Forbidden (code explain_denied) where the plan would name what the caller may not
        read: a read rule over hidden fields.
        """
        asking, wanted, query = self._query(principal, collection, parameters or {}, request)
        circle = None if wanted.sort else circle_of(asking.collection, wanted.where)
        if circle is not None:
            return circle.explained(query.budget)
        if not access.may_read_rule(asking.principal, asking.collection):
            raise Forbidden(
                "The read rule of this collection uses fields that you may not read.",
                code="explain_denied",
            )
        plan = self._store.explain(asking.collection, query)
        return concealed_plan(asking.principal, asking.collection, plan)

    # ---- parts

    def _page(
        self, asking: Asking, query: Query, circle: Circle | None, seen: Seen
    ) -> tuple[Page, Nearness | None]:
        """A page in the order of the query, or by distance where it asks for what is near."""
        if circle is None:
            return self._store.list(asking.collection, query, seen), None
        found = self._store.near(asking.collection, query, circle, seen)
        distances = tuple(circle.distance(record) or 0.0 for record in found.records)
        page = Page(found.records, found.next, found.examined)
        return page, Nearness(distances, found.complete)

    def _asking(
        self,
        principal: Principal,
        collection: str,
        request: Mapping[str, Any] | None,
        parameters: Parameters | None,
    ) -> Asking:
        found = self._catalog.get(collection)
        who = with_profile(principal, self._load_user)
        show = WHOLE
        if parameters:
            check_parameters(parameters, SHOW_PARAMETERS)
            show = parse_show(found, parameters, self._expansions(who))
        now = self._clock()
        return Asking(who, found, now, request or {}, show, self._fetcher(now))

    def _fetcher(self, now: int) -> Fetcher:
        return Fetcher(self._store, self._catalog.get, now)

    def _load_user(self, user: str) -> Mapping[str, Any]:
        # Consistently: a role taken away a moment ago must not linger.
        users = self._catalog.get("users")
        record = self._store.get(users, user, consistent=True) if can_hold(users, user) else None
        return {} if record is None else record.values

    def _read(self, asking: Asking, record_id: str, *, consistent: bool) -> Record | None:
        if not can_hold(asking.collection, record_id):
            return None
        return self._store.get(asking.collection, record_id, consistent=consistent)

    def _query(
        self,
        principal: Principal,
        collection: str,
        parameters: Parameters,
        request: Mapping[str, Any] | None,
    ) -> tuple[Asking, ListRequest, Query]:
        asking = self._asking(principal, collection, request, None)
        rule = access.list_rule(asking.principal, asking.collection)
        if rule is access.DENY:
            raise access.refusal(asking.principal, asking.collection, "read")
        wanted = parse_list(asking.collection, parameters, self._expansions(asking.principal))
        moment = {"now": Timestamp(asking.now), "request": asking.request}
        where = conjoin([bind(part, moment) for part in (rule, wanted.where) if part is not None])
        query = Query(
            where=where,
            bounded_by_caller=wanted.where is not None,
            sort=wanted.sort,
            limit=wanted.limit,
            cursor=wanted.cursor,
            scope=asking.principal.scope,
            budget=self._budget,
            filter_text=parameters.get("filter", ""),
        )
        return replace(asking, show=wanted.show), wanted, query

    def _expansions(self, principal: Principal) -> Expansions:
        return Expansions(principal, self._catalog.get, self._check_backward)

    def _check_backward(self, principal: Principal, collection: Collection, name: str) -> None:
        """Raise IndexRequired unless an index finds what a relation of the collection holds."""
        where = parse_filter(principal, collection, _points_to(name, "."))
        if collection.tenant and not principal.is_administrator:
            # As the read rule will: indexes begin with the tenant, which alone is not enough.
            where = conjoin((where, parse(_points_to(collection.tenant, ".")))) or where
        plan = self._store.explain(collection, Query(where, filter_text=where.text))
        if not plan.get("bounded") or name not in plan.get("equality", (name,)):
            raise IndexRequired(f"expand: no index holds {name}. {plan['suggestion']}")

    def _expand(self, asking: Asking, documents: Sequence[dict[str, Any]]) -> None:
        if asking.show.expand:
            expand(documents, asking.show.expand, _Source(self, asking))

    def targets(
        self, asking: Asking, collection: str, ids: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Those of the records that the caller may see, by id, in one batch."""
        return self._relations.documents(asking, collection, ids)

    def pointing(self, asking: Asking, step: Step, record_id: str) -> Pointing:
        """The newest records that point to one; `next` goes on with the list of this filter."""
        parameters = {"filter": _points_to(step.field.name, record_id), "limit": str(POINTING)}
        there, wanted, query = self._query(asking.principal, step.to, parameters, asking.request)
        seen = there.seen(wanted.where)
        query = replace(query, budget=min(query.budget, MAX_POINTING))
        page = self._store.list(there.collection, query, seen)
        return Pointing([seen.documents[record.id] for record in page.records], page.next)

    def _answer(
        self,
        asking: Asking,
        record: Record,
        document: dict[str, Any] | None,
        *,
        created: bool = False,
    ) -> Answer:
        """What is answered to a write, which stands whatever is the matter with `expand`."""
        if document is None:
            document = replace(record, values={}).document()
        try:
            self._expand(asking, [document])
        except BadRequest:
            document[EXPANDED] = {}
        return Answer(record.id, projected(document, asking.show), record.etag, created=created)


@dataclass(frozen=True, slots=True)
class _Source:
    """What an answer's relations lead to, for one call."""

    reader: Reader
    asking: Asking

    def targets(self, collection: str, ids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
        """As `covey.records.expand.Source`."""
        return self.reader.targets(self.asking, collection, ids)

    def pointing(self, step: Step, record_id: str) -> Pointing:
        """As `covey.records.expand.Source`."""
        return self.reader.pointing(self.asking, step, record_id)


def _points_to(name: str, record_id: str) -> str:
    """The filter for records whose relation holds an id; ids hold nothing to escape."""
    return f'{name} == "{record_id}"'


def projected(document: dict[str, Any], show: Show) -> dict[str, Any]:
    """The document with the fields asked for, and what was expanded."""
    shown = project(document, show.fields)
    if show.expand and show.fields is not None:
        shown[EXPANDED] = document[EXPANDED]
    return shown


def _shows_alike(collection: Collection) -> bool:
    """Whether whoever sees a record of this collection sees all of it."""
    return all(field.read is None for field in collection.fields.values())
