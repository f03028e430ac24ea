"""Aggregates from the request to the answer: declared, kept by the stream, read back."""

from __future__ import annotations

from typing import Any

import pytest

from covey import json
from covey.collections.document import load
from covey.store.layout import layout_of
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from functions.changes.apply import handler as changed
from functions.jobs.reconcile import handler as reconcile
from functions.jobs.run import handler as run

SALES: dict[str, Any] = {
    "name": "sales",
    "fields": {
        "shop": {"type": "text"},
        "amount": {"type": "number"},
        "owner": {"type": "text", "default": "auth.id"},
    },
    "rules": {"read": "owner == auth.id", "create": "auth != null"},
    "aggregates": {
        "by_shop": {"group": ["owner", "shop"], "count": True, "sum": ["amount"], "max": ["amount"]}
    },
}
ASKED = {"group": ["shop"], "count": True, "sum": ["amount"], "max": ["amount"]}


@pytest.fixture
def sold(api: Any) -> Any:
    """Sales of two callers, told to the stream's function."""
    services().__dict__["job_queue"] = MemoryJobQueue()
    services().catalog.save(load(SALES))
    records = []
    for number, (who, shop, amount) in enumerate(
        [
            ("ada", "north", 1.1),
            ("ada", "north", 2.2),
            ("ada", "south", 5),
            ("ben", "north", 9),
        ]
    ):
        body = {"shop": shop, "amount": amount}
        made = api("POST", "/records/sales", body=body, token=api.token(who)).json
        records.append(image(made["id"], number))
    assert changed({"Records": records}, None) == {"batchItemFailures": []}
    assert changed({"Records": records[::-1]}, None) == {"batchItemFailures": []}
    return api


def image(record_id: str, sequence: int) -> dict[str, Any]:
    """What the stream says of a new sale."""
    collection = services().catalog.get("sales")
    record = services().record_store.get(collection, record_id, consistent=True)
    assert record is not None
    item = layout_of(collection).item(record)
    keys = {"pk": item["pk"], "sk": item["sk"]}
    return {"dynamodb": {"Keys": keys, "NewImage": item, "SequenceNumber": str(sequence)}}


def test_callers_get_the_totals_of_what_they_may_read(sold: Any) -> None:
    answer = sold("POST", "/records/sales/aggregate", body=ASKED, token=sold.token("ada"))
    assert answer.status == 200
    assert (answer.json["source"], answer.json["aggregate"]) == ("declared", "by_shop")
    north, south = answer.json["items"]
    assert north == {
        "group": {"shop": "north"},
        "count": 2,
        "sum": {"amount": 3.3},
        "max": {"amount": 2.2},
    }
    assert '"amount":3.3}' in answer.text
    assert south["count"] == 1
    ben = sold("POST", "/records/sales/aggregate", body=ASKED, token=sold.token("ben")).json
    assert [one["sum"] for one in ben["items"]] == [{"amount": 9}]
    guest = sold("POST", "/records/sales/aggregate", body=ASKED)
    assert guest.status == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_aggregate"),
        ({"count": True, "filter": "nope == 1"}, 400, "invalid_filter"),
        ({"group": ["nope"], "count": True}, 400, "invalid_aggregate"),
        ([1], 400, "invalid_json"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(sold: Any, body: Any, status: int, code: str) -> None:
    answer = sold("POST", "/records/sales/aggregate", body=body, token=sold.token("ada"))
    assert (answer.status, answer.code) == (status, code)


def test_a_night_mends_what_the_stream_never_told(sold: Any, monkeypatch: Any) -> None:
    body = {"shop": "west", "amount": 1}
    lost = sold("POST", "/records/sales", body=body, token=sold.token("ada")).json
    monkeypatch.setattr("covey.aggregates.reconcile.SETTLE_S", 0.0)

    class Invocation:
        aws_request_id = "r1"

        def get_remaining_time_in_millis(self) -> int:
            return 60_000

    queue = services().job_queue
    assert isinstance(queue, MemoryJobQueue)
    slot = {"time": "2026-01-01T03:45:00Z"}
    assert reconcile(slot, Invocation()) == {"collections": ["sales"]}
    assert reconcile(slot, Invocation()) == {"collections": ["sales"]}
    for number, (message, _) in enumerate(list(queue.sent)):
        record = {
            "messageId": str(number),
            "receiptHandle": "h",
            "body": json.encode(message),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
            "awsRegion": "us-east-1",
        }
        run({"Records": [record]}, Invocation())
    told = services().job_store.get("reconcile-2026-01-01T03:45:00.000Z-sales")
    assert told is not None
    assert told.result == {"records": 5, "mended": 1, "removed": 0}
    assert lost["id"] in told.report[0].message
    answer = sold("POST", "/records/sales/aggregate", body=ASKED, token=sold.token("ada")).json
    assert [one["group"]["shop"] for one in answer["items"]] == ["north", "south", "west"]
