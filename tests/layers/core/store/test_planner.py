from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.collections.model import Build, Collection, State
from covey.errors import IndexRequired
from covey.insight import meter
from covey.records.ports import RecordStore
from covey.store.parallel import together
from covey.store.planner import plan_of
from covey.testing.records import MemoryRecordStore
from tests.layers.core.store.samples import accepting, collection, listed, made, query

NEWEST = ("author, -created", "published, -created", "author, title, -created")
EITHER = 'published || author == "ann"'


def sources(of: Collection, where: str, sort: str = "", **more: Any) -> list[str]:
    return [plan.source for plan in plan_of(of, query(of, where, sort, **more)).plans]


@pytest.mark.parametrize(
    ("where", "sort", "expected"),
    [
        (EITHER, "", ["index [published, -created]", "index [author, -created]"]),
        (EITHER, "created", ["index [published, -created]", "index [author, -created]"]),
        ('author in ["ann", "bob"]', "", ["index [author, -created]"] * 2),
        ('author in ["ann"]', "", ["index [author, -created]"]),
        (
            'author == "ann" && title in ["a", "b"]',
            "",
            ["index [author, title, -created]"] * 2,
        ),
        (
            'author == "ann" && (title == "a" || published)',
            "",
            ["index [author, -created]"],  # its first alternative is no better bounded
        ),
        ('author in ["ann", "bob"] && author == "bob"', "", ["index [author, -created]"]),
        ('author == "ann" || views > 1', "", ["creation order"]),
        ("published || !published", "", ["index [published, -created]"] * 2),
    ],
)
def test_alternatives_are_read_from_their_own_indexes(
    where: str, sort: str, expected: list[str]
) -> None:
    assert sources(collection(*NEWEST), where, sort) == expected


def test_more_alternatives_than_are_merged_are_left_to_the_evaluator() -> None:
    posts = collection(*NEWEST)
    names = [f'"a{number}"' for number in range(31)]
    assert len(sources(posts, f"author in [{', '.join(names[:30])}]")) == 30
    asked = query(posts, f"author in [{', '.join(names)}]")
    plan = MemoryRecordStore().explain(posts, asked)
    assert plan["source"] == "creation order"
    assert {"source": "merge", "reason": "there are too many alternatives"} in plan["rejected"]


def test_alternatives_and_shards_together_begin_a_bounded_number_of_queries() -> None:
    posts = collection(*NEWEST, schedule=((0, 40),))
    assert len(sources(posts, 'author in ["a", "b", "c"]')) == 3
    asked = query(posts, 'author in ["a", "b", "c", "d"]')
    plan = MemoryRecordStore().explain(posts, asked)
    assert plan["source"] == "creation order"
    reason = {"source": "merge of 4", "reason": "it begins with too many queries"}
    assert reason in plan["rejected"]


def test_an_index_that_is_being_built_serves_no_alternative() -> None:
    posts = collection(*NEWEST)
    building = replace(posts, builds={"index 2": Build(State.BUILDING, "job")})
    assert sources(building, EITHER) == ["creation order"]
    suggested = MemoryRecordStore().explain(building, query(building, EITHER))["suggestion"]
    assert suggested == "Index [published, -created]: it is being built."


def test_a_refused_list_of_alternatives_names_a_line_for_each() -> None:
    store, posts = MemoryRecordStore(), collection()
    for number in range(9):
        made(store, posts, views=number)
    asked = query(posts, 'author in ["ann", "bob"] || published', budget=5, limit=5)
    with pytest.raises(IndexRequired) as refused:
        store.list(posts, asked, accepting(posts, asked))
    assert "\n  - [author, -created]\n  - [published, -created]" in refused.value.detail


def test_a_suggestion_names_no_alternative_of_the_rule() -> None:
    posts = collection()
    asked = replace(query(posts, f'({EITHER}) && title.contains("x")'), filter_text="views > 1")
    suggested = MemoryRecordStore().explain(posts, asked)["suggestion"]
    assert "author" not in suggested
    assert "published" not in suggested


