"""Turns at the endpoints of webhooks: ``!webhook.{id}``, a lease and the endpoint's health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from covey.store import keys
from covey.store.codec import Item
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transport import Transport
from covey.store.writing import key_item
from covey.webhooks.model import Health

# Each number of `Health` under a short name of its own.
_NAMES = dict(zip((one.name for one in fields(Health)), "fspnlwa", strict=True))


class DynamoTurns:
    """The port `Turns` over the table."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def take(self, endpoint: str, now: int, until: int) -> Health | None:
        """1 write unit, 2 where another has it."""
        try:
            answer = self._update(
                endpoint,
                "SET #l = :until",
                {":until": until, ":now": now},
                condition="attribute_not_exists(#l) OR #l <= :now",
            )
        except ConditionFailed:
            self._update(endpoint, "ADD #w :one", {":one": 1})
            return None
        return _health(answer["Attributes"])

    def pass_on(self, endpoint: str, before: Health, after: Health) -> bool:
        """1 write unit."""
        put = [name for name in _NAMES if name not in ("lease", "wakes")]
        sets = ", ".join(f"#{_NAMES[name]} = :{_NAMES[name]}" for name in put)
        values = {f":{_NAMES[name]}": getattr(after, name) for name in put}
        mine = {":lease": before.lease, ":wakes": before.wakes, ":none": 0}
        asked = "(#w = :wakes OR (attribute_not_exists(#w) AND :wakes = :none))"
        try:
            self._update(
                endpoint,
                f"SET {sets}, #l = :none",
                values | mine,
                condition=f"#l = :lease AND {asked}",
            )
        except ConditionFailed:
            return False
        return True

    def read(self, endpoint: str) -> Health:
        """1 read unit."""
        answer = self._transport.call(
            "GetItem",
            {
                "TableName": self._table,
                "Key": key_item(keys.webhook_turn(endpoint)),
                "ConsistentRead": True,
            },
        )
        return _health(answer.get("Item") or {})

    def heal(self, endpoint: str) -> None:
        """1 write unit."""
        sets = "SET #f = :none, #s = :none, #p = :none, #n = :none ADD #w :one"
        self._update(endpoint, sets, {":none": 0, ":one": 1})

    def forget(self, endpoint: str) -> None:
        """1 write unit."""
        key = key_item(keys.webhook_turn(endpoint))
        self._transport.call("DeleteItem", {"TableName": self._table, "Key": key})

    def _update(
        self,
        endpoint: str,
        expression: str,
        values: Mapping[str, int],
        condition: str = "",
    ) -> dict[str, Any]:
        names = {f"#{short}": short for short in _NAMES.values()}
        used = {name: short for name, short in names.items() if name in expression + condition}
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": key_item(keys.webhook_turn(endpoint)),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": used,
            "ExpressionAttributeValues": {name: _number(value) for name, value in values.items()},
            "ReturnValues": "ALL_NEW",
        }
        if condition:
            request["ConditionExpression"] = condition
        return self._transport.call("UpdateItem", request)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _health(item: Item) -> Health:
    known = {name: int(item[short]["N"]) for name, short in _NAMES.items() if short in item}
    return Health(**known)
