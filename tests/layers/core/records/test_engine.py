"""The service over the real store and the data engine: what the twin cannot prove."""

from __future__ import annotations

import threading

import pytest

from covey.collections import Catalog, load
from covey.errors import Conflict
from covey.records.conditions import Conditions
from covey.records.service import Records
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore
from tests.layers.core.records.test_service import AIRPORTS, ANNA, BEN, POSTS, USERS
from tests.layers.core.records.world import ADMIN, refused


@pytest.fixture
def records(table: str) -> Records:
    documents = (USERS, POSTS, AIRPORTS)
    catalog = Catalog(MemoryCatalogStore([load(document) for document in documents]))
    return Records(DynamoRecordStore(transport(), table), catalog)


def test_no_increment_of_concurrent_writers_is_lost(records: Records) -> None:
    post = records.create(ANNA, "posts", {"title": "Hello"}).id
    refusals: list[Conflict] = []

    def count() -> None:
        for _ in range(10):
            try:
                records.update(
                    ADMIN, "posts", post, {"views": {"$inc": 1}, "tags": {"$append": ["x"]}}
                )
            except Conflict as conflict:
                refusals.append(conflict)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = 80 - len(refusals)
    document = records.get(ADMIN, "posts", post).document
    assert (document["views"], len(document["tags"]), document["version"]) == (done, done, done + 1)
    assert len(refusals) < 8


def test_only_one_of_many_creators_wins(records: Records) -> None:
    made, lost = [], []

    def put(number: int) -> None:
        only_new = Conditions.parse(None, "*")
        try:
            records.replace(ANNA, "airports", "JFK", {"name": f"{number}"}, conditions=only_new)
            made.append(number)
        except Exception as refusal:  # noqa: BLE001 - looked at below
            lost.append(refusal)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert {getattr(refusal, "status", refusal) for refusal in lost} == {412}
    assert records.get(ANNA, "airports", "JFK").document["name"] == str(made[0])


def test_pages_follow_the_rule_and_the_index(records: Records) -> None:
    for number in range(7):
        who = ANNA if number % 2 else BEN
        records.create(who, "posts", {"title": f"t{number}", "published": number > 3})
    seen: list[str] = []
    parameters = {"limit": "2"}
    while True:
        page = records.list(ANNA, "posts", parameters)
        seen += [item["title"] for item in page.items]
        if page.next is None:
            break
        parameters = {"limit": "2", "cursor": page.next}
    assert seen == ["t6", "t5", "t4", "t3", "t1"]
    public = records.list(BEN, "posts", {"filter": "published == true", "sort": "-created"})
    assert [item["title"] for item in public.items] == ["t6", "t5", "t4"]
    assert refused(lambda: records.create(ANNA, "posts", {"title": "t1"}))[:2] == (
        409,
        "unique_violation",
    )
