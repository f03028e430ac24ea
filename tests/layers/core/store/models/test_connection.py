"""Connections and subscriptions as the table and the twin keep them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.config import settings
from covey.identity.principal import Kind
from covey.insight import meter
from covey.realtime.model import (
    CONNECTION_SECONDS,
    KEPT_SECONDS,
    MAX_FIELDS,
    Connection,
    Identity,
    Subscription,
)
from covey.realtime.ports import ConnectionStore
from covey.store.models.connection import DynamoConnectionStore
from covey.store.transport import transport
from covey.testing.realtime import MemoryConnectionStore

KINDS: dict[str, Callable[[], ConnectionStore]] = {
    "table": DynamoConnectionStore,
    "memory": MemoryConnectionStore,
}
SOON = int(time.time()) + 3600
ANN = Identity(Kind.USER, "ann", ("editor",), "s1", SOON)
TOPICS = frozenset(("a=1", "b=2"))


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> ConnectionStore:
    if request.param == "table":
        request.getfixturevalue("table")
    return KINDS[request.param]()


def subscription(
    connection: str, name: str, collection: str = "posts", topics: frozenset[str] = TOPICS
) -> Subscription:
    return Subscription(connection, name, collection, "published", ANN, SOON, "", topics)


def names(store: ConnectionStore, *topics: str, collection: str = "posts") -> list[tuple[str, str]]:
    found = store.subscribers(collection, topics or TOPICS)
    return sorted((one.connection, one.id) for one in found)


def test_subscribers_are_found_by_collection_and_topic_and_each_once(
    store: ConnectionStore,
) -> None:
    for connection in ("a", "b"):
        store.open(Connection(connection, Identity(), SOON))
    assert store.subscribe(subscription("a", "1"), 10)
    assert store.subscribe(subscription("b", "1", topics=frozenset(("b=2",))), 10)
    assert store.subscribe(subscription("b", "2", "notes"), 10)
    assert names(store) == [("a", "1"), ("b", "1")]
    assert names(store, "a=1") == [("a", "1")]
    assert names(store, "a=1", "nobody") == [("a", "1")]
    assert names(store, "nobody") == []
    assert list(store.subscribers("notes", ["a=1"])) == [subscription("b", "2", "notes")]


def test_what_is_subscribed_anew_under_an_id_takes_the_place_of_the_old(
    store: ConnectionStore,
) -> None:
    store.open(Connection("a", Identity(), SOON))
    odd = replace(subscription("a", "my/id. 1#"), record="p 1", filter="")
    store.subscribe(odd, 1)
    assert list(store.subscribers("posts", ["a=1"])) == [odd]
    moved = replace(odd, topics=frozenset(("b=2", "c=3")))
    assert store.subscribe(moved, 1)
    assert names(store, "a=1") == []
    assert list(store.subscribers("posts", ["b=2", "c=3"])) == [moved]
    assert store.subscribe(replace(moved, collection="notes"), 1)
    assert names(store, "b=2", "c=3") == []
    assert names(store, "b=2", collection="notes") == [("a", "my/id. 1#")]
    assert [one.collection for one in store.subscriptions("a")] == ["notes"]


def test_only_an_open_connection_subscribes_and_only_up_to_the_limit(
    store: ConnectionStore,
) -> None:
    assert not store.subscribe(subscription("gone", "1"), 10)
    store.open(Connection("a", Identity(), SOON))
    taken = [store.subscribe(subscription("a", str(number)), 2) for number in range(4)]
    assert taken == [True, True, False, False]
    assert store.subscribe(subscription("a", "1"), 2)
    assert names(store) == [("a", "0"), ("a", "1")]


def test_unsubscribing_and_closing_leave_nothing(store: ConnectionStore) -> None:
    store.open(Connection("a", Identity(), SOON))
    store.subscribe(subscription("a", "1"), 10)
    store.subscribe(subscription("a", "2"), 10)
    assert store.unsubscribe("a", "1")
    assert not store.unsubscribe("a", "1")
    assert not store.unsubscribe("gone", "1")
    assert names(store) == [("a", "2")]
    found = store.get("a")
    assert found is not None
    assert found.subscriptions == {"posts/2"}
    store.close("a")
    store.close("a")
    assert store.get("a") is None
    assert names(store) == []


def test_a_connection_speaks_for_somebody_else(store: ConnectionStore) -> None:
    store.open(Connection("a", Identity(), SOON))
    store.subscribe(subscription("a", "1"), 10)
    assert store.identify("a", ANN)
    assert not store.identify("gone", ANN)
    found = store.get("a")
    assert found is not None
    assert found.identity == ANN
    assert list(store.subscriptions("a")) == [subscription("a", "1")]
    assert list(store.subscriptions("gone")) == []


def test_a_collection_is_listened_to_until_the_last_may_have_come_back(
    store: ConnectionStore,
) -> None:
    now = time.time()
    assert store.listened(["posts"], now) == {}
    first = store.admit("posts", {"a"}, now)
    assert first.fields == {"a"}
    assert first.since == int(now * 1000)
    later = store.admit("posts", {"b"}, now + 600)
    assert (later.fields, later.since) == ({"a", "b"}, first.since)
    assert store.listened(["posts", "notes"], now + 600) == {"posts": later}
    end = now + 600 + CONNECTION_SECONDS + KEPT_SECONDS
    assert "posts" in store.listened(["posts"], end - 10)
    assert store.listened(["posts"], end + 3600) == {}
    again = store.admit("posts", (), end + 3600)
    assert again.since == int((end + 3600) * 1000)


def test_the_fields_that_a_change_is_asked_about_are_few(store: ConnectionStore) -> None:
    now = time.time()
    fields = [f"f{number:02}" for number in range(MAX_FIELDS)]
    assert store.admit("posts", fields, now).fields == set(fields)
    assert "more" not in store.admit("posts", {"more", "f00"}, now).fields
    assert "f00" in store.admit("posts", {"more", "f00"}, now).fields


def test_what_changed_is_seen_by_a_process_that_knew_the_subscribers(table: str) -> None:
    one, other = DynamoConnectionStore(), DynamoConnectionStore()
    one.open(Connection("a", Identity(), SOON))
    assert names(other) == []
    one.subscribe(subscription("a", "1"), 10)
    assert names(other) == [("a", "1")]
    one.subscribe(replace(subscription("a", "1"), filter="new"), 10)
    assert [found.filter for found in other.subscribers("posts", ["a=1"])] == ["new"]
    one.unsubscribe("a", "1")
    assert names(other) == []


def test_a_known_topic_costs_one_unit_whatever_the_number_of_its_subscribers(table: str) -> None:
    store = DynamoConnectionStore(transport(), settings().table_name)
    for number in range(40):
        store.open(Connection(f"c{number}", Identity(), SOON))
        store.subscribe(subscription(f"c{number}", "1"), 10)
    assert len(store.subscribers("posts", ["a=1"])) == 40
    before = meter.read().rru
    assert len(store.subscribers("posts", ["a=1"])) == 40
    assert meter.read().rru - before == 1
    before = meter.read().rru
    store.subscribers("posts", [f"none={number}" for number in range(150)])
    assert meter.read().rru - before <= 150
