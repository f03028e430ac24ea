"""Changes into deliveries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey import json
from covey.collections.model import Collection, Field
from covey.expressions import parse
from covey.outbound.addresses import Reach
from covey.outbound.client import Client
from covey.records.model import Change, ChangeKind, Record
from covey.testing.simulated import START, Deployment, written
from covey.testing.webhooks import (
    MemoryDeliveryStore,
    MemoryEndpointStore,
    MemoryTurns,
    ScriptedOutbound,
)
from covey.webhooks.making import MAX_PAYLOAD, payload

FIELDS = {
    "title": Field("title", "text", "1"),
    "status": Field("status", "text", "2"),
    "margin": Field("margin", "integer", "3", read=parse("false")),
}
POSTS = Collection("posts", FIELDS)


def post(**values: Any) -> Record:
    return Record("p1", START, START, 1, values)


def updated(before: Record, after: Record) -> Change:
    return Change("posts", "p1", 2, ChangeKind.UPDATED, before, after, "7", START)


def world(outbound: Any = None) -> Deployment:
    kept = MemoryDeliveryStore()
    return Deployment(MemoryEndpointStore(), kept, MemoryTurns(), outbound or ScriptedOutbound())


def made(deployment: Deployment, endpoint: str = "a") -> list[str]:
    return [one.record for one in deployment.deliveries.oldest(endpoint, "", "~", 1_000)]


@pytest.mark.parametrize(
    ("title", "before", "kept"),
    [
        ("x", "y", {"record", "before"}),
        ("x", "y" * MAX_PAYLOAD, {"record", "partial"}),
        ("x" * MAX_PAYLOAD, "y", {"record", "partial"}),
        ("é" * (MAX_PAYLOAD // 2), "y", {"record", "partial"}),
    ],
)
def test_what_is_too_large_to_send_is_told_in_part(title: str, before: str, kept: set[str]) -> None:
    told = payload(updated(post(title=before), post(title=title)), POSTS, "urn:covey")
    data = json.decode(told.encode())["data"]
    assert len(told.encode()) <= MAX_PAYLOAD
    assert data.keys() == kept
    assert data["record"]["id"] == "p1"
    assert ("title" in data["record"]) is (title == "x")


def test_each_endpoint_has_its_own_delivery_of_a_change() -> None:
    deployment = world()
    for name in ("a", "b"):
        deployment.endpoint(name)
    deployment.endpoint("c", collections=("notes",))
    deployment.endpoint("d", enabled=False)
    deployment.endpoint("e", kinds=(ChangeKind.DELETED,))
    deployment.change(POSTS, [written("r1", 1, 1, START)])
    assert [made(deployment, name) for name in "abcde"] == [["r1"], ["r1"], [], [], []]
    ids = {deployment.deliveries.oldest(name, "", "~", 1)[0].id for name in "ab"}
    assert len(ids) == 2


def test_a_record_that_is_made_again_under_its_id_is_told_again() -> None:
    deployment = world()
    deployment.endpoint("a")
    for sequence in ("5", "9"):
        deployment.change(POSTS, [replace(written("r1", 1, 1, START), sequence=sequence)])
    assert made(deployment) == ["r1", "r1"]


FILTERED = {
    "by the record": ('status == "paid"', post(status="new"), post(status="paid"), True),
    "by what it was": ('old.status == "new"', post(status="new"), post(status="paid"), True),
    "a missing value": ('status == "paid"', post(), post(), False),
    "by time": ("created <= now", post(), post(), True),
}


@pytest.mark.parametrize("case", FILTERED.values(), ids=FILTERED.keys())
def test_a_filter_decides(case: tuple[str, Record, Record, bool]) -> None:
    written_as, before, after, told = case
    deployment = world()
    deployment.endpoint("a", filter=written_as)
    deployment.change(POSTS, [updated(before, after)])
    assert bool(made(deployment)) is told


@pytest.mark.parametrize("written_as", ["margin > 1", "old.margin > 1", "gone == 1", "auth.id"])
def test_a_filter_that_does_not_fit_lets_nothing_through_and_fails_nobody(written_as: str) -> None:
    deployment = world()
    deployment.endpoint("a", filter=written_as)
    deployment.endpoint("b")
    deployment.change(POSTS, [updated(post(margin=3), post(margin=4))])
    assert (made(deployment, "a"), made(deployment, "b")) == ([], ["p1"])


def test_a_queue_that_is_away_loses_nothing() -> None:
    deployment = world()
    deployment.endpoint("a")

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    deployment.queue.send = away  # type: ignore[method-assign]
    deployment.change(POSTS, [written("r1", 1, 1, START)])
    del deployment.queue.send  # type: ignore[method-assign]
    deployment.until(START + 2 * 60_000)
    assert deployment.attempts == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_is_not_called_and_the_log_says_so(address: str) -> None:
    names = ["8.8.8.8", address]
    client = Client(Reach.PUBLIC, resolve=lambda *_: names)
    deployment = world(client)
    deployment.endpoint("a")
    deployment.change(POSTS, [written("r1", 1, 1, START)])
    deployment.work()
    (one,) = deployment.deliveries.oldest("a", "", "~", 9)
    assert one.attempts[0].error == "the address is not one that may be called"
    assert address not in json.encode(one.attempts[0].error)
