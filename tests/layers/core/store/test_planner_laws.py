"""For random filters of alternatives, rules, sorts and cursors: pages are what sorting gives.

The collection has an index for most of what is asked, so that most lists are merges; what is
compared is filtering by the evaluator and sorting in memory, forwards and backwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.collections.model import Collection
from covey.errors import IndexRequired
from covey.records import ids
from covey.records.model import Record
from covey.records.ports import Page, Query, RecordStore
from covey.store.planner import plan_of
from covey.testing.records import MemoryRecordStore
from tests.layers.core.store.samples import accepting, changed, collection, made, parts, query
from tests.layers.core.store.test_listing import value_of

INDEXES = (
    *("author, -created", "author, -views", "published, -created", "published, -views"),
    *("author, title, -views", "title", "-views, title"),
)
ATOMS = (
    *('author == "ann"', 'author == "bob"', "author == null", "published", "!published"),
    *('author in ["ann", "cid"]', 'author in ["bob", null, "ann"]', 'title in ["a", "b", ""]'),
    *("views > 1", "views <= 1", "views in [0, 2]", 'title == "a"', 'title.startsWith("b")'),
    'created < timestamp("1970-01-01T00:00:00.700Z")',
    'title.contains("b")',
)
SORTS = (
    *("", "", "created", "-views", "views", "-views, -created", "title", "-title, -created"),
    *("author, -created", "-created, author", "title, -views", "views, -title", "author, -views"),
)
atoms = st.sampled_from(ATOMS)
filters = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda each: f"({' || '.join(each)})"),
        st.tuples(inner, inner).map(lambda each: f"({' && '.join(each)})"),
    ),
    max_leaves=5,
)
rows = st.fixed_dictionaries(
    {
        "author": st.sampled_from(["ann", "bob", "cid", None]),
        "published": st.booleans(),
        "views": st.sampled_from([0, 1, 2, 3, None]),
        "title": st.sampled_from(["a", "b", "ba", "", "c\0"]),
    }
)
worlds = st.fixed_dictionaries(
    {
        "rows": st.lists(st.tuples(rows, st.integers(600, 800)), max_size=20),
        "filter": filters,
        "rule": st.none() | filters,
        "sort": st.sampled_from(SORTS),
        "limit": st.integers(1, 7),
        "ids": st.sampled_from(["auto", "auto", "custom"]),
        "schedule": st.sampled_from([((0, 1),), ((0, 3),), ((0, 1), (700, 2), (750, 4))]),
        "slots": st.sampled_from([(0, 1, 2, 3, 4, 6, 7), (6, 7, 0, 1, 2, 3, 4)]),
    }
)


def asked_of(posts: Collection, world: dict[str, Any]) -> Query:
    """The filter of the caller, joined with the rule, as the service asks."""
    text = world["filter"]
    where = text if world["rule"] is None else f"({world['rule']}) && ({text})"
    asked = query(posts, where, world["sort"], limit=world["limit"], budget=10_000)
    return replace(asked, filter_text=text)


def filled(store: RecordStore, posts: Collection, world: dict[str, Any]) -> list[Record]:
    maker = ids.IdMaker()
    records = []
    for number, (row, ms) in enumerate(world["rows"]):
        maker._last = 0  # ids of any order of time
        if posts.ids == "auto":
            records.append(made(store, posts, maker.make(ms), **row))
        else:
            records.append(made(store, posts, f"id{number * 7 % 23:02d}", created=ms, **row))
    return records


def walk(store: RecordStore, posts: Collection, asked: Query) -> list[Page]:
    """All pages, from the first on."""
    pages = [store.list(posts, asked, accepting(posts, asked))]
    assert pages[0].prev is None
    while (cursor := pages[-1].next) is not None:
        page = store.list(posts, replace(asked, cursor=cursor), accepting(posts, asked))
        assert page.prev is not None
        pages.append(page)
        assert len(pages) < 100
    return pages


def check_back(store: RecordStore, posts: Collection, asked: Query, pages: list[Page]) -> None:
    """Walked back, the pages are the same, but that the first may be shorter."""
    page, seen = pages[-1], [pages[-1].records]
    while page.prev is not None:
        page = store.list(posts, replace(asked, cursor=page.prev), accepting(posts, asked))
        seen.insert(0, page.records)
    assert seen == [one.records for one in pages]


def check(store: RecordStore, world: dict[str, Any]) -> None:
    posts = collection(
        *INDEXES,
        name=f"c{uuid4().hex}",
        ids=world["ids"],
        schedule=world["schedule"],
        slots=world["slots"],
    )
    asked = asked_of(posts, world)
    records = filled(store, posts, world)
    accept = accepting(posts, asked)
    expected = [record for record in records if accept(record)]
    tally = store.tally(posts, asked, accept, 0)
    assert (tally.found, tally.complete) == (len(expected), True)
    try:
        pages = walk(store, posts, asked)
    except IndexRequired:
        assert world["sort"] not in ("", "created", "title")
        return
    found = [record for page in pages for record in page.records]
    assert all(len(page.records) == asked.limit for page in pages[:-1])
    assert len(found) == len(expected)
    assert {record.id for record in found} == {record.id for record in expected}
    order = plan_of(posts, asked).order
    keys = parts(world["sort"] or "-created")
    shown = [[value_of(record, key.field) for key in keys] for record in found]
    wanted = [[value_of(r, key.field) for key in keys] for r in in_order(expected, keys)]
    assert shown == wanted
    if order is not None:
        places = [order.of(posts, record) for record in found]
        assert places == sorted(set(places))
    check_back(store, posts, asked, pages)


def in_order(records: list[Record], keys: Any) -> list[Record]:
    """Sorted by one key after the other, the last first."""
    for key in reversed(keys):
        records = sorted(records, key=by(key.field), reverse=key.descending)
    return records


def by(field: str) -> Any:
    return lambda record: rank(value_of(record, field))


def rank(value: Any) -> tuple[int, Any]:
    return (0, 0) if value is None else (1, value)


@settings(max_examples=300, deadline=None)
@given(worlds)
def test_pages_of_alternatives_are_what_sorting_gives_in_memory(world: Any) -> None:
    check(MemoryRecordStore(), world)


@pytest.mark.parametrize("store", ["lean"], indirect=True)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds)
def test_pages_of_alternatives_are_what_sorting_gives_on_the_engine(
    store: RecordStore, world: Any
) -> None:
    check(store, world)


@settings(max_examples=200, deadline=None)
@given(world=worlds, later=st.lists(st.tuples(rows, st.integers(600, 800)), max_size=5))
def test_writes_between_pages_neither_hide_nor_repeat_what_they_leave_alone(
    world: Any, later: Any
) -> None:
    """Between pages records come, change and go, and shards are added."""
    store = MemoryRecordStore()
    posts = collection(*INDEXES, ids=world["ids"], schedule=((0, 2),), slots=world["slots"])
    asked = asked_of(posts, world)
    records = filled(store, posts, world)
    accept = accepting(posts, asked)
    touched = records[::3]
    left = [record for record in records if record not in touched and accept(record)]
    try:
        page = store.list(posts, asked, accept)
    except IndexRequired:
        return
    order = plan_of(posts, asked).order
    if order is None:
        return
    for number, record in enumerate(touched):
        if number % 2:
            store.delete(posts, record)
        else:
            store.update(posts, record, changed(record, views=number, author="cid"))
    posts = replace(posts, schedule=(*posts.schedule, *collection(schedule=((750, 5),)).schedule))
    for number, (row, ms) in enumerate(later):
        record_id = ids.IdMaker().make(ms) if posts.ids == "auto" else f"late{number}"
        made(store, posts, record_id, created=ms, **row) if posts.ids != "auto" else made(
            store, posts, record_id, **row
        )
    seen, forward = list(page.records), page
    while forward.next is not None:
        forward = store.list(posts, replace(asked, cursor=forward.next), accept)
        seen += forward.records
    assert [r for r in sorted(left, key=lambda r: order.of(posts, r)) if r not in seen] == []
    assert all([r.id for r in seen].count(record.id) == 1 for record in left)
    back = list(forward.records)
    while forward.prev is not None:
        forward = store.list(posts, replace(asked, cursor=forward.prev), accept)
        back = forward.records + back
    assert [r for r in back if r in left] == [r for r in seen if r in left]
    assert len({r.id for r in back}) == len(back)
