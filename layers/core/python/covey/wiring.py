"""Where ports meet adapters: the one place that knows both sides.

`services()` is cached for the process and builds nothing by itself: each service is made when
it is first asked for, and imports what it needs then, so that a function pays at its cold
start only for what it uses. A service is a `cached_property` with its imports in its body.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from covey.config import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covey.collections.catalog import Catalog
    from covey.identity.accounts import Accounts
    from covey.identity.bootstrap import FirstAdministrator
    from covey.identity.principal import Principal
    from covey.identity.throttle import Throttle
    from covey.identity.tokens import Tokens
    from covey.records.ports import RecordStore
    from covey.records.service import Records
    from covey.store.transport import Transport


class Services:
    """The services of one process; tests make their own with other settings."""

    def __init__(self, configured: Settings | None = None) -> None:
        self.settings = configured or settings()

    # ---- data

    @cached_property
    def transport(self) -> Transport:
        """The connection to DynamoDB."""
        from covey.store.transport import transport

        return transport()

    @cached_property
    def record_store(self) -> RecordStore:
        """Where records live."""
        from covey.store.records import DynamoRecordStore

        return DynamoRecordStore(self.transport, self.settings.table_name)

    @cached_property
    def catalog(self) -> Catalog:
        """Which collections there are."""
        from covey.collections.catalog import Catalog
        from covey.store.catalog import DynamoCatalogStore

        store = DynamoCatalogStore(self.transport, self.settings.table_name)
        return Catalog(store, self.settings.catalog_ttl)

    @cached_property
    def records(self) -> Records:
        """Records under the rules."""
        from covey.records.service import Records

        return Records(self.record_store, self.catalog, budget=self.settings.read_budget)

    # ---- who asks

    def principal(self, authorization: str | None) -> Principal:
        """The caller that an Authorization header names; raises Unauthenticated.

        What rules may ask of the caller's own record is read when one does.
        """
        from covey.identity.caller import principal_from
        from covey.identity.principal import GUEST
        from covey.identity.profile import with_profile

        if authorization is None:  # most of the web; spared the machinery of tokens
            return GUEST
        return with_profile(principal_from(authorization, self.tokens), self._own_values)

    def _own_values(self, user: str) -> Mapping[str, Any]:
        record = self.record_store.get(self.catalog.get("users"), user, consistent=True)
        return record.values if record else {}

    @cached_property
    def tokens(self) -> Tokens:
        """Access tokens."""
        from covey.identity.signing_keys import SigningKeys
        from covey.identity.tokens import Tokens
        from covey.store.models.signing_key import DynamoKeyStore

        return Tokens(
            SigningKeys(DynamoKeyStore()),
            issuer=self.settings.token_issuer,
            lifetime=self.settings.access_token_ttl,
        )

    @cached_property
    def accounts(self) -> Accounts:
        """Signing up, in, on and out."""
        from covey.identity.accounts import Accounts
        from covey.identity.sessions import Sessions
        from covey.store.models.account import DynamoAccountStore
        from covey.store.models.session import DynamoSessionStore

        return Accounts(
            collections=self.catalog,
            records=self.record_store,
            accounts=DynamoAccountStore(),
            sessions=Sessions(DynamoSessionStore(), lifetime=self.settings.refresh_token_ttl),
            tokens=self.tokens,
            limits=self.throttle,
        )

    @cached_property
    def throttle(self) -> Throttle:
        """Counted attempts."""
        from covey.identity.throttle import Throttle
        from covey.store.models.throttle import DynamoAttemptStore

        return Throttle(DynamoAttemptStore())

    @cached_property
    def first_administrator(self) -> FirstAdministrator:
        """The one-time token that makes the first administrator."""
        from covey.identity.bootstrap import FirstAdministrator
        from covey.store.models.bootstrap import DynamoBootstrapStore

        return FirstAdministrator(DynamoBootstrapStore(), self.accounts, self.throttle)


@cache
def services() -> Services:
    """The services of this process."""
    return Services()
