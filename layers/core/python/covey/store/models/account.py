"""Accounts: ``!account.{user}``."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError

from covey.identity.ports import Account
from covey.store import keys
from covey.store.models.base import Item, refused


class AccountItem(Item):
    """What signing in needs."""

    user = UnicodeAttribute()
    password = UnicodeAttribute()
    created = NumberAttribute()
    disabled = BooleanAttribute(default=False)


class DynamoAccountStore:
    """The port `AccountStore` over the table."""

    def get(self, user: str) -> Account | None:
        """1 read unit."""
        try:
            item = AccountItem.get(*keys.account(user), consistent_read=True)
        except DoesNotExist:
            return None
        return Account(item.user, item.password, int(item.created), item.disabled)

    def creation(self, account: Account) -> dict[str, Any]:
        """2 write units, in a transaction."""
        return AccountItem(
            *keys.account(account.user),
            user=account.user,
            password=account.password,
            created=account.created,
            disabled=account.disabled,
        ).put_if_new()

    def replace_password(self, user: str, before: str, after: str) -> bool:
        """1 write unit."""
        item = AccountItem(*keys.account(user))
        try:
            item.update([AccountItem.password.set(after)], condition=AccountItem.password == before)
        except UpdateError as exc:
            if refused(exc):
                return False
            raise
        return True
