"""Declared channels, ``!channels``: the document, and the version that it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey import json
from covey.channels.document import dump, restore
from covey.channels.model import Channel
from covey.config import settings
from covey.errors import Conflict
from covey.store import codec, keys
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transport import transport
from covey.store.writing import key_item


class DynamoChannelStore:
    """The port `ChannelStore` over the table."""

    def load(self) -> Sequence[Channel]:
        """1 read unit per 4 KB of declarations."""
        request: dict[str, Any] = {
            "TableName": settings().table_name,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": keys.channel("")[0]}},
            "ConsistentRead": True,
        }
        found: list[Channel] = []
        while True:
            answer = _call("Query", request)
            found += [
                restore(json.decode(item["s"]["S"].encode()), int(item["v"]["N"]))
                for item in answer["Items"]
            ]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def save(self, channel: Channel) -> None:
        """1 write unit per KB."""
        item = {
            **key_item(keys.channel(channel.name)),
            "s": {"S": json.encode(dump(channel))},
            "v": codec.encode(channel.version),
        }
        before = channel.version - 1
        self._write("PutItem", {"Item": item}, before)

    def remove(self, channel: Channel) -> None:
        """1 write unit per KB."""
        key = key_item(keys.channel(channel.name))
        self._write("DeleteItem", {"Key": key}, channel.version)

    def _write(self, operation: str, what: dict[str, Any], before: int) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before:
            condition = {
                "ConditionExpression": "v = :v",
                "ExpressionAttributeValues": {":v": codec.encode(before)},
            }
        try:
            _call(operation, {"TableName": settings().table_name, **what, **condition})
        except ConditionFailed as exc:
            raise Conflict("The channel changed meanwhile.", code="channel_changed") from exc


def _call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    return DomainTransport(transport()).call(operation, request)
