from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cmp_to_key
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.collections.model import Collection
from covey.errors import BadRequest, IndexRequired
from covey.records import ids
from covey.records.model import Record
from covey.records.ports import Query, RecordStore
from covey.records.time import rfc3339
from covey.store.planner import plan_of
from covey.testing.records import MemoryRecordStore
from tests.layers.core.store.samples import (
    accepting,
    changed,
    collection,
    listed,
    listed_back,
    made,
    parts,
    query,
)

INDEXES = ("author, -created", "author, -views, title", "-views", "title", "published, due")


# ── against sorting a plain list ──────────────────────────────────────────────────────────────


def rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, value
    return (2, value) if isinstance(value, (int, Decimal)) else (3, value)


def value_of(record: Record, field: str) -> Any:
    if field in ("id", "created", "updated"):
        return getattr(record, field)
    return record.values.get(field)


def ordered(records: list[Record], sort: str) -> list[Record]:
    """Sorted as asked, then by id in the direction of the last key."""
    keys = parts(sort or "-created")

    def compare(one: Record, other: Record) -> int:
        for key in keys:
            a, b = rank(value_of(one, key.field)), rank(value_of(other, key.field))
            if a != b:
                return (1 if a > b else -1) * (-1 if key.descending else 1)
        return (1 if one.id > other.id else -1) * (-1 if keys[-1].descending else 1)

    return sorted(records, key=cmp_to_key(compare))


rows = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["", "a", "ab", "a\0", "b", "ba", "é", None]),
        "author": st.sampled_from(["ann", "bob", None]),
        "published": st.booleans(),
        "views": st.sampled_from([0, 1, -1, 10, Decimal("1.5"), Decimal("-0.1"), None]),
        "due": st.sampled_from([rfc3339(0), rfc3339(1_000), rfc3339(10**12)]),
    },
)
conditions = st.lists(
    st.sampled_from(
        [
            'author == "ann"',
            "author == null",
            'title.startsWith("a")',
            'title >= "ab"',
            'title < "b"',
            'title == "a\\u0000"',
            "published",
            "!published",
            "views > 0",
            "views <= 1.5",
            "views >= -0.1",
            "views == 1",
            '"ann" == author',
            "1 > views",
            'due > timestamp("1970-01-01T00:00:00Z")',
            'due == timestamp("1970-01-01T00:00:01Z")',
            'created >= timestamp("1970-01-01T00:00:00.700Z")',
            'created < timestamp("1970-01-01T00:00:00.800Z")',
            'title.contains("b")',
            "views + 1 > 1",
            'author == "ann" || published',
            'author in ["ann", "bob", null]',
            'author in ["bob"]',
            "author in []",
            'title in ["a", "a\\u0000", "ab", "zz", "a"]',
            "views in [0, 1.5, -1]",
            'author == "bob" || views > 0',
            'author == "ann" && views > 0 || author == "bob" && title == "a" || published',
            'title == "b" || author == null && title in ["a", ""]',
            "published || !published",
            "published || views in [0, 1]",
            'created < timestamp("1970-01-01T00:00:00.600Z") || author == "ann"',
        ]
    ),
    max_size=3,
    unique=True,
)
sorts = st.sampled_from(
    [
        "",
        "created",
        "-created",
        "views",
        "-views",
        "title",
        "-title",
        "due",
        "-due",
        "id",
        "-views, title",
        "views, -title",
        "author, -created",
        "-created, -id",
        "-created, author",
        "-views, author",
        "author, -views",
        "published, -views",
    ]
)
schedules = st.sampled_from(
    [((0, 1),), ((0, 3),), ((0, 1), (600, 2), (850, 5)), ((0, 4), (800, 1))]
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Collection, list[dict[str, Any]], list[int], Query, str]:
    posts = collection(
        *draw(st.lists(st.sampled_from(INDEXES), unique=True, max_size=5)),
        name=f"c{uuid4().hex}",
        ids=draw(st.sampled_from(["auto", "auto", "custom"])),
        schedule=draw(schedules),
        slots=draw(st.sampled_from([(0, 1, 2, 3, 4), (6, 7, 3, 2, 1)])),
    )
    values = draw(st.lists(rows, max_size=25))
    times = draw(st.lists(st.integers(500, 1000), min_size=len(values), max_size=len(values)))
    where = " && ".join(f"({condition})" for condition in draw(conditions))
    sort = draw(sorts)
    asked = query(posts, where, sort, limit=draw(st.integers(1, 9)), budget=10_000)
    return posts, values, times, asked, sort


