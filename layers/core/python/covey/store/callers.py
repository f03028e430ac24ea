"""What each request of a signed-in user is checked against, in one read."""

from __future__ import annotations

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
        found = self._items([{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in wanted])
        items = {(item["pk"]["S"], item["sk"]["S"]): item for item in found}
        begun, record = (items.get(key) for key in wanted)
        return (
            session_from(begun) if begun else None,
            layout_of(users).record(record) if record else None,
        )

    def _items(self, pending: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        attempts = Attempts()
        while True:
            request = {self._table: {"Keys": pending, "ConsistentRead": True}}
            answer = self._transport.call("BatchGetItem", {"RequestItems": request})
            found += answer["Responses"].get(self._table, [])
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not left:
                return found
            attempts.after(Throttled("UnprocessedKeys"))
            pending = left
