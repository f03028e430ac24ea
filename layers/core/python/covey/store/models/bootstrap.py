"""The offer to make the first administrator: ``!bootstrap``."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError

from covey.config import settings
from covey.identity.ports import Bootstrap
from covey.store import keys
from covey.store.models.base import Item, refused


class BootstrapItem(Item):
    """An open offer, who took the one before, or both."""

    token = UnicodeAttribute(default="")
    until = NumberAttribute(default=0)
    administrator = UnicodeAttribute(default="")


class DynamoBootstrapStore:
    """The port `BootstrapStore` over the table."""

    def get(self) -> Bootstrap:
        """1 read unit."""
        try:
            item = BootstrapItem.get(*keys.bootstrap(), consistent_read=True)
        except DoesNotExist:
            return Bootstrap()
        return Bootstrap(item.token, int(item.until), item.administrator)

    def offer(self, token: str, expires: int, *, again: bool) -> bool:
        """1 write unit."""
        free = BootstrapItem.administrator.does_not_exist() | (BootstrapItem.administrator == "")
        try:
            BootstrapItem(*keys.bootstrap()).update(
                [BootstrapItem.token.set(token), BootstrapItem.until.set(expires)],
                condition=None if again else free,
            )
        except UpdateError as exc:
            if refused(exc):
                return False
            raise
        return True

    def redemption(self, token: str, user: str, now: int) -> dict[str, Any]:
        """2 write units, in a transaction."""
        pk, sk = keys.bootstrap()
        return {
            "Update": {
                "TableName": settings().table_name,
                "Key": {keys.PK: {"S": pk}, keys.SK: {"S": sk}},
                "UpdateExpression": "SET #administrator = :user, #token = :none",
                "ConditionExpression": "#token = :token AND #until > :now",
                "ExpressionAttributeNames": {
                    "#administrator": "administrator",
                    "#token": "token",
                    "#until": "until",
                },
                "ExpressionAttributeValues": {
                    ":user": {"S": user},
                    ":none": {"S": ""},
                    ":token": {"S": token},
                    ":now": {"N": str(now)},
                },
            }
        }
