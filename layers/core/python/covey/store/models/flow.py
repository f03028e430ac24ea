"""Sign-ins under way: ``!flow.{hash}``; `x` is the expiry attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey import json
from covey.config import settings
from covey.store import keys
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transport import transport


class DynamoFlowStore:
    """The port `FlowStore` over the table."""

    def keep(self, name: str, value: Mapping[str, Any], expires: int) -> bool:
        """1 write unit."""
        return (
            self._update(
                name,
                "SET v = :value, x = :expires, guesses = if_not_exists(guesses, :none)",
                "attribute_not_exists(finished)",
                {
                    ":value": {"S": json.encode(dict(value))},
                    ":expires": {"N": str(expires)},
                    ":none": {"N": "0"},
                },
            )
            is not None
        )

    def guess(self, name: str, limit: int, now: int) -> Mapping[str, Any] | None:
        """1 write unit, also when refused."""
        item = self._update(
            name,
            "ADD guesses :one",
            "attribute_not_exists(finished) AND guesses < :limit AND x > :now",
            {":one": {"N": "1"}, ":limit": {"N": str(limit)}, ":now": {"N": str(now)}},
        )
        if item is None:
            return None
        value: Mapping[str, Any] = json.decode(item["v"]["S"].encode())
        return value

    def finish(self, name: str) -> bool:
        """1 write unit."""
        begun = "attribute_exists(guesses) AND attribute_not_exists(finished)"
        return (
            self._update(name, "SET finished = :yes", begun, {":yes": {"BOOL": True}}) is not None
        )

    def _update(
        self, name: str, update: str, condition: str, values: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The item as it is then; None where the condition did not hold."""
        pk, sk = keys.flow(name)
        request = {
            "TableName": settings().table_name,
            "Key": {keys.PK: {"S": pk}, keys.SK: {"S": sk}},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }
        try:
            answer = DomainTransport(transport()).call("UpdateItem", request)
        except ConditionFailed:
            return None
        attributes: Mapping[str, Any] = answer["Attributes"]
        return attributes
