"""API keys: a user's beside the account, so that they go with it; the service's together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, UpdateError

from covey import json
from covey.collections.model import Collection
from covey.identity.api_key import ApiKey, Holder, Name
from covey.identity.ports import Account
from covey.identity.scopes import stored
from covey.store import keys
from covey.store.callers import items_of
from covey.store.layout import layout_of
from covey.store.models.account import AccountItem
from covey.store.models.base import Item, refused, write_together
from covey.store.transport import Transport


class ApiKeyItem(Item):
    """One key; one without an end has no `x`."""

    user = UnicodeAttribute(default="")
    title = UnicodeAttribute()
    secret = UnicodeAttribute()
    scopes = UnicodeAttribute()
    created = NumberAttribute()
    maker = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x", null=True)
    used = NumberAttribute(default=0)
    roles: ListAttribute[Any] = ListAttribute(default=list)
    generation = NumberAttribute(default=0)


class DynamoApiKeyStore:
    """The port `ApiKeyStore` over the table."""

    def __init__(self, transport: Transport, table: str) -> None:
        self._transport = transport
        self._table = table

    def add(self, key: ApiKey, guard: dict[str, Any] | None) -> bool:
        """2 write units, and 2 for the guard."""
        item = ApiKeyItem(
            *keys.api_key(key.name.user, key.name.id),
            user=key.name.user,
            title=key.title,
            secret=key.secret,
            scopes=json.encode(key.scopes.document()),
            created=key.created,
            maker=key.maker,
            expires=key.expires or None,
            used=key.used,
            roles=list(key.roles),
            generation=key.generation,
        )
        return write_together([item.put_if_new(), *([guard] if guard else [])])

    def of(self, user: str) -> Sequence[ApiKey]:
        """1 read unit per 4 KB, some ten keys."""
        partition, first = keys.api_key(user, "")
        only: Any = ApiKeyItem.sk.startswith(first) if first else None
        return [_key(item) for item in ApiKeyItem.query(partition, only, consistent_read=True)]

    def load(self, users: Collection, name: Name) -> Holder:
        """1 read unit for a key of the service, 3 for a user's."""
        wanted = [keys.api_key(name.user, name.id)]
        if name.user:
            if not keys.holds(users, name.user):
                return None, None, None
            wanted += [keys.account(name.user), keys.record(users, name.user)]
        found = items_of(self._transport, self._table, wanted)
        key, account, record = (*(found.get(one) for one in wanted), None, None)[:3]
        return (
            _key(ApiKeyItem.from_raw_data(key)) if key else None,
            _account(AccountItem.from_raw_data(account)) if account else None,
            layout_of(users).record(record) if record else None,
        )

    def end(self, name: Name) -> bool:
        """1 write unit."""
        try:
            ApiKeyItem(*keys.api_key(name.user, name.id)).delete(ApiKeyItem.pk.exists())
        except DeleteError as exc:
            if refused(exc):
                return False
            raise
        return True

    def touch(self, key: ApiKey, now: int) -> None:
        """1 write unit; of many at once one writes."""
        item = ApiKeyItem(*keys.api_key(key.name.user, key.name.id))
        try:
            item.update([ApiKeyItem.used.set(now)], condition=ApiKeyItem.used == key.used)
        except UpdateError as exc:
            if not refused(exc):
                raise


def _key(item: ApiKeyItem) -> ApiKey:
    return ApiKey(
        name=Name(item.sk.removeprefix(keys.API_KEY), item.user),
        title=item.title,
        secret=item.secret,
        scopes=stored(json.decode(item.scopes.encode())),
        created=int(item.created),
        maker=item.maker,
        expires=int(item.expires or 0),
        used=int(item.used),
        roles=tuple(item.roles),
        generation=int(item.generation),
    )


def _account(item: AccountItem) -> Account:
    created, generation = int(item.created), int(item.generation)
    return Account(item.user, item.password, created, item.disabled, generation)
