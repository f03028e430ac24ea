"""The service of search: what a caller finds, best first, under the rules.

Postings only say where to look. Every hit is read, asked about like a record of any list, and
matched again by what it says now in the fields that its caller may read in every record; only
then is it shown. See `covey.search.matching` for what a score may be made of.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from covey.collections.builds import unready_search
from covey.collections.catalog import Catalog
from covey.collections.model import Collection, State
from covey.errors import BadRequest, Conflict
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.records.asking import Asking
from covey.records.model import Record
from covey.records.ports import Query, RecordStore
from covey.records.projection import bad
from covey.records.query import ListRequest, check_parameters
from covey.records.reading import Parameters, Reader, projected
from covey.records.time import now_ms
from covey.search.highlights import excerpt
from covey.search.matching import Matcher, Shortlist, place
from covey.search.ports import SearchStore
from covey.search.query import Sought, parse
from covey.search.ranking import Statistics

PARAMETERS = frozenset(("q", "mode", "highlight", "filter", "limit", "cursor", "fields", "expand"))
OWN = frozenset(("q", "mode", "highlight"))
AHEAD = 10  # records read beyond what a page still lacks: some will not be shown

Ranked = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Hits:
    """One page: documents, best first, with the score of each, and what was found where.

    `complete` is False where a budget ended before all that may match was looked at.
    """

    items: tuple[dict[str, Any], ...]
    scores: tuple[float, ...]
    highlights: tuple[dict[str, list[str]], ...] | None
    next: str | None
    complete: bool


@dataclass(frozen=True, slots=True)
class _Hit:
    score: float
    record: Record
    document: dict[str, Any]


class Finder(Reader):
    """Searches collections that declare what to search."""

    def __init__(
        self,
        store: RecordStore,
        catalog: Catalog,
        search: SearchStore,
        *,
        budget: int = 2_000,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        super().__init__(store, catalog, budget=budget, clock=clock)
        self._search = search

    def search(
        self,
        principal: Principal,
        collection: str,
        parameters: Parameters,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> Hits:
        """A page of what the query finds among what the caller may see.

        Raises BadRequest for parameters and ``search_not_declared``; Conflict
        ``search_building`` while records from before are not in it yet.
        """
        check_parameters(parameters, PARAMETERS)
        rest = {name: value for name, value in parameters.items() if name not in OWN}
        asking, wanted, query = self._query(principal, collection, rest, request)
        found = asking.collection
        _check_ready(found)
        sought = parse(parameters.get("q"), parameters.get("mode"), found.search.language)
        highlight = _flag(parameters.get("highlight"))
        query = replace(query, filter_text=json.dumps([parameters.get(n) for n in _BINDING]))
        readable = access.filterable_fields(asking.principal, found)
        names = [name for name in found.search.fields if name in readable]
        if not names:
            return Hits((), (), () if highlight else None, None, complete=True)
        page = _Page(self, asking, wanted, query, names, sought)
        hits, following, complete = page.read()
        documents = [hit.document for hit in hits]
        shown = None
        if highlight:
            shown = tuple(_excerpts(hit, names, sought, found) for hit in hits)
        self._expand(asking, documents)
        items = tuple(projected(document, wanted.show) for document in documents)
        return Hits(items, tuple(hit.score for hit in hits), shown, following, complete)

    def records(self, collection: Collection, ids: Sequence[str]) -> Mapping[str, Record]:
        """Those of the records that are there."""
        return self._store.get_many(collection, ids)

    @property
    def postings(self) -> SearchStore:
        """Where to look."""
        return self._search


_BINDING = ("q", "mode", "filter")


class _Page:
    """One page in the making."""

    def __init__(
        self,
        finder: Finder,
        asking: Asking,
        wanted: ListRequest,
        query: Query,
        names: Sequence[str],
        sought: Sought,
    ) -> None:
        self._finder = finder
        self._asking = asking
        self._wanted = wanted
        self._query = query
        collection = asking.collection
        self._ahead = access.looks_ahead(asking.principal, collection)
        everything = access.list_rule(asking.principal, collection) is None
        self._matcher = Matcher(finder.postings, collection, names, sought, open_to_all=everything)

    def read(self) -> tuple[list[_Hit], str | None, bool]:
        """The hits, the cursor of the next page, and whether all was looked at."""
        after, statistics = self._resumed()
        self._matcher.prepare(statistics)
        shortlist = self._matcher.shortlist()
        if shortlist.exact:
            return self._in_order(shortlist, after)
        return self._all_at_once(shortlist, after)

    def _in_order(
        self, shortlist: Shortlist, after: Ranked | None
    ) -> tuple[list[_Hit], str | None, bool]:
        """Records as the postings rank them, until the page is full."""
        hits: list[_Hit] = []
        passed = after
        limit, budget = self._wanted.limit, self._query.budget
        ranked = [one for one in shortlist.ranked if after is None or place(one) < place(after)]
        for one, hit in self._looked_at(ranked[:budget]):
            if hit is not None and len(hits) == limit:
                return _sorted(hits), self._seal(passed), shortlist.complete
            hits += [hit] if hit is not None else []
            passed = one
        if len(ranked) > budget:
            return _sorted(hits), self._seal(passed), shortlist.complete
        return _sorted(hits), None, shortlist.complete

    def _looked_at(self, ranked: Sequence[Ranked]) -> Iterator[tuple[Ranked, _Hit | None]]:
        at, size = 0, self._wanted.limit + AHEAD
        while at < len(ranked):
            part = ranked[at : at + size]
            records = self._finder.records(self._asking.collection, [id for _, id in part])
            if self._ahead:
                self._asking.foresee(self._asking.collection, self._matching(records.values()))
            for one in part:
                record = records.get(one[1])
                yield one, None if record is None else self._hit(record)
            at += len(part)

    def _all_at_once(
        self, shortlist: Shortlist, after: Ranked | None
    ) -> tuple[list[_Hit], str | None, bool]:
        """The page of records that have to be read before they can be ranked."""
        budget, limit = self._query.budget, self._wanted.limit
        ranked = shortlist.ranked[:budget]
        hits = _sorted([hit for _, hit in self._looked_at(ranked) if hit is not None])
        left = [hit for hit in hits if after is None or _place(hit) < place(after)]
        page = list(islice(left, limit))
        more = self._seal(_place(page[-1])) if len(left) > limit else None
        return page, more, shortlist.complete and len(shortlist.ranked) <= budget

    def _matching(self, records: Iterable[Record]) -> list[Record]:
        where, asking = self._wanted.where, self._asking
        return [
            record
            for record in records
            if self._matcher.matched(record.values) is not None
            and (where is None or where.holds(asking.scope(record)))
        ]

    def _hit(self, record: Record) -> _Hit | None:
        asking, where = self._asking, self._wanted.where
        found = self._matcher.matched(record.values)
        if found is None or (where is not None and not where.holds(asking.scope(record))):
            return None
        document = asking.visible(asking.collection, record)
        return None if document is None else _Hit(self._matcher.score(found), record, document)

    def _seal(self, passed: Ranked | None) -> str | None:
        """The cursor: the place, and the numbers that placed it, so that pages rank alike."""
        if passed is None:
            return None
        known = self._matcher.statistics
        numbers = [dict(known.records), dict(known.length), [dict(f) for f in known.frequency]]
        text = json.dumps([*passed, numbers], separators=(",", ":"))
        place = zlib.compress(text.encode(), 9)
        return self._finder.postings.seal(self._asking.collection, self._query, place)

    def _resumed(self) -> tuple[Ranked | None, Statistics | None]:
        place = self._finder.postings.open(self._asking.collection, self._query)
        if place is None:
            return None, None
        score, record_id, (records, length, frequency) = json.loads(zlib.decompress(place))
        return (score, record_id), Statistics(records, length, tuple(frequency))


def _sorted(hits: list[_Hit]) -> list[_Hit]:
    # A record that has changed since it was indexed may score otherwise than it was ranked.
    return sorted(hits, key=_place, reverse=True)


def _place(hit: _Hit) -> Ranked:
    return hit.score, hit.record.id


def _excerpts(
    hit: _Hit, names: Sequence[str], sought: Sought, collection: Collection
) -> dict[str, list[str]]:
    language = collection.search.language
    return {
        name: pieces
        for name in names
        if (pieces := excerpt(hit.document.get(name), sought, language)) is not None
    }


def _check_ready(collection: Collection) -> None:
    if not collection.search.fields:
        raise BadRequest(
            f"{collection.name} declares no search. Add to {collection.name}.yaml, for instance:\n"
            "search: [title]",
            code="search_not_declared",
        )
    unready = unready_search(collection)
    if unready is not None:
        why = "is being built" if unready is State.BUILDING else "could not be built"
        raise Conflict(f"The search of {collection.name} {why}.", code="search_building")


def _flag(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise bad("highlight", "takes true or false")
    return text == "true"
