"""What is answered: the same from what is kept as by counting, and only what may be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.aggregates.keeper import Aggregates
from covey.aggregates.service import Counter
from covey.collections import Catalog, load
from covey.collections.model import Build, Collection, State
from covey.errors import BadRequest, CoveyError, Forbidden, Invalid, NotFound
from covey.identity.principal import GUEST, SYSTEM, Kind, Principal
from covey.records.model import Change, ChangeKind
from covey.records.service import Records
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.records import MemoryRecordStore
from covey.testing.totals import MemoryTotals

ANN = Principal(Kind.USER, "ann")
FIELDS: dict[str, Any] = {
    "author": {"type": "text"},
    "public": {"type": "bool"},
    "views": {"type": "integer"},
    "price": {"type": "number"},
    "day": {"type": "date"},
    "at": {"type": "datetime"},
    "tags": {"type": "text", "list": True},
    "salary": {"type": "number", "read": "auth.id == 'boss'"},
    "note": {"type": "number", "read": "author == auth.id"},
}
AGGREGATES: dict[str, Any] = {
    "by_author": {
        "group": ["author"],
        "count": True,
        "sum": ["views", "price"],
        "min": ["day"],
        "max": ["views"],
    },
    "by_public": {"group": ["public", "author"], "count": True, "avg": ["price"]},
    "popular": {"group": ["author"], "count": True, "filter": "views > 2"},
    "by_time": {"group": ["at"], "count": True},
    "paid": {"group": ["salary"], "count": True},
}


class House:
    """Records, and all of them counted."""

    def __init__(self, read: str | None = "true", budget: int = 500, **more: Any) -> None:
        document = {"name": "posts", "fields": FIELDS, "aggregates": AGGREGATES, **more}
        self.catalog = Catalog(MemoryCatalogStore(), ttl=0)
        rules = {} if read is None else {"rules": {"read": read}}
        self.catalog.save(load({**document, **rules}))
        self.store = MemoryRecordStore()
        self.totals = MemoryTotals()
        self.records = Records(self.store, self.catalog)
        self.counter = Counter(self.store, self.catalog, self.totals, budget=budget)

    @property
    def collection(self) -> Collection:
        return self.catalog.get("posts")

    def add(self, **values: Any) -> None:
        made = self.records.create(SYSTEM, "posts", values)
        record = self.store.get(self.collection, made.id)
        kept = Aggregates(self.totals, self.catalog.get, self.store.get)
        change = Change("posts", made.id, 1, ChangeKind.CREATED, None, record, "1")
        kept.apply(self.collection, [change])

    def ask(self, who: Principal = SYSTEM, **body: Any) -> dict[str, Any]:
        return self.counter.aggregate(who, "posts", body)

    def computed(self, who: Principal = SYSTEM, **body: Any) -> dict[str, Any]:
        """The same, as if nothing were declared."""
        plain = House.__new__(House)
        plain.catalog = Catalog(MemoryCatalogStore(), ttl=0)
        rules = {"rules": {"read": text}} if (text := self._rule()) else {}
        plain.catalog.save(load({"name": "posts", "fields": FIELDS, **rules}))
        counter = Counter(self.store, plain.catalog, self.totals, budget=10_000)
        return counter.aggregate(who, "posts", body)

    def _rule(self) -> str:
        rule = self.collection.rules.read
        return "" if rule is None else rule.text


values = st.fixed_dictionaries(
    {},
    optional={
        "author": st.sampled_from(["ann", "bob", ""]),
        "public": st.booleans(),
        "views": st.integers(-2, 5),
        "price": st.decimals(-5, 5, places=2),
        "day": st.sampled_from(["2026-01-31", "1999-12-31"]),
        "at": st.sampled_from(["2026-01-31T09:30:00.000Z", "1999-12-31T00:00:00.000Z"]),
    },
)
questions = st.fixed_dictionaries(
    {"count": st.just(True)},
    optional={
        "group": st.lists(st.sampled_from(["author", "public"]), unique=True, max_size=2),
        "sum": st.lists(st.sampled_from(["views", "price"]), unique=True),
        "avg": st.lists(st.sampled_from(["views", "price"]), unique=True),
        "min": st.lists(st.sampled_from(["day", "views"]), unique=True),
        "max": st.lists(st.sampled_from(["day", "views"]), unique=True),
        "filter": st.sampled_from(
            [
                "author == 'ann'",
                "views > 2",
                "views > 2 && author != 'bob'",
                "public && author == 'bob'",
                "public == false || author == null",
                "!has(author)",
                "size(author) > 2",
                "at == timestamp('2026-01-31T09:30:00Z')",
                "at > timestamp('2000-01-01T00:00:00Z')",
                "author in ['ann', '']",
                "author == null",
                "author == auth.id",
            ]
        ),
        "sort": st.sampled_from([["-count"], "count"]),
    },
)
RULES = ["true", "public", "public || author == auth.id", "author == auth.id", "views > 2"]


@settings(deadline=None)
@given(
    st.lists(values, max_size=12),
    st.lists(questions, min_size=1, max_size=4),
    st.sampled_from(RULES),
    st.sampled_from([SYSTEM, ANN]),
)
def test_what_is_kept_and_what_is_counted_are_the_same(
    rows: list[Mapping[str, Any]], asked: list[dict[str, Any]], rule: str, who: Principal
) -> None:
    house = House(rule)
    for row in rows:
        house.add(**row)
    for body in asked:
        found, counted = house.ask(who, **body), house.computed(who, **body)
        assert found["items"] == counted["items"]
        assert counted["source"] == "computed"


@pytest.mark.parametrize(
    ("rule", "body", "aggregate"),
    [
        ("true", {"group": ["author"], "count": True}, "by_author"),
        ("true", {"count": True}, "by_author"),
        ("true", {"group": ["author"], "avg": ["views"], "max": ["day"]}, "by_author"),
        ("true", {"count": True, "filter": "author == 'bob'"}, "by_author"),
        ("true", {"group": ["author"], "count": True, "filter": "views > 2"}, "popular"),
        ("true", {"count": True, "filter": "2 < views"}, None),
        ("true", {"group": ["author"], "sum": ["views"], "filter": "views > 2"}, None),
        ("true", {"group": ["author", "day"], "count": True}, None),
        ("author == auth.id", {"count": True}, "by_author"),
        ("author == auth.id", {"group": ["public"], "count": True}, "by_public"),
        ("public || author == auth.id", {"group": ["author"], "count": True}, "by_public"),
        ("public || author == auth.id", {"sum": ["views"]}, None),
        (
            "public || author == auth.id",
            {"sum": ["views"], "filter": "author == 'ann'"},
            "by_author",
        ),
        ("public || author == auth.id", {"sum": ["views"], "filter": "author == 'bob'"}, None),
        ("views > 2", {"group": ["author"], "count": True}, "popular"),
        ("views > 3", {"group": ["author"], "count": True}, None),
    ],
)
def test_a_declared_aggregate_answers_where_it_shows_nothing_hidden(
    rule: str, body: dict[str, Any], aggregate: str | None
) -> None:
    house = House(rule)
    for number in range(6):
        house.add(author=["ann", "bob"][number % 2], public=number < 2, views=number, price=1)
    found = house.ask(ANN, **body)
    assert found["aggregate"] == aggregate
    assert found["source"] == ("declared" if aggregate else "computed")
    assert found["items"] == house.computed(ANN, **body)["items"]


def test_groups_are_sorted_and_cut() -> None:
    house = House()
    for number in range(6):
        house.add(author="abc"[number // 3], views=number)
    found = house.ask(group=["author"], sum=["views"], sort=["-sum.views"], limit=1)
    assert found["items"] == [{"group": {"author": "b"}, "sum": {"views": 12}}]
    assert found["more"] is True
    whole = house.ask(group=["author"], max=["views"], sort="-max.views,author")
    assert [one["group"]["author"] for one in whole["items"]] == ["b", "a"]
    assert whole["more"] is False


def test_nothing_is_one_group_where_none_is_asked_for() -> None:
    found = House().ask(count=True, sum=["views"], avg=["views"], max=["views"])
    nothing = {"group": {}, "count": 0, "sum": {"views": 0}}
    assert found["items"] == [nothing | {"avg": {"views": None}, "max": {"views": None}}]
    assert House().ask(group=["author"], count=True)["items"] == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "count: must be true"),
        ({"count": False}, "count: must be true"),
        ({"count": 1}, "count: takes true or false"),
        ({"groups": ["author"], "count": True}, "groups: is not known"),
        ({"group": "author", "count": True}, "group: takes a list"),
        ({"group": ["nope"], "count": True}, "group: has no field 'nope'"),
        ({"group": ["salary"], "count": True}, "group: has no field 'salary'"),
        ({"group": ["note"], "count": True}, "group: has no field 'note'"),
        ({"sum": ["salary"]}, "sum: has no field 'salary'"),
        ({"group": ["tags"], "count": True}, "cannot use tags"),
        ({"group": [1], "count": True}, "group: takes up to 4"),
        ({"group": ["author", "author"], "count": True}, "twice"),
        ({"group": list("abcde"), "count": True}, "up to 4"),
        ({"sum": ["author"]}, "must be of numbers"),
        ({"min": ["author"]}, "must be of numbers or times"),
        ({"count": True, "limit": 0}, "limit: takes"),
        ({"count": True, "limit": True}, "limit: takes"),
        ({"count": True, "limit": 1001}, "limit: takes"),
        ({"count": True, "sort": ["views"]}, "sort: takes count"),
        ({"count": True, "sort": [{}]}, "sort: takes count"),
        ({"count": True, "sort": 5}, "sort: takes"),
        ({"count": True, "filter": 5}, "filter: takes an expression"),
        ({"count": True, "explain": "yes"}, "explain: takes true or false"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(body: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as raised:
        House().ask(ANN, **body)
    assert raised.value.code == "invalid_aggregate"
    assert words in raised.value.detail


@pytest.mark.parametrize("text", ["salary > 1", "nope == 1", "views >", "note == 1"])
def test_a_filter_reads_what_its_caller_may_read(text: str) -> None:
    with pytest.raises(BadRequest) as raised:
        House().ask(ANN, count=True, filter=text)
    assert raised.value.code == "invalid_filter"


def test_who_may_read_nothing_gets_nothing() -> None:
    with pytest.raises(NotFound):
        House(None).ask(ANN, count=True)
    with pytest.raises(CoveyError):
        House("auth != null").ask(GUEST, count=True)


def test_over_the_budget_the_lines_to_declare_are_answered() -> None:
    house = House("public || author == auth.id", budget=5)
    for number in range(8):
        house.add(author="ann", views=number, price=number)
    with pytest.raises(BadRequest) as raised:
        house.ask(ANN, group=["author"], count=True, sum=["price"], filter="views > 4")
    assert raised.value.code == "aggregate_required"
    assert (
        "aggregates: {by_author_public_views: {group: [author, public, views], count: true, "
        "sum: [price]}}" in raised.value.detail
    )


def test_more_groups_than_may_be_read_are_not_answered_in_part() -> None:
    house = House(budget=5)
    for number in range(8):
        house.add(author=f"a{number}")
    with pytest.raises(BadRequest) as raised:
        house.ask(group=["author"], count=True)
    assert raised.value.code == "aggregate_required"
    only = house.ask(group=["author"], count=True, filter="author == 'a3'")
    assert only["items"] == [{"group": {"author": "a3"}, "count": 1}]


@pytest.mark.parametrize("source", ["ask", "computed"])
def test_a_sum_beyond_the_digits_of_a_number_is_a_problem(source: str) -> None:
    house = House()
    house.add(author="ann", price=Decimal("9E125"))
    house.add(author="ann", price=Decimal("1E-120"))
    house.add(author="bob", price=1)
    with pytest.raises(Invalid) as raised:
        getattr(house, source)(group=["author"], sum=["price"])
    assert raised.value.code == "total_out_of_range"
    fine = getattr(house, source)(sum=["price"], filter="author == 'bob'")
    assert fine["items"] == [{"group": {}, "sum": {"price": 1}}]


def test_what_is_being_built_is_not_read() -> None:
    house = House()
    house.add(author="ann")
    collection = house.collection
    builds = {
        f"aggregate {one.number}": Build(State.BUILDING, "j")
        for one in collection.aggregates.values()
    }
    house.catalog.save(replace(collection, builds=builds, version=collection.version + 1))
    found = house.ask(group=["author"], count=True, explain=True)
    assert {"aggregate": "by_author", "reason": "it is building"} in found["rejected"]
    assert house.ask(group=["author"], count=True)["source"] == "computed"


def test_an_explanation_names_nothing_hidden() -> None:
    house = House()
    told = house.ask(ANN, group=["author"], count=True, explain=True)
    assert (told["source"], told["aggregate"]) == ("declared", "by_author")
    assert "paid" not in {one["aggregate"] for one in told["rejected"]}
    assert "paid" in {
        one["aggregate"] for one in house.ask(count=True, explain=True)["rejected"]
    } or (house.ask(count=True, explain=True)["aggregate"] is not None)
    with pytest.raises(Forbidden):
        House("salary > 1").ask(ANN, count=True, explain=True)
