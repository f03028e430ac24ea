"""How fast sockets send: ``!conn.{id}``, ``frames``; `t` is when the bucket is full again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from covey.config import settings
from covey.errors import Conflict
from covey.store import codec, keys
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transport import transport
from covey.store.writing import key_item

KEPT_S = 600
REMEMBERED = 4_096
ATTEMPTS = 6


class DynamoFrames:
    """The port `Frames` over the table."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, int] = OrderedDict()

    def spend(self, connection: str, now: int, cost: int) -> int:
        """1 write unit, 2 where this process did not know whether the bucket is full."""
        full = self._known.get(connection, 0) <= now
        for _ in range(ATTEMPTS):
            until = self._begin(connection, now, cost) if full else self._add(connection, now, cost)
            if until is not None:
                self._remember(connection, until)
                return until
            full = not full
        raise Conflict("The socket sends from too many places.")

    def _begin(self, connection: str, now: int, cost: int) -> int | None:
        """Begin with a full bucket; None where it is not full."""
        return self._update(
            connection, now, "t = :c", "attribute_not_exists(t) OR t <= :n", {":c": now + cost}
        )

    def _add(self, connection: str, now: int, cost: int) -> int | None:
        """Go on with what is left; None where the bucket is full."""
        return self._update(connection, now, "t = t + :c", "t > :n", {":c": cost})

    def _update(
        self, connection: str, now: int, change: str, condition: str, values: dict[str, int]
    ) -> int | None:
        numbers = {**values, ":n": now, ":x": now // 1000 + KEPT_S}
        request: dict[str, Any] = {
            "TableName": settings().table_name,
            "Key": key_item(keys.frames(connection)),
            "UpdateExpression": f"SET {change}, x = :x",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {k: codec.encode(v) for k, v in numbers.items()},
            "ReturnValues": "UPDATED_NEW",
        }
        try:
            answer = DomainTransport(transport()).call("UpdateItem", request)
        except ConditionFailed:
            return None
        return int(answer["Attributes"]["t"]["N"])

    def _remember(self, connection: str, until: int) -> None:
        self._known[connection] = until
        self._known.move_to_end(connection)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