def check_lists(store: RecordStore, world: Any) -> None:
    posts, values, times, asked, sort = world
    maker = ids.IdMaker()
    records = []
    for number, (row, ms) in enumerate(zip(values, times, strict=True)):
        record_id = maker.make(ms) if posts.ids == "auto" else f"id {number * 7 % 25}"
        maker._last = 0  # ids of any order of time
        records.append(
            made(store, posts, record_id, created=ms, **row)
            if posts.ids != "auto"
            else made(store, posts, record_id, **row)
        )
    accept = accepting(posts, asked)
    expected = ordered([record for record in records if accept(record)], sort)
    tally = store.tally(posts, asked, accept, 0)
    assert (tally.found, tally.complete) == (len(expected), True)
    try:
        found = listed(store, posts, asked)
        assert listed_back(store, posts, asked) == found
    except IndexRequired:
        assert sort not in ("", "created", "-created") or posts.ids != "auto"
        return
    except BadRequest as error:
        assert error.code == "invalid_sort"
        return
    order = plan_of(posts, asked).order
    sorted_by = {part.field for part in parts(sort or "-created")}
    last = parts(sort or "-created")[-1].descending
    if order and (order.last != last or {key.field for key in order.keys} - sorted_by):
        # An index of more parts than the sort orders ties by the parts that are left.
        assert {record.id for record in found} == {record.id for record in expected}
        keys = parts(sort or "-created")
        assert [[value_of(r, k.field) for k in keys] for r in found] == [
            [value_of(r, k.field) for k in keys] for r in expected
        ]
        return
    assert [record.id for record in found] == [record.id for record in expected]
    assert found == expected


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_lists_are_what_sorting_a_plain_list_gives_in_memory(world: Any) -> None:
    check_lists(MemoryRecordStore(), world)


@pytest.mark.parametrize("store", ["lean"], indirect=True)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds())
def test_lists_are_what_sorting_a_plain_list_gives_on_the_engine(
    store: RecordStore, world: Any
) -> None:
    check_lists(store, world)


# ── pages ─────────────────────────────────────────────────────────────────────────────────────


def everything(record: Record) -> bool:
    return True


def test_the_end_is_the_absence_of_next_also_after_a_full_last_page(store: RecordStore) -> None:
    posts = collection()
    for number in range(6):
        made(store, posts, views=number)
    first = store.list(posts, query(posts, limit=3), everything)
    second = store.list(posts, query(posts, limit=3, cursor=first.next), everything)
    assert [len(first.records), len(second.records)] == [3, 3]
    assert first.next is not None
    assert second.next is None
    assert store.list(posts, query(posts, limit=6), everything).next is None


def test_pages_are_full_after_the_filter(store: RecordStore) -> None:
    posts = collection()
    for number in range(60):
        made(store, posts, views=number, title=str(number))
    asked = query(posts, 'title.endsWith("7")', limit=5)
    page = store.list(posts, asked, accepting(posts, asked))
    assert [record.values["views"] for record in page.records] == [57, 47, 37, 27, 17]
    assert page.next is not None


