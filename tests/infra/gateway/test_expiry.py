"""Items whose time has come go, also where the engine has no expiry of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from covey.store.transport import transport
from infra.gateway.city import Endpoints, Table
from infra.gateway.clock import SystemClock
from infra.gateway.expiry import GRACE, PAGE, Expiry
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[3]
HERE = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
NOW = 1_800_000_000


class Standing(SystemClock):
    """A clock that stands."""

    def now(self) -> float:
        return float(NOW)


def put(table: str, name: str, **attributes: dict[str, str]) -> None:
    item = {"pk": {"S": f"!session.{name}"}, "sk": {"S": "."}, **attributes}
    transport().call("PutItem", {"TableName": table, "Item": item})


def kept(table: str) -> set[str]:
    items = transport().call("Scan", {"TableName": table, "ConsistentRead": True})["Items"]
    return {item["pk"]["S"].removeprefix("!session.") for item in items}


def described(table: str) -> Table:
    (declared,) = load(ROOT / "template.yaml", HERE).tables
    return Table(declared.logical_id, table, declared.definition, declared.expiry_attribute)


def test_what_expired_goes_and_all_else_stays(table: str) -> None:
    put(table, "due", x={"N": str(NOW - GRACE - 1)})
    put(table, "in-grace", x={"N": str(NOW - 1)})
    put(table, "later", x={"N": str(NOW + 1)})
    put(table, "for-ever")
    expiry = Expiry(transport().call, [described(table)], Standing())
    assert asyncio.run(expiry.round(described(table))) == 1
    assert kept(table) == {"in-grace", "later", "for-ever"}


def test_an_item_that_was_given_more_time_stays(table: str) -> None:
    put(table, "renewed", x={"N": str(NOW - GRACE - 1)})

    def call(operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "DeleteItem":
            put(table, "renewed", x={"N": str(NOW + 60)})
        return transport().call(operation, request)

    expiry = Expiry(call, [described(table)], Standing())
    assert asyncio.run(expiry.round(described(table))) == 0
    assert kept(table) == {"renewed"}


def test_a_round_goes_through_every_page(table: str) -> None:
    for number in range(PAGE + 10):
        put(table, str(number), x={"N": "1"})
    expiry = Expiry(transport().call, [described(table)], Standing())
    assert asyncio.run(expiry.round(described(table))) == PAGE + 10
    assert kept(table) == set()
