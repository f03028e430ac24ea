from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.collections import Catalog
from covey.collections.changes import diff
from covey.collections.document import dump, load, restore, state
from covey.collections.model import Epoch
from covey.collections.sharding import LEAD_MS
from covey.errors import Invalid, Unavailable
from covey.records.time import now_ms
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.records import MemoryRecordStore
from tests.layers.core.store.samples import new

POSTS: dict[str, Any] = {"name": "posts", "fields": {"title": {"type": "text"}}}


def test_a_new_collection_has_its_shards_from_the_beginning() -> None:
    assert load({**POSTS, "shards": 4}).schedule == (Epoch(0, 4),)
    assert load(POSTS).schedule == (Epoch(0, 1),)


def test_a_change_comes_after_those_before_it_with_notice() -> None:
    before = load(POSTS)
    started = now_ms()
    after = load({**POSTS, "shards": 4}, previous=before)
    assert after.schedule[:-1] == before.schedule
    assert after.schedule[-1].shards == 4
    assert started + LEAD_MS <= after.schedule[-1].from_ms <= now_ms() + LEAD_MS
    assert after.version == before.version + 1
    back = load({**POSTS, "shards": 1}, previous=after)
    assert [epoch.shards for epoch in back.schedule] == [1, 4, 1]
    assert back.schedule[2].from_ms > after.schedule[1].from_ms


def test_the_same_document_again_changes_nothing() -> None:
    once = load({**POSTS, "shards": 4}, previous=load(POSTS))
    assert load({**POSTS, "shards": 4}, previous=once) == once
    assert load(POSTS, previous=once) == once  # left out: as they are
    assert load(dump(once), previous=once) == once
    assert restore(state(once)) == once
    assert dump(once)["shards"] == 4
    assert "shards" not in dump(load(POSTS))


def test_the_difference_says_when_and_how_many() -> None:
    before = load(POSTS)
    [change] = diff(before, load({**POSTS, "shards": 4}, previous=before))
    assert str(change).startswith("spread new records of posts over 4 shards, not 1, from 2")
    assert not change.destructive
    assert not change.needs_backfill


@pytest.mark.parametrize("shards", [0, -1, 1.5, "4", True, 10_000, [], {}])
def test_a_number_of_shards_that_is_none_is_refused(shards: Any) -> None:
    with pytest.raises(Invalid) as refused:
        load({**POSTS, "shards": shards})
    assert [fault.field for fault in refused.value.errors] == ["shards"]


def test_a_schedule_that_changed_too_often_is_refused() -> None:
    often = replace(load(POSTS), schedule=tuple(Epoch(n, 1 + n % 2) for n in range(100)))
    assert load({**POSTS, "shards": 2}, previous=often) == often
    with pytest.raises(Invalid):
        load({**POSTS, "shards": 3}, previous=often)


def test_a_writer_whose_catalog_is_older_than_the_notice_refuses() -> None:
    clock = [1_000_000]
    store = MemoryCatalogStore([load(POSTS)])
    catalog = Catalog(store, ttl=10.0, clock=lambda: 0.0, now_ms=lambda: clock[0])
    posts, records = catalog.get("posts"), MemoryRecordStore()
    assert posts.known_until == clock[0] + LEAD_MS
    custom = replace(posts, ids="custom")
    for created, kept in ((clock[0] + LEAD_MS, True), (clock[0] + LEAD_MS + 1, False)):
        record = new(records, custom, f"r{created}", created=created)
        if kept:
            records.create(custom, record)
            continue
        with pytest.raises(Unavailable):
            records.create(custom, record)
    clock[0] += LEAD_MS
    catalog.refresh()
    assert catalog.get("posts").known_until == clock[0] + LEAD_MS
