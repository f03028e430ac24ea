"""Declared channels as the table and the twin keep them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.channels.document import load
from covey.channels.ports import ChannelStore
from covey.errors import Conflict
from covey.store.models.channel import DynamoChannelStore
from covey.testing.channels import MemoryChannelStore

KINDS: dict[str, Callable[[], ChannelStore]] = {
    "table": DynamoChannelStore,
    "memory": MemoryChannelStore,
}
ROOMS = load({"name": "rooms/{room}", "rules": {"subscribe": "auth != null"}})


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> ChannelStore:
    if request.param == "table":
        request.getfixturevalue("table")
    return KINDS[request.param]()


def test_channels_are_kept_as_they_were(store: ChannelStore) -> None:
    large = {"name": "halls", "description": "x" * 2_000, "message": {"max": 5}}
    for one in (ROOMS, load(large)):
        store.save(one)
    assert {one.name: one for one in store.load()} == {"rooms": ROOMS, "halls": load(large)}


def test_of_two_writers_one_is_told(store: ChannelStore) -> None:
    store.save(ROOMS)
    for late in (ROOMS, replace(ROOMS, version=3)):
        with pytest.raises(Conflict):
            store.save(late)
    store.save(replace(ROOMS, version=2))
    with pytest.raises(Conflict):
        store.remove(ROOMS)
    store.remove(replace(ROOMS, version=2))
    assert list(store.load()) == []
    with pytest.raises(Conflict):
        store.remove(ROOMS)