@pytest.mark.parametrize("sort", ["", "created", "views", "-views"])
def test_a_deleted_record_does_not_break_the_cursor_that_it_ended(
    store: RecordStore, sort: str
) -> None:
    posts = collection("views")
    records = [made(store, posts, views=number) for number in range(9)]
    asked = query(posts, "", sort, limit=3)
    page = store.list(posts, asked, everything)
    whole = ordered(records, sort)
    store.delete(posts, page.records[-1])
    rest = listed(store, posts, replace(asked, cursor=page.next))
    assert [record.id for record in rest] == [record.id for record in whole[3:]]


def test_a_cursor_holds_when_shards_are_added(store: RecordStore) -> None:
    before = collection("author, -created")
    for _ in range(10):
        made(store, before, author="ann")
    after = collection("author, -created", schedule=((0, 1), (4_000_000_000_000, 4)))
    for where in ("", 'author == "ann"'):
        whole = listed(store, before, query(before, where))
        page = store.list(before, query(before, where, limit=4), everything)
        rest = listed(store, after, query(after, where, limit=4, cursor=page.next))
        assert page.records + rest == whole


def test_records_written_between_pages_neither_repeat_nor_hide_others(
    store: RecordStore,
) -> None:
    posts = collection("-views")
    records = [made(store, posts, views=number) for number in range(10)]
    page = store.list(posts, query(posts, "", "-views", limit=5), everything)
    made(store, posts, views=100)
    late = made(store, posts, views=-1)
    rest = listed(store, posts, query(posts, "", "-views", limit=5, cursor=page.next))
    assert rest == [*records[4::-1], late]


def test_an_update_moves_a_record_within_its_indexes(store: RecordStore) -> None:
    posts = collection("author, -views")
    first = made(store, posts, author="ann", views=1)
    made(store, posts, author="ann", views=2)
    moved = changed(first, author="bob")
    store.update(posts, first, moved)
    assert listed(store, posts, query(posts, 'author == "bob"', "-views")) == [moved]
    assert len(listed(store, posts, query(posts, 'author == "ann"', "-views"))) == 1


class TestBudget:
    def fill(self, store: RecordStore, posts: Collection) -> None:
        for number in range(40):
            made(store, posts, title="a", views=number)

    def test_a_filter_without_an_index_is_refused_with_the_line_to_add(
        self, store: RecordStore
    ) -> None:
        posts = collection()
        self.fill(store, posts)
        asked = query(posts, 'author == "ann"', limit=5, budget=20)
        with pytest.raises(IndexRequired) as refused:
            store.list(posts, asked, accepting(posts, asked))
        assert "  - [author, -created]" in refused.value.detail
        assert "posts.yaml" in refused.value.detail

    def test_a_rule_alone_gives_a_short_page_that_goes_on(self, store: RecordStore) -> None:
        posts = collection()
        self.fill(store, posts)
        asked = replace(query(posts, "views < 3", limit=5, budget=20), bounded_by_caller=False)
        page = store.list(posts, asked, accepting(posts, asked))
        assert page.records == []
        assert page.examined == 20
        assert page.next is not None
        assert len(listed(store, posts, asked)) == 3

    def test_a_bounded_filter_gives_a_short_page_that_goes_on(self, store: RecordStore) -> None:
        posts = collection("title, -created")
        self.fill(store, posts)
        asked = query(posts, 'title == "a" && views < 3', limit=5, budget=15)
        page = store.list(posts, asked, accepting(posts, asked))
        assert (page.records, page.examined) == ([], 15)
        assert len(listed(store, posts, asked)) == 3

    def test_a_list_within_its_budget_needs_no_index(self, store: RecordStore) -> None:
        posts = collection()
        self.fill(store, posts)
        asked = query(posts, "views < 3", limit=5, budget=40)
        assert len(listed(store, posts, asked)) == 3

    def test_the_line_names_no_field_of_the_rule(self, store: RecordStore) -> None:
        posts = collection()
        self.fill(store, posts)
        asked = query(posts, 'author == "ann" && title == "x"', limit=5, budget=20)
        with pytest.raises(IndexRequired) as refused:
            store.list(posts, replace(asked, filter_text='title == "x"'), lambda record: False)
        assert "author" not in refused.value.detail


