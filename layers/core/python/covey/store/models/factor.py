"""What else proves who a user is: beside the account, in ``!account.{user}``."""

from __future__ import annotations

import hashlib
from collections.abc import Collection as Group
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.exceptions import DeleteError, PutError, UpdateError

from covey.config import settings
from covey.identity.factors import Factors, Passkey, Totp
from covey.store import keys
from covey.store.models.base import Item, refused, write_together
from covey.store.outcomes import DomainTransport
from covey.store.transport import transport

TOTP, RECOVERY, PASSKEY = "totp", "recovery", "passkey."


class TotpItem(Item):
    """An authenticator app."""

    secret = UnicodeAttribute()
    created = NumberAttribute()
    enabled = BooleanAttribute(default=False)
    step = NumberAttribute(default=0)


class RecoveryItem(Item):
    """The hashes of recovery codes; one item, so that all are replaced at once."""

    codes = UnicodeSetAttribute(default=set)


class PasskeyItem(Item):
    """A WebAuthn credential, by the hash of its id: ids are up to 1,023 bytes."""

    credential = UnicodeAttribute()
    public_key = UnicodeAttribute()
    counter = NumberAttribute()
    name = UnicodeAttribute()
    created = NumberAttribute()
    used = NumberAttribute(default=0)
    synced = BooleanAttribute(default=False)


class DynamoFactorStore:
    """The port `FactorStore` over the table."""

    def of(self, user: str) -> Factors:
        """1 read unit per 4 KB, some ten passkeys."""
        pk, sk = keys.account(user)
        request = {
            "TableName": settings().table_name,
            "KeyConditionExpression": "pk = :user AND sk > :account",
            "ExpressionAttributeValues": {":user": {"S": pk}, ":account": {"S": sk}},
            "ConsistentRead": True,
        }
        items = DomainTransport(transport()).call("Query", request)["Items"]
        by_kind = {item["sk"]["S"]: item for item in items}
        passkeys = [
            _passkey(PasskeyItem.from_raw_data(item))
            for kind, item in by_kind.items()
            if kind.startswith(PASSKEY)
        ]
        codes: set[str] = set()
        if RECOVERY in by_kind:
            codes = RecoveryItem.from_raw_data(by_kind[RECOVERY]).codes or set()
        return Factors(
            _totp(TotpItem.from_raw_data(by_kind[TOTP])) if TOTP in by_kind else None,
            frozenset(codes),
            tuple(sorted(passkeys, key=lambda one: (one.created, one.id))),
        )

    def offer_totp(self, user: str, totp: Totp) -> bool:
        """1 write unit."""
        free = TotpItem.pk.does_not_exist() | (TotpItem.enabled == False)  # noqa: E712 - an expression
        try:
            _totp_item(user, totp).save(condition=free)
        except PutError as exc:
            if refused(exc):
                return False
            raise
        return True

    def enable_totp(self, user: str, totp: Totp, codes: Group[str], guard: dict[str, Any]) -> bool:
        """6 write units, in a transaction."""
        enabling = {
            "Put": {
                "TableName": settings().table_name,
                "Item": _totp_item(user, totp).serialize(),
                "ConditionExpression": "secret = :secret AND enabled = :no",
                "ExpressionAttributeValues": {
                    ":secret": {"S": totp.secret},
                    ":no": {"BOOL": False},
                },
            }
        }
        kept = {
            "Put": {"TableName": settings().table_name, "Item": _codes(user, codes).serialize()}
        }
        return write_together([enabling, kept, guard])

    def spend_step(self, user: str, step: int) -> bool:
        """1 write unit."""
        unused = (TotpItem.enabled == True) & (TotpItem.step < step)  # noqa: E712 - an expression
        try:
            TotpItem(*keys.factor(user, TOTP)).update([TotpItem.step.set(step)], condition=unused)
        except UpdateError as exc:
            if refused(exc):
                return False
            raise
        return True

    def spend_code(self, user: str, code: str) -> bool:
        """1 write unit."""
        item = RecoveryItem(*keys.factor(user, RECOVERY))
        try:
            item.update(
                [RecoveryItem.codes.delete({code})], condition=RecoveryItem.codes.contains(code)
            )
        except UpdateError as exc:
            if refused(exc):
                return False
            raise
        return True

    def replace_codes(self, user: str, codes: Group[str]) -> None:
        """1 write unit."""
        _codes(user, codes).save()

    def remove_totp(self, user: str) -> None:
        """2 write units."""
        TotpItem(*keys.factor(user, TOTP)).delete()
        RecoveryItem(*keys.factor(user, RECOVERY)).delete()

    def add_passkey(self, user: str, passkey: Passkey, guard: dict[str, Any]) -> bool:
        """4 write units, in a transaction."""
        item = PasskeyItem(
            *_place(user, passkey.id),
            credential=passkey.id,
            public_key=passkey.public_key,
            counter=passkey.count,
            name=passkey.name,
            created=passkey.created,
            used=passkey.used,
            synced=passkey.synced,
        )
        return write_together([item.put_if_new(), guard])

    def use_passkey(self, user: str, id: str, count: int, now: int) -> bool:
        """1 write unit."""
        risen = PasskeyItem.counter < count
        # Passkeys that are synced between devices keep no count (WebAuthn, 6.1.1).
        none = (PasskeyItem.counter == 0) if count == 0 else None
        try:
            PasskeyItem(*_place(user, id)).update(
                [PasskeyItem.counter.set(count), PasskeyItem.used.set(now)],
                condition=risen if none is None else none,
            )
        except UpdateError as exc:
            if refused(exc):
                return False
            raise
        return True

    def remove_passkey(self, user: str, id: str) -> bool:
        """1 write unit."""
        try:
            PasskeyItem(*_place(user, id)).delete(condition=PasskeyItem.pk.exists())
        except DeleteError as exc:
            if refused(exc):
                return False
            raise
        return True


def _place(user: str, id: str) -> keys.Key:
    return keys.factor(user, PASSKEY + hashlib.sha256(id.encode()).hexdigest())


def _totp(item: TotpItem) -> Totp:
    return Totp(item.secret, int(item.created), item.enabled, int(item.step))


def _totp_item(user: str, totp: Totp) -> TotpItem:
    return TotpItem(
        *keys.factor(user, TOTP),
        secret=totp.secret,
        created=totp.created,
        enabled=totp.enabled,
        step=totp.step,
    )


def _codes(user: str, codes: Group[str]) -> RecoveryItem:
    return RecoveryItem(*keys.factor(user, RECOVERY), codes=set(codes))


def _passkey(item: PasskeyItem) -> Passkey:
    return Passkey(
        id=item.credential,
        public_key=item.public_key,
        count=int(item.counter),
        name=item.name,
        created=int(item.created),
        used=int(item.used),
        synced=item.synced,
    )
