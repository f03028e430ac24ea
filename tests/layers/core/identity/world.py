"""All of identity over one set of stores, with the clock in hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

from covey.collections import Catalog, load
from covey.errors import CoveyError
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.bootstrap import FirstAdministrator
from covey.identity.ports import (
    AccountStore,
    AttemptStore,
    BootstrapStore,
    KeyStore,
    SessionStore,
    UserRecords,
)
from covey.identity.sessions import Sessions
from covey.identity.signing_keys import SigningKeys
from covey.identity.throttle import Throttle
from covey.identity.tokens import Tokens
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.identity import (
    MemoryAccountStore,
    MemoryAttemptStore,
    MemoryBootstrapStore,
    MemoryKeyStore,
    MemorySessionStore,
    MemoryUserRecords,
)

PASSWORD = "correct horse battery"
EMAIL = "ann@example.test"
Answer = TypeVar("Answer")


class World:
    """Accounts and what they stand on; `now` is the clock, in seconds."""

    records: UserRecords
    accounts_kept: AccountStore
    sessions_kept: SessionStore
    keys_kept: KeyStore
    attempts_kept: AttemptStore
    bootstrap_kept: BootstrapStore

    def __init__(self, table: str | None = None) -> None:
        self.now = float(int(time.time()))
        self.catalog = Catalog(MemoryCatalogStore())
        self._dynamo(table) if table else self._memory()
        clock = self.clock
        keys = SigningKeys(self.keys_kept, clock=clock)
        self.tokens = Tokens(keys, issuer="covey", lifetime=900, clock=clock)
        self.sessions = Sessions(self.sessions_kept, lifetime=3600, clock=clock)
        self.throttle = Throttle(self.attempts_kept, clock=clock)
        self.accounts = Accounts(
            collections=self.catalog,
            records=self.records,
            accounts=self.accounts_kept,
            sessions=self.sessions,
            tokens=self.tokens,
            limits=self.throttle,
            clock=lambda: int(self.now * 1000),
        )
        self.first = FirstAdministrator(
            self.bootstrap_kept, self.accounts, self.throttle, clock=clock
        )

    def clock(self) -> float:
        return self.now

    def users(self, document: Mapping[str, Any]) -> None:
        """Declare `users` anew, as a team's file does."""
        users = load({"name": "users", **document}, previous=self.catalog.get("users"))
        self.catalog.save(users)

    def ann(self, **fields: Any) -> SignedIn:
        return self.accounts.sign_up({"email": EMAIL, **fields}, PASSWORD)

    def _memory(self) -> None:
        self.records = MemoryUserRecords()
        self.accounts_kept = MemoryAccountStore()
        self.sessions_kept = MemorySessionStore()
        self.keys_kept = MemoryKeyStore()
        self.attempts_kept = MemoryAttemptStore()
        self.bootstrap_kept = MemoryBootstrapStore()

    def _dynamo(self, table: str) -> None:
        from covey.store.models.account import DynamoAccountStore
        from covey.store.models.bootstrap import DynamoBootstrapStore
        from covey.store.models.session import DynamoSessionStore
        from covey.store.models.signing_key import DynamoKeyStore
        from covey.store.models.throttle import DynamoAttemptStore
        from covey.store.records import DynamoRecordStore
        from covey.store.transport import transport

        self.records = DynamoRecordStore(transport(), table)
        self.accounts_kept = DynamoAccountStore()
        self.sessions_kept = DynamoSessionStore()
        self.keys_kept = DynamoKeyStore()
        self.attempts_kept = DynamoAttemptStore()
        self.bootstrap_kept = DynamoBootstrapStore()


def at_once(times: int, work: Callable[[int], Answer]) -> tuple[list[Answer], list[CoveyError]]:
    """What `times` threads get that call `work` in the same moment: answers and failures."""
    barrier = Barrier(times)

    def one(number: int) -> Answer | CoveyError:
        barrier.wait()
        try:
            return work(number)
        except CoveyError as exc:
            return exc

    with ThreadPoolExecutor(times) as pool:
        outcomes = list(pool.map(one, range(times)))
    failed = [outcome for outcome in outcomes if isinstance(outcome, CoveyError)]
    return [one for one in outcomes if not isinstance(one, CoveyError)], failed