@pytest.mark.parametrize(
    ("indexes", "where", "sort", "line"),
    [
        ((), "", "-views", "- [-views]"),
        ((), 'author == "ann"', "-views", "- [author, -views]"),
        (("author, -created",), "", "author, -views", "- [author, -views]"),
        (("-views",), "", "views, title", "- [views, title]"),
        (("author, -created",), "", "due", "- [due]"),
    ],
)
def test_a_sort_without_an_index_is_refused_with_the_line_to_add(
    indexes: tuple[str, ...], where: str, sort: str, line: str
) -> None:
    posts = collection(*indexes)
    with pytest.raises(IndexRequired) as refused:
        MemoryRecordStore().list(posts, query(posts, where, sort), everything)
    assert line in refused.value.detail


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ('id == "{id}"', "id"),
        ('author == "ann" && title == "t3"', "unique [author, title]"),
    ],
)
def test_what_one_record_alone_can_match_is_read_by_its_key(
    store: RecordStore, where: str, source: str
) -> None:
    posts = collection(unique=(("author", "title"),))
    records = [made(store, posts, author="ann", title=f"t{number}") for number in range(5)]
    asked = query(posts, where.replace("{id}", records[3].id), "-views")
    assert store.explain(posts, asked)["source"] == source
    assert listed(store, posts, asked) == [records[3]]
    assert listed(store, posts, replace(asked, where=query(posts, 'id == "x"').where)) == []


# ── cursors ───────────────────────────────────────────────────────────────────────────────────


def first_cursor(store: RecordStore, posts: Collection, **more: Any) -> str:
    page = store.list(posts, query(posts, limit=2, scope="user:ann", **more), everything)
    assert page.next is not None
    return page.next


@pytest.fixture
def filled() -> tuple[MemoryRecordStore, Collection]:
    store, posts = MemoryRecordStore(), collection("-views")
    for number in range(9):
        made(store, posts, views=number)
    return store, posts


def refuse(store: RecordStore, of: Collection, asked: Query) -> None:
    with pytest.raises(BadRequest) as refused:
        store.list(of, asked, everything)
    assert refused.value.code == "invalid_cursor"


OTHERS: dict[str, Callable[[Query], Query]] = {
    "of another caller": lambda asked: replace(asked, scope="user:eve"),
    "of another filter": lambda asked: replace(asked, filter_text="views > 0"),
    "of another sort": lambda asked: replace(asked, sort=query(collection(), "", "created").sort),
    "empty": lambda asked: replace(asked, cursor=""),
    "not base64": lambda asked: replace(asked, cursor="not a cursor!"),
    "not ASCII": lambda asked: replace(asked, cursor="\xe9" * 90),
    "too long": lambda asked: replace(asked, cursor="A" * 100_000),
    "zeros": lambda asked: replace(asked, cursor="A" * 80),
    "padded": lambda asked: replace(asked, cursor=f"{asked.cursor}="),
    "longer": lambda asked: replace(asked, cursor=f"{asked.cursor}AAAA"),
    "shorter": lambda asked: replace(asked, cursor=(asked.cursor or "")[:-4]),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS.keys())
def test_a_cursor_that_is_not_of_this_list_is_refused(
    filled: tuple[MemoryRecordStore, Collection], change: Callable[[Query], Query]
) -> None:
    store, posts = filled
    asked = query(posts, limit=2, scope="user:ann", cursor=first_cursor(store, posts))
    store.list(posts, asked, everything)
    refuse(store, posts, change(asked))
    refuse(store, collection(name="pages"), asked)


