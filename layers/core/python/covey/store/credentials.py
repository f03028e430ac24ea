"""What users sign in with, as a backup keeps it: the items of their accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey.errors import Invalid, Unavailable
from covey.store import codec, keys
from covey.store.outcomes import DomainTransport
from covey.store.transport import Transport

BATCH = 100  # keys of one BatchGetItem
ROUNDS = 10  # of asking for what was left over


class DynamoCredentials:
    """`covey.backups.ports.Credentials` over one table.

    The whole item but its key, as DynamoDB has it, so that what accounts learn to keep
    is kept here too.
    """

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = DomainTransport(transport)
        self._table = table

    def of(self, users: Sequence[str]) -> Mapping[str, Any]:
        """As `Credentials.of`; 1 read unit each."""
        by_key = {keys.account(user)[0]: user for user in users}
        wanted = [_key(user) for user in users]
        found: dict[str, Any] = {}
        for start in range(0, len(wanted), BATCH):
            for item in self._items(wanted[start : start + BATCH]):
                user = by_key[item["pk"]["S"]]
                found[user] = {
                    name: value for name, value in item.items() if name not in (keys.PK, keys.SK)
                }
        return found

    def _items(self, wanted: list[codec.Item]) -> list[codec.Item]:
        items: list[codec.Item] = []
        for _ in range(ROUNDS):
            if not wanted:
                return items
            request = {"RequestItems": {self._table: {"Keys": wanted, "ConsistentRead": True}}}
            answer = self._transport.call("BatchGetItem", request)
            items += answer["Responses"].get(self._table, ())
            wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
        raise Unavailable("The database keeps leaving accounts over.")

    def creation(self, user: str, kept: Any) -> dict[str, Any]:
        """As `Credentials.creation`."""
        sound = isinstance(kept, dict) and kept.get("user") == {"S": user}
        if not sound or not all(map(is_value, kept.values())):
            raise Invalid("Its account is not one of this user.", code="invalid_backup")
        item = kept | _key(user)
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": f"attribute_not_exists({keys.PK})",
            }
        }


def _key(user: str) -> codec.Item:
    pk, sk = keys.account(user)
    return {keys.PK: {"S": pk}, keys.SK: {"S": sk}}


def is_value(value: Any) -> bool:
    """Whether it has the shape of an attribute value, as DynamoDB's API writes them."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    if kind in ("S", "N", "B"):
        return isinstance(content, str)
    if kind in ("SS", "NS", "BS"):
        return isinstance(content, list) and all(isinstance(one, str) for one in content)
    if kind in ("BOOL", "NULL"):
        return isinstance(content, bool)
    if kind == "L":
        return isinstance(content, list) and all(map(is_value, content))
    return kind == "M" and isinstance(content, dict) and all(map(is_value, content.values()))
