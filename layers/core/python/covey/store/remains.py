"""What a backup keeps besides the catalog, the records and their accounts: items as they are.

Second factors, keys and identities of users, keys of the service, the secrets that those are
sealed with, past versions, what was removed softly, schedules and channels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from covey.errors import Invalid
from covey.store import codec, keys
from covey.store.credentials import is_value
from covey.store.faults import ConditionFailed
from covey.store.outcomes import DomainTransport
from covey.store.transport import Transport
from covey.store.writing import key_item

# By the beginnings of their partitions; `keys` says what each is.
KINDS = (
    "!account.",
    "!identity.",
    "!anonymous",
    "!passkey.",
    "!keys",
    "!secret.",
    "!history.",
    "!buried.",
    "!channels",
    "!schedules",
)
_SECRET = "!secret."  # noqa: S105 - the name of a kind
THREADS = 8


class DynamoRemains:
    """`covey.backups.ports.Remains` over one table."""

    def __init__(
        self, transport: Transport, table: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = DomainTransport(transport)
        self._table = table
        self._clock = clock

    def walk(self, place: str) -> tuple[list[Any], str | None]:
        """As `Remains.walk`; reads the table once from end to end, half a unit for each 4 KB."""
        values = {f":k{n}": {"S": kind} for n, kind in enumerate(KINDS)}
        kinds = " OR ".join(f"begins_with(pk, :k{n})" for n in range(len(KINDS)))
        request: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": f"({kinds}) AND (attribute_not_exists(x) OR x > :now)",
            "ExpressionAttributeValues": {**values, ":now": {"N": str(int(self._clock()))}},
        }
        if place:
            pk, _, sk = place.partition("\n")
            request["ExclusiveStartKey"] = key_item((pk, sk))
        answer = self._transport.call("Scan", request)
        last = answer.get("LastEvaluatedKey")
        after = f"{last['pk']['S']}\n{last['sk']['S']}" if last else None
        return [item for item in answer["Items"] if not _is_account(item)], after

    def put(self, items: Sequence[Any]) -> None:
        """As `Remains.put`; a write unit for each KB of each."""
        for item in items:
            self.check(item)
        context = copy_context()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda item: context.copy().run(self._put, item), items))

    def check(self, item: Any) -> None:
        """As `Remains.check`."""
        sound = isinstance(item, dict) and all(map(is_value, item.values()))
        pk, sk = (item.get(name) if sound else None for name in (keys.PK, keys.SK))
        if pk is None or sk is None or pk.keys() != {"S"} or sk.keys() != {"S"}:
            raise Invalid("An item has no key.", code="invalid_backup")
        # Whoever made the file may write what it may hold, and nothing else of the table.
        if not pk["S"].startswith(KINDS) or _is_account(item):
            raise Invalid("An item is of no kind that a backup has.", code="invalid_backup")

    def _put(self, item: codec.Item) -> None:
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if not item["pk"]["S"].startswith(_SECRET):
            # A secret goes over one that was made meanwhile: what is restored was sealed with it.
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        try:
            self._transport.call("PutItem", request)
        except ConditionFailed:
            return


def _is_account(item: codec.Item) -> bool:
    """Whether it goes with its user's record."""
    pk, sk = str(item["pk"]["S"]), str(item["sk"]["S"])
    return pk.startswith("!account.") and sk == keys.ONLY
