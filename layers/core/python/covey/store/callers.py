"""What each request of a signed-in user is checked against, in one read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection
from covey.identity.ports import Session
from covey.records.model import Record
from covey.store import keys
from covey.store.faults import Throttled
from covey.store.layout import layout_of
from covey.store.models.session import session_from
from covey.store.transport import Attempts, Transport


class DynamoCallerStore:
    """The port `CallerStore`: 2 read units, both items read consistently."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = transport
        self._table = table

    def load(
        self, users: Collection, user: str, session: str
    ) -> tuple[Session | None, Record | None]:
        """As `CallerStore.load`."""
        if not keys.holds(users, user) or not session:
            return None, None
        wanted = [keys.session(user, session), keys.record(users, user)]
        items = items_of(self._transport, self._table, wanted)
        begun, record = (items.get(key) for key in wanted)
        return (
            session_from(begun) if begun else None,
            layout_of(users).record(record) if record else None,
        )


def items_of(
    transport: Transport, table: str, wanted: Sequence[keys.Key]
) -> dict[keys.Key, dict[str, Any]]:
    """The items of these few keys that are there, read consistently in one call."""
    pending = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in wanted]
    found: list[dict[str, Any]] = []
    attempts = Attempts()
    while True:
        request = {table: {"Keys": pending, "ConsistentRead": True}}
        answer = transport.call("BatchGetItem", {"RequestItems": request})
        found += answer["Responses"].get(table, [])
        pending = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if not pending:
            return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}
        attempts.after(Throttled("UnprocessedKeys"))
