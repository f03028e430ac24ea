"""A change as the outside is told of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from covey import json
from covey.collections.model import Collection, Field
from covey.expressions import parse
from covey.pipeline.cloudevents import event
from covey.records.model import Change, ChangeKind, Record

FIELDS = {
    "title": Field("title", "text", "1"),
    "price": Field("price", "number", "2"),
    "cost": Field("cost", "number", "3", read=parse("false")),
    "owner": Field("owner", "text", "4", read=parse("auth.id == owner")),
}
POSTS = Collection("posts", FIELDS)
OLD = Record("p1", 1_000, 2_000, 1, {"title": "a", "cost": 3})
NEW = Record("p1", 1_000, 3_000, 2, {"title": "b", "price": Decimal("1.50"), "cost": 4})
UPDATED = Change("posts", "p1", 2, ChangeKind.UPDATED, OLD, NEW, "123", at=3_500)
SYSTEM = {"id": "p1", "created": "1970-01-01T00:00:01.000Z"}


def test_an_update_tells_the_record_and_what_it_was() -> None:
    assert event(UPDATED, POSTS, "https://api.example") == {
        "specversion": "1.0",
        "id": "posts/p1/123",
        "source": "https://api.example",
        "type": "covey.record.updated",
        "subject": "posts/p1",
        "time": "1970-01-01T00:00:03.500Z",
        "datacontenttype": "application/json",
        "sequence": "123".zfill(40),
        "data": {
            "record": {
                **SYSTEM,
                "updated": "1970-01-01T00:00:03.000Z",
                "version": 2,
                "title": "b",
                "price": Decimal("1.50"),
            },
            "before": {
                **SYSTEM,
                "updated": "1970-01-01T00:00:02.000Z",
                "version": 1,
                "title": "a",
            },
        },
    }


CHANGES: dict[str, tuple[Change, str, set[str], str | None]] = {
    "created": (
        Change("posts", "p1", 1, ChangeKind.CREATED, None, OLD, "9"),
        "covey.record.created",
        {"record"},
        "1970-01-01T00:00:02.000Z",  # the stream tells no time, the record does
    ),
    "deleted": (
        Change("posts", "p1", 1, ChangeKind.DELETED, OLD, None, "9", at=5_000),
        "covey.record.deleted",
        {"record"},
        "1970-01-01T00:00:05.000Z",
    ),
    "deleted, nobody knows when": (
        Change("posts", "p1", 1, ChangeKind.DELETED, OLD, None, "9"),
        "covey.record.deleted",
        {"record"},
        None,
    ),
    "nothing of it is known": (
        Change("posts", "p1", 1, ChangeKind.DELETED, None, None, "9"),
        "covey.record.deleted",
        {"record"},
        None,
    ),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES.keys())
def test_each_kind_has_its_shape(case: tuple[Change, str, set[str], str | None]) -> None:
    change, kind, parts, time = case
    told = event(change, POSTS, "urn:covey")
    assert (told["type"], told["data"].keys(), told.get("time")) == (kind, parts, time)
    assert told["data"]["record"]["id"] == "p1"


def test_hidden_fields_are_told_only_to_whom_they_are_shown() -> None:
    assert "cost" not in json.encode(event(UPDATED, POSTS, "urn:covey"))
    data: dict[str, Any] = event(UPDATED, POSTS, "urn:covey", hidden=True)["data"]
    assert (data["record"]["cost"], data["before"]["cost"]) == (4, 3)


def test_a_field_whose_rule_depends_on_who_asks_is_told() -> None:
    change = replace(UPDATED, after=replace(NEW, values={"owner": "u1"}))
    assert event(change, POSTS, "urn:covey")["data"]["record"]["owner"] == "u1"


def test_sequences_order_events_as_text() -> None:
    told = [event(replace(UPDATED, sequence=n), POSTS, "urn:covey") for n in ("99", "100", "1000")]
    assert sorted(one["sequence"] for one in told) == [one["sequence"] for one in told]


def test_an_event_is_exact_json() -> None:
    assert '"price":1.50' in json.encode(event(UPDATED, POSTS, "urn:covey"))
