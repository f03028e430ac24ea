"""Where ports meet adapters: the one place that knows both sides.

`services()` is cached for the process and builds nothing by itself: each service is made when
it is first asked for, and imports what it needs then, so that a function pays at its cold
start only for what it uses. A service is a `cached_property` with its imports in its body.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from covey.config import Settings, settings

if TYPE_CHECKING:
    from covey.collections.catalog import Catalog
    from covey.identity.principal import Principal
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
        """The caller that an Authorization header names; raises Unauthenticated."""
        from covey.errors import Unauthenticated
        from covey.identity.principal import GUEST

        if authorization is None:
            return GUEST
        raise Unauthenticated(code="invalid_token")


@cache
def services() -> Services:
    """The services of this process."""
    return Services()
