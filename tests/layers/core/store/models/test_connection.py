"""Connections and subscriptions as the table and the twin keep them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from covey.identity.principal import Kind
from covey.realtime.model import Connection, Identity, Subscription
from covey.realtime.ports import ConnectionStore
from covey.store.models.connection import DynamoConnectionStore
from covey.testing.realtime import MemoryConnectionStore

KINDS: dict[str, Callable[[], ConnectionStore]] = {
    "table": DynamoConnectionStore,
    "memory": MemoryConnectionStore,
}
SOON = int(time.time()) + 3600
ANN = Identity(Kind.USER, "ann", ("editor",), "s1", SOON)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> ConnectionStore:
    if request.param == "table":
        request.getfixturevalue("table")
    return KINDS[request.param]()


def subscription(connection: str, name: str, collection: str = "posts") -> Subscription:
    return Subscription(connection, name, collection, "published", Identity(), SOON)


def names(store: ConnectionStore, collection: str = "posts") -> set[tuple[str, str]]:
    return {(one.connection, one.id) for one in store.subscribers(collection)}


def test_subscribers_are_found_by_collection(store: ConnectionStore) -> None:
    for connection in ("a", "b"):
        store.open(Connection(connection, Identity(), SOON))
    assert store.subscribe(subscription("a", "1"), 10)
    assert store.subscribe(subscription("b", "1"), 10)
    assert store.subscribe(subscription("b", "2", "notes"), 10)
    assert names(store) == {("a", "1"), ("b", "1")}
    assert list(store.subscribers("notes")) == [subscription("b", "2", "notes")]


def test_only_an_open_connection_subscribes_and_only_up_to_the_limit(
    store: ConnectionStore,
) -> None:
    assert not store.subscribe(subscription("gone", "1"), 10)
    store.open(Connection("a", Identity(), SOON))
    taken = [store.subscribe(subscription("a", str(number)), 2) for number in range(4)]
    assert taken == [True, True, False, False]
    assert store.subscribe(subscription("a", "1"), 2)
    assert names(store) == {("a", "0"), ("a", "1")}


def test_unsubscribing_and_closing_leave_nothing(store: ConnectionStore) -> None:
    store.open(Connection("a", Identity(), SOON))
    store.subscribe(subscription("a", "1"), 10)
    store.subscribe(subscription("a", "2"), 10)
    assert store.unsubscribe("a", "1")
    assert not store.unsubscribe("a", "1")
    assert names(store) == {("a", "2")}
    store.close("a")
    store.close("a")
    assert store.get("a") is None
    assert names(store) == set()


def test_a_connection_that_signs_in_takes_its_subscriptions_along(store: ConnectionStore) -> None:
    store.open(Connection("a", Identity(), SOON))
    store.subscribe(subscription("a", "1"), 10)
    assert store.identify("a", ANN)
    assert not store.identify("gone", ANN)
    found = store.get("a")
    assert found is not None
    assert found.identity == ANN
    assert [one.identity for one in store.subscribers("posts")] == [ANN]
