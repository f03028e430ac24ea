"""Identities at providers: claimed under ``!identity.{digest}``, listed beside the account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, DoesNotExist

from covey.config import settings
from covey.identity.federation.ports import Identity
from covey.store import keys
from covey.store.models.base import Item, refused, write_together


class ClaimItem(Item):
    """Whose identity it is."""

    user = UnicodeAttribute()


class IdentityItem(Item):
    """One in the list of a user."""

    user = UnicodeAttribute()
    provider = UnicodeAttribute()
    issuer = UnicodeAttribute()
    subject = UnicodeAttribute()
    email = UnicodeAttribute()
    linked = NumberAttribute()


class DynamoIdentityStore:
    """The port `IdentityStore` over the table."""

    def owner(self, id: str) -> str | None:
        """1 read unit."""
        try:
            return str(ClaimItem.get(*keys.identity(id), consistent_read=True).user)
        except DoesNotExist:
            return None

    def of(self, user: str) -> Sequence[Identity]:
        """1 read unit per 4 KB."""
        pk, prefix = keys.identity_of(user, "")
        found = IdentityItem.query(pk, IdentityItem.sk.startswith(prefix), consistent_read=True)
        return [_identity(item) for item in found]

    def creation(self, identity: Identity) -> list[dict[str, Any]]:
        """4 write units, in a transaction."""
        listed = IdentityItem(
            *keys.identity_of(identity.user, identity.id),
            user=identity.user,
            provider=identity.provider,
            issuer=identity.issuer,
            subject=identity.subject,
            email=identity.email,
            linked=identity.linked,
        )
        claim = ClaimItem(*keys.identity(identity.id), user=identity.user)
        return [claim.put_if_new(), listed.put_if_new()]

    def add(self, identity: Identity, guard: dict[str, Any]) -> bool:
        """6 write units."""
        return write_together([*self.creation(identity), guard])

    def remove(self, identity: Identity, guard: dict[str, Any]) -> bool:
        """6 write units."""
        owned = (keys.identity(identity.id), keys.identity_of(identity.user, identity.id))
        return write_together([*(_deletion(key, identity.user) for key in owned), guard])

    def release(self, id: str, user: str) -> None:
        """1 write unit."""
        try:
            ClaimItem(*keys.identity(id)).delete(condition=ClaimItem.user == user)
        except DeleteError as exc:
            if not refused(exc):
                raise

    def forget(self, user: str) -> None:
        """1 read unit, and 2 write units per identity."""
        for identity in self.of(user):
            # The claim first: while the list has it, it is found again.
            self.release(identity.id, user)
            IdentityItem(*keys.identity_of(user, identity.id)).delete()


def _deletion(key: keys.Key, user: str) -> dict[str, Any]:
    return {
        "Delete": {
            "TableName": settings().table_name,
            "Key": {keys.PK: {"S": key[0]}, keys.SK: {"S": key[1]}},
            "ConditionExpression": "#user = :user",
            "ExpressionAttributeNames": {"#user": "user"},
            "ExpressionAttributeValues": {":user": {"S": user}},
        }
    }


def _identity(item: IdentityItem) -> Identity:
    return Identity(
        item.provider, item.issuer, item.subject, item.user, item.email, int(item.linked)
    )
