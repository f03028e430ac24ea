"""Outcomes of keyed requests: ``!outcome.{hash}``, one item for the request, one per part.

An item holds the fingerprint ``f``, the holder's token ``k``, the end of its lease ``l``, the
expiry ``x``, and once known the outcome ``o``, packed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from covey.records.idempotency import WHOLE, Hold, Outcome, Standing
from covey.store import codec, keys
from covey.store.codec import Item
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transport import Transport
from covey.store.writing import key_item

MAX_PACKED = 300_000  # bytes; an item takes 400 KB
_HELD = "k = :k AND attribute_not_exists(o)"
_FREE = "attribute_not_exists(pk) OR x <= :n"
_LAPSED = "attribute_not_exists(o) AND l <= :n AND f = :f"


class DynamoOutcomeStore:
    """`OutcomeStore` over the table."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def take(self, hold: Hold, lease: int) -> Standing | bool:
        """As `OutcomeStore.take`; 1 write unit."""
        request = {
            "TableName": self._table,
            "Item": {
                **key_item(keys.outcome(hold.name, WHOLE)),
                "f": {"S": hold.fingerprint},
                "k": {"S": hold.token},
                "l": codec.encode(lease),
                "x": codec.encode(hold.expires),
            },
            "ConditionExpression": f"{_FREE} OR ({_LAPSED})",
            "ExpressionAttributeValues": {
                ":n": codec.encode(hold.since),
                ":f": {"S": hold.fingerprint},
            },
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            before = self._transport.call("PutItem", request).get("Attributes")
        except ConditionFailed as fault:
            standing = fault.item or {}
            if fault.uncertain and standing.get("k") == {"S": hold.token}:
                return False  # our own first send; whether it took over a lapsed one is not known
            return Standing(standing["f"]["S"], _unpacked(standing))
        return not before or int(before["x"]["N"]) <= hold.since

    def keep(self, hold: Hold, outcome: Outcome) -> bool:
        """As `OutcomeStore.keep`; 1 write unit, more for a long answer."""
        try:
            self._transport.call("UpdateItem", self._finish(hold, outcome))
        except ConditionFailed as fault:
            # A repeated send finds its own first one done.
            return fault.uncertain
        return True

    def release(self, hold: Hold) -> None:
        """As `OutcomeStore.release`; 1 write unit."""
        self._if_held("DeleteItem", hold)

    def lapse(self, hold: Hold) -> None:
        """As `OutcomeStore.lapse`; 1 write unit."""
        more = {"UpdateExpression": "SET l = :z"}
        self._if_held("UpdateItem", hold, more, {":z": codec.encode(0)})

    def receipt(self, hold: Hold, outcome: Outcome, part: str = WHOLE) -> dict[str, Any]:
        """As `OutcomeStore.receipt`; 2 write units."""
        if part == WHOLE:
            return {"Update": self._finish(hold, outcome)}
        item = {
            **key_item(keys.outcome(hold.name, part)),
            "o": _packed(outcome),
            "f": {"S": hold.fingerprint},
            "x": codec.encode(hold.expires),
        }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                # What was left under the key in its time before is in nobody's way.
                "ConditionExpression": f"{_FREE} OR f <> :f",
                "ExpressionAttributeValues": {
                    ":f": {"S": hold.fingerprint},
                    ":n": codec.encode(hold.since),
                },
            }
        }

    def parts(self, hold: Hold) -> Mapping[str, Outcome]:
        """As `OutcomeStore.parts`; consistent, 1 read unit per 4 KB."""
        pk, _ = keys.outcome(hold.name, WHOLE)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": pk}},
            "ConsistentRead": True,
        }
        found: dict[str, Outcome] = {}
        while True:
            answer = self._transport.call("Query", request)
            for item in answer["Items"]:
                outcome = _unpacked(item)
                ours = item["f"]["S"] == hold.fingerprint and int(item["x"]["N"]) > hold.since
                if outcome is not None and ours:
                    found[item["sk"]["S"]] = outcome
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _finish(self, hold: Hold, outcome: Outcome) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": key_item(keys.outcome(hold.name, WHOLE)),
            "UpdateExpression": "SET o = :o",
            "ConditionExpression": _HELD,
            "ExpressionAttributeValues": {":o": _packed(outcome), ":k": {"S": hold.token}},
        }

    def _if_held(
        self,
        operation: str,
        hold: Hold,
        more: Mapping[str, Any] | None = None,
        values: Item | None = None,
    ) -> None:
        request = {
            "TableName": self._table,
            "Key": key_item(keys.outcome(hold.name, WHOLE)),
            "ConditionExpression": _HELD,
            "ExpressionAttributeValues": {":k": {"S": hold.token}, **(values or {})},
            **(more or {}),
        }
        try:
            self._transport.call(operation, request)
        except ConditionFailed:
            return


def _packed(outcome: Outcome) -> Item:
    """The outcome as one attribute, without its body where that is too long."""
    packed = _text(outcome, outcome.body)
    return codec.binary(packed if len(packed) <= MAX_PACKED else _text(outcome, None))


def _text(outcome: Outcome, body: str | None) -> bytes:
    parts = [outcome.status, dict(outcome.headers), body]
    return zlib.compress(json.dumps(parts, ensure_ascii=False).encode())


def _unpacked(item: Item) -> Outcome | None:
    if "o" not in item:
        return None
    status, headers, body = json.loads(zlib.decompress(codec.decode(item["o"])))
    return Outcome(status, headers, body)
