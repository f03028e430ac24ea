"""DynamoDB's expiry for an engine that has none: items whose time has come are deleted.

Covey's own sweep takes records at once, with their unique claims. What is left, sessions,
tickets, tallies and finished jobs, goes here, within the hour as on AWS it goes within days
("Using time to live (TTL) in DynamoDB"): readers check the time themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covey.store.faults import ConditionFailed, ServiceFault
from infra.gateway.city import Table
from infra.gateway.clock import Clock

EVERY = 600.0  # seconds between rounds
GRACE = 3_600  # the sweep comes first
PAGE = 500  # items examined at a time, so that requests get in between
PAUSE = 0.05

Call = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class Expiry:
    """Walks the tables now and then. `call` is a transport's, and runs in a thread."""

    def __init__(self, call: Call, tables: Sequence[Table], clock: Clock) -> None:
        self._call = call
        self._tables = [table for table in tables if table.expiry_attribute]
        self._clock = clock

    async def run(self) -> None:
        """Round after round, until cancelled; an engine that is away is asked again next time."""
        while True:
            await self._clock.sleep(EVERY)
            for table in self._tables:
                try:
                    await self.round(table)
                except ServiceFault:
                    continue

    async def round(self, table: Table) -> int:
        """Delete what has expired for longer than the grace; how many items that were."""
        key = [part["AttributeName"] for part in table.definition["KeySchema"]]
        names = {f"#k{number}": name for number, name in enumerate(key)}
        due: dict[str, Any] = {
            "ExpressionAttributeNames": {"#x": str(table.expiry_attribute)},
            "ExpressionAttributeValues": {":now": {"N": str(int(self._clock.now()) - GRACE)}},
        }
        scan = {
            "TableName": table.name,
            "FilterExpression": "#x <= :now",
            "ProjectionExpression": ", ".join(names),
            "Limit": PAGE,
            **due,
            "ExpressionAttributeNames": {**due["ExpressionAttributeNames"], **names},
        }
        deleted = 0
        start: Mapping[str, Any] | None = None
        while True:
            more: Mapping[str, Any] = {"ExclusiveStartKey": start} if start else {}
            page = await asyncio.to_thread(self._call, "Scan", {**scan, **more})
            for item in page["Items"]:
                deleted += await asyncio.to_thread(self._delete, table.name, item, due)
            start = page.get("LastEvaluatedKey")
            if start is None:
                return deleted
            await self._clock.sleep(PAUSE)

    def _delete(self, table: str, key: Mapping[str, Any], due: Mapping[str, Any]) -> bool:
        """Unless it was given more time since it was read."""
        request = {"TableName": table, "Key": key, "ConditionExpression": "#x <= :now", **due}
        try:
            self._call("DeleteItem", request)
        except ConditionFailed:
            return False
        return True
