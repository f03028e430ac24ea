from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from covey.collections import Catalog, load
from covey.collections.catalog import Everything
from covey.collections.model import Collection
from covey.errors import Conflict, NotFound
from covey.testing.catalog import MemoryCatalogStore

POSTS = load({"name": "posts", "fields": {"title": {"type": "text"}}})


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(MemoryCatalogStore):
    loads = 0

    def load(self) -> tuple[int, list[Collection]]:
        self.loads += 1
        return super().load()


def test_users_exist_in_an_empty_catalog() -> None:
    catalog = Catalog(MemoryCatalogStore())
    assert [collection.name for collection in catalog.all()] == ["users"]
    assert catalog.get("users").unique == (("email",),)


def test_what_is_saved_is_found_by_name() -> None:
    store = MemoryCatalogStore()
    Catalog(store).save(POSTS)
    catalog = Catalog(store)
    assert catalog.get("posts") == POSTS
    assert [collection.name for collection in catalog.all()] == ["posts", "users"]


def test_an_unknown_collection_is_not_found() -> None:
    with pytest.raises(NotFound) as error:
        Catalog(MemoryCatalogStore()).get("nothing")
    assert error.value.detail == "No such collection."


def test_the_store_is_asked_again_after_the_time_to_live() -> None:
    store, clock = Counting([POSTS]), Clock()
    catalog = Catalog(store, ttl=10, clock=clock)
    for clock.now in (0.0, 5.0, 9.9):
        catalog.get("posts")
    assert store.loads == 1
    clock.now = 10.0
    catalog.get("posts")
    assert store.loads == 2


def test_unknown_names_do_not_become_reads() -> None:
    store, clock = Counting(), Clock()
    catalog = Catalog(store, ttl=10, clock=clock)
    for clock.now in (0.0, 0.5, 0.9):
        with pytest.raises(NotFound):
            catalog.get("posts")
    assert store.loads == 1
    store.save(POSTS, 0)
    clock.now = 1.0
    assert catalog.get("posts") == POSTS


def test_a_refresh_sees_what_another_process_saved() -> None:
    store = MemoryCatalogStore()
    catalog = Catalog(store, clock=Clock())
    catalog.all()
    store.save(POSTS, 0)
    catalog.refresh()
    assert len(catalog.all()) == 2


def test_the_slower_of_two_writers_is_told() -> None:
    store = MemoryCatalogStore()
    one, two = Catalog(store, clock=Clock()), Catalog(store, clock=Clock())
    one.all()
    two.save(POSTS)
    with pytest.raises(Conflict) as error:
        one.save(load({"name": "notes"}))
    assert error.value.code == "catalog_changed"
    one.save(load({"name": "notes"}))  # read anew by now
    assert {collection.name for collection in two.all()} == {"posts", "users"}


def test_a_catalog_is_shared_by_threads() -> None:
    store = Counting([POSTS])
    catalog = Catalog(store, ttl=60)
    found: list[Collection] = []
    threads = [
        threading.Thread(target=lambda: found.append(catalog.get("posts"))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [POSTS] * 16
    assert store.loads == 1


def test_only_the_next_version_replaces_what_is_stored() -> None:
    catalog = Catalog(MemoryCatalogStore([POSTS]))
    document = {"name": "posts", "fields": {"body": {"type": "text"}}}
    with pytest.raises(Conflict):
        catalog.save(load(document))
    catalog.save(load(document, previous=POSTS))
    assert catalog.get("posts").fields["body"].key == "1"
    catalog.save(catalog.get("posts"))


def test_users_are_saved_over_the_built_in_ones() -> None:
    catalog = Catalog(MemoryCatalogStore())
    catalog.save(load({"name": "users", "fields": {"nick": {"type": "text"}}}))
    assert "nick" in catalog.get("users").fields


def test_who_hears_of_records_finds_a_collection_that_was_just_added() -> None:
    store = MemoryCatalogStore()
    clock = Clock()
    catalog = Catalog(store, clock=clock)
    with pytest.raises(NotFound):
        catalog.get("posts")
    Catalog(store).save(POSTS)
    with pytest.raises(NotFound):
        catalog.get("posts")
    assert Everything(catalog).get("posts") == POSTS
    with pytest.raises(NotFound):
        Everything(catalog).get("gone")