def test_any_altered_character_is_refused(
    filled: tuple[MemoryRecordStore, Collection],
) -> None:
    store, posts = filled
    cursor = first_cursor(store, posts)
    for at in range(len(cursor)):
        other = "A" if cursor[at] != "A" else "B"
        altered = cursor[:at] + other + cursor[at + 1 :]
        refuse(store, posts, query(posts, limit=2, scope="user:ann", cursor=altered))


def test_a_cursor_shows_nothing_of_where_it_stands(
    filled: tuple[MemoryRecordStore, Collection],
) -> None:
    store, posts = filled
    assert first_cursor(store, posts) != first_cursor(store, posts)


def test_a_cursor_ends_after_a_day() -> None:
    now = [1_000_000.0]
    store, posts = MemoryRecordStore(lambda: now[0]), collection()
    for number in range(5):
        made(store, posts, views=number)
    asked = query(posts, limit=2, scope="user:ann", cursor=first_cursor(store, posts))
    now[0] += 86_399
    store.list(posts, asked, everything)
    now[0] += 2
    refuse(store, posts, asked)


def test_a_cursor_of_one_store_opens_in_another_process(table: str) -> None:
    from covey.store.records import DynamoRecordStore
    from covey.store.transport import transport

    one, other = (DynamoRecordStore(transport(), table) for _ in range(2))
    posts = collection()
    for number in range(5):
        made(one, posts, views=number)
    cursor = first_cursor(one, posts)
    asked = query(posts, limit=9, scope="user:ann", cursor=cursor)
    assert len(other.list(posts, asked, everything).records) == 3


def test_a_cursor_goes_on_by_any_index_of_its_order_and_is_refused_without_one() -> None:
    store, posts = MemoryRecordStore(), collection("views", "-views", "views, title")
    records = [made(store, posts, views=number) for number in range(5)]
    cursor = first_cursor(store, posts, sort="views")
    asked = query(posts, "", "views", limit=2, scope="user:ann", cursor=cursor)
    for left in (posts.indexes, posts.indexes[1:]):
        assert listed(store, replace(posts, indexes=left), asked) == records[2:]
    refuse(store, replace(posts, indexes=posts.indexes[2:]), asked)
    refuse(store, replace(posts, indexes=()), asked)


# ── explain ───────────────────────────────────────────────────────────────────────────────────


def test_explain_tells_the_whole_plan() -> None:
    posts = collection("author, -created", "-views", schedule=((0, 2),))
    where = 'author == "ann" && title.contains("x") && created > timestamp("2020-01-01T00:00:00Z")'
    plan = MemoryRecordStore().explain(posts, query(posts, where, limit=30))
    assert plan == {
        "source": "index [author, -created]",
        "order": "forward",
        "equality": ["author"],
        "range": "created",
        "shards": 2,
        "covering": True,
        "bounded": True,
        "residual": ['title.contains("x")'],
        "estimated_read_units": 4.0,
        "maximal_read_units": 250.0,
        "rejected": [
            {"source": "index [-views]", "reason": "its order is another"},
            {"source": "creation order", "reason": "another reads less"},
        ],
        "suggestion": None,
    }


def test_explain_of_a_list_that_cannot_be_served_says_what_to_add() -> None:
    posts = collection()
    plan = MemoryRecordStore().explain(posts, query(posts, "", "-views"))
    assert plan["source"] is None
    assert "- [-views]" in plan["suggestion"]


@pytest.mark.parametrize("sort", ["views, -title", "-views, title", "title, views"])
def test_alternatives_of_a_key_are_not_read_by_an_index_of_the_next(
    store: RecordStore, sort: str
) -> None:
    posts = collection("-views", "title")
    records = [
        made(store, posts, views=views, title=title)
        for views in (0, 2, -1)
        for title in ("b", "a", "ab")
    ]
    asked = query(posts, "views in [0, 2, -1]", sort, limit=2)
    try:
        assert listed(store, posts, asked) == ordered(records, sort)
    except IndexRequired:  # no index gives both keys: refused, and not given in another order
        return