def test_several_ids_are_one_batch_in_any_sort(store: RecordStore) -> None:
    posts = collection()
    records = [made(store, posts, views=number % 3, title=f"t{number}") for number in range(6)]
    named = ", ".join(f'"{record.id}"' for record in records[1:5])
    asked = query(posts, f"id in [{named}] && views > 0", "-views, title", limit=30)
    found = listed(store, posts, asked)
    assert [record.values["title"] for record in found] == ["t2", "t1", "t4"]
    # Where a page does not hold them all, a cursor wants an order that an index gives.
    asked = query(posts, f"id in [{named}]", limit=3)
    assert listed(store, posts, asked) == records[4:0:-1]


def test_explain_tells_the_branches_of_a_merge() -> None:
    posts = collection(*NEWEST, schedule=((0, 2),))
    told = MemoryRecordStore().explain(posts, query(posts, f'({EITHER}) && title.contains("x")'))
    assert told == {
        "source": "merge of 2",
        "order": "merged",
        "equality": ["published", "author"],
        "range": None,
        "covering": True,
        "bounded": True,
        "residual": ['title.contains("x")'],
        "shards": 2,
        "estimated_read_units": 8.0,
        "maximal_read_units": 250.0,
        "rejected": told["rejected"],
        "suggestion": None,
        "branches": [
            {
                "filter": 'published && title.contains("x")',
                "source": "index [published, -created]",
                "order": "forward",
                "equality": ["published"],
                "range": None,
                "covering": True,
                "bounded": True,
                "residual": ['title.contains("x")'],
            },
            {
                "filter": 'author == "ann" && title.contains("x")',
                "source": "index [author, -created]",
                "order": "forward",
                "equality": ["author"],
                "range": None,
                "covering": True,
                "bounded": True,
                "residual": ['title.contains("x")'],
            },
        ],
    }
    assert {"source": "creation order", "reason": "another reads less"} in told["rejected"]


def test_the_meter_counts_what_is_read_side_by_side() -> None:
    def read(units: float) -> float:
        meter.add(rru=units, db_ms=units * 10)
        return units

    spent = meter.reset()
    assert together([lambda n=n: read(n) for n in (1.0, 2.0, 0.5)]) == [1.0, 2.0, 0.5]
    assert (spent.rru, spent.calls, spent.db_ms) == (3.5, 3, 20.0)


def test_what_fails_beside_others_is_raised_when_all_have_ended() -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        together([fail, lambda: done.append(1), lambda: done.append(2)])
    assert sorted(done) == [1, 2]


def test_a_plan_is_made_once_for_what_is_asked_alike() -> None:
    posts = collection(*NEWEST)
    first, second = (query(posts, 'author == "ann"', "-created") for _ in range(2))
    assert plan_of(posts, first) is plan_of(posts, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"where": "views == 1"}, {"where": "views == 1.5"}),
        ({"where": 'author == "true"'}, {"where": "author == null"}),
        ({"where": "published"}, {"where": "!published"}),
        ({"where": 'author == "ann"'}, {"where": 'author == "ann"', "sort": "created"}),
        ({"where": 'author == "ann"'}, {"where": 'author == "bob"'}),
    ],
)
def test_what_is_asked_otherwise_has_a_plan_of_its_own(
    one: dict[str, str], other: dict[str, str]
) -> None:
    posts = collection(*NEWEST, "views")
    left, right = (
        plan_of(posts, query(posts, asked["where"], asked.get("sort", ""))).plan
        for asked in (one, other)
    )
    assert left != right


def test_another_version_of_a_collection_is_planned_anew() -> None:
    posts = collection(*NEWEST)
    asked = query(posts, 'author == "ann"')
    assert plan_of(posts, asked).plan.index is not None
    built = replace(posts, builds={"index 1": Build(State.BUILDING, "job")})
    assert plan_of(built, asked).plan.collection is built
