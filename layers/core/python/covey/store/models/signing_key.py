"""Keys that sign access tokens: ``!signing``, one item per generation."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError

from covey.identity.ports import StoredKey
from covey.store import keys
from covey.store.models.base import Item, refused


class SigningKeyItem(Item):
    """One generation."""

    key_id = UnicodeAttribute()
    private = UnicodeAttribute()
    created = NumberAttribute()


class DynamoKeyStore:
    """The port `KeyStore` over the table."""

    def all(self) -> list[StoredKey]:
        """1 read unit."""
        partition, _ = keys.signing_key(0)
        return [
            StoredKey(item.key_id, bytes.fromhex(item.private), int(item.created), int(item.sk))
            for item in SigningKeyItem.query(partition, consistent_read=True)
        ]

    def add(self, generation: int, key: StoredKey) -> bool:
        """1 write unit."""
        item = SigningKeyItem(
            *keys.signing_key(generation),
            key_id=key.id,
            private=key.private.hex(),
            created=key.created,
        )
        try:
            item.save(condition=SigningKeyItem.pk.does_not_exist())
        except PutError as exc:
            if refused(exc):
                return False
            raise
        return True

    def remove(self, key: StoredKey) -> bool:
        """1 write unit."""
        item = SigningKeyItem(*keys.signing_key(key.generation))
        try:
            item.delete(SigningKeyItem.key_id == key.id)
        except DeleteError as exc:
            if refused(exc):
                return False
            raise
        return True
