"""Accounts: ``!account.{user}``, and with them whatever else proves who a user is."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError, UpdateError

from covey.config import settings
from covey.identity.ports import Account
from covey.store import keys
from covey.store.models.base import Item, refused


class AccountItem(Item):
    """What signing in needs."""

    user = UnicodeAttribute()
    password = UnicodeAttribute()
    created = NumberAttribute()
    disabled = BooleanAttribute(default=False)
    generation = NumberAttribute(default=0)
    factors = BooleanAttribute(default=False)


class DynamoAccountStore:
    """The port `AccountStore` over the table."""

    def get(self, user: str) -> Account | None:
        """1 read unit."""
        try:
            item = AccountItem.get(*keys.account(user), consistent_read=True)
        except DoesNotExist:
            return None
        return Account(
            user=item.user,
            password=item.password,
            created=int(item.created),
            disabled=item.disabled,
            generation=int(item.generation),
            factors=item.factors,
        )

    def creation(self, account: Account) -> dict[str, Any]:
        """2 write units, in a transaction."""
        return _item(account).put_if_new()

    def add(self, account: Account) -> bool:
        """1 write unit."""
        try:
            _item(account).save(condition=AccountItem.pk.does_not_exist())
        except PutError as exc:
            if refused(exc):
                return False
            raise
        return True

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

    def change(self, before: Account, after: Account) -> bool:
        """1 write unit."""
        item = _item(after)
        item.generation = before.generation + 1
        try:
            item.save(condition=AccountItem.generation == before.generation)
        except PutError as exc:
            if refused(exc):
                return False
            raise
        return True

    def advance(self, before: Account, after: Account) -> dict[str, Any]:
        """2 write units, in a transaction."""
        item = _item(after)
        item.generation = before.generation + 1
        return {
            "Put": {
                "TableName": settings().table_name,
                "Item": item.serialize(),
                **_stands(before),
            }
        }

    def standing(self, account: Account) -> dict[str, Any]:
        """2 write units, in a transaction."""
        pk, sk = keys.account(account.user)
        return {
            "ConditionCheck": {
                "TableName": settings().table_name,
                "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
                **_stands(account),
            }
        }

    def strip(self, user: str) -> None:
        """1 read unit, and 1 write unit per item."""
        for item in Item.query(keys.account(user)[0], consistent_read=True):
            if item.sk != keys.ONLY:
                item.delete()

    def remove(self, user: str) -> None:
        """1 read unit, and 1 write unit per item."""
        for item in Item.query(keys.account(user)[0], consistent_read=True):
            item.delete()


def _stands(account: Account) -> dict[str, Any]:
    return {
        "ConditionExpression": "generation = :g AND disabled = :f",
        "ExpressionAttributeValues": {
            ":g": {"N": str(account.generation)},
            ":f": {"BOOL": False},
        },
    }


def _item(account: Account) -> AccountItem:
    return AccountItem(
        *keys.account(account.user),
        user=account.user,
        password=account.password,
        created=account.created,
        disabled=account.disabled,
        generation=account.generation,
        factors=account.factors,
    )
