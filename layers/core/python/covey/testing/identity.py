"""In-memory twins of what identity keeps; they pass the tests of their DynamoDB counterparts.

What they answer for ``also`` is an entry with an `apply` of its own, which `MemoryUserRecords`
tries first and runs last, so that a create with it happens whole or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from covey.collections.model import Collection
from covey.errors import Conflict, FieldError
from covey.identity.ports import Account, Bootstrap, Session, StoredKey
from covey.records.ids import IdMaker
from covey.records.model import Record


def _entry(holds: Callable[[], bool], apply: Callable[[], None]) -> dict[str, Any]:
    return {"holds": holds, "apply": apply}


@dataclass
class MemoryAccountStore:
    """The port `AccountStore` in memory."""

    accounts: dict[str, Account] = field(default_factory=dict)

    def get(self, user: str) -> Account | None:
        """The account of a user."""
        return self.accounts.get(user)

    def creation(self, account: Account) -> dict[str, Any]:
        """The entry that creates it."""
        return _entry(
            lambda: account.user not in self.accounts,
            lambda: self.accounts.__setitem__(account.user, account),
        )

    def replace_password(self, user: str, before: str, after: str) -> bool:
        """Replace where `before` is kept."""
        account = self.accounts.get(user)
        if account is None or account.password != before:
            return False
        self.accounts[user] = replace(account, password=after)
        return True


@dataclass
class MemorySessionStore:
    """The port `SessionStore` in memory."""

    sessions: dict[str, Session] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, session: Session) -> None:
        """Keep it."""
        self.sessions[session.id] = session

    def creation(self, session: Session) -> dict[str, Any]:
        """The entry that keeps it."""
        return _entry(lambda: session.id not in self.sessions, lambda: self.create(session))

    def get(self, id: str) -> Session | None:
        """The session."""
        return self.sessions.get(id)

    def rotate(self, id: str, before: str, after: str, expires: int) -> bool:
        """Replace where `before` is kept."""
        with self.lock:
            session = self.sessions.get(id)
            if session is None or session.secret != before:
                return session is not None and session.secret == after
            self.sessions[id] = replace(session, secret=after, expires=expires)
            return True

    def end(self, id: str) -> None:
        """Forget it."""
        with self.lock:
            self.sessions.pop(id, None)


@dataclass
class MemoryKeyStore:
    """The port `KeyStore` in memory."""

    keys: dict[int, StoredKey] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self) -> list[StoredKey]:
        """By generation."""
        return [self.keys[generation] for generation in sorted(self.keys)]

    def add(self, generation: int, key: StoredKey) -> bool:
        """Keep it unless there is one."""
        with self.lock:
            return self.keys.setdefault(generation, key) is key


@dataclass
class MemoryAttemptStore:
    """The port `AttemptStore` in memory; nothing is ever swept."""

    counts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, limit: int, expires: int) -> bool:
        """Count one more."""
        with self.lock:
            if self.counts.get(key, 0) >= limit:
                return False
            self.counts[key] = self.counts.get(key, 0) + 1
            return True

    def give_back(self, key: str) -> None:
        """Count one less."""
        with self.lock:
            if self.counts.get(key, 0) > 0:
                self.counts[key] -= 1


@dataclass
class MemoryBootstrapStore:
    """The port `BootstrapStore` in memory."""

    offered: Bootstrap = field(default_factory=Bootstrap)

    def get(self) -> Bootstrap:
        """Where it stands."""
        return self.offered

    def offer(self, token: str, expires: int, *, again: bool) -> bool:
        """Open an offer."""
        if self.offered.administrator and not again:
            return False
        self.offered = replace(self.offered, token=token, expires=expires)
        return True

    def redemption(self, token: str, user: str, now: int) -> dict[str, Any]:
        """The entry that closes it."""
        return _entry(
            lambda: self.offered.token == token and self.offered.expires > now,
            lambda: setattr(self, "offered", replace(self.offered, token="", administrator=user)),
        )


@dataclass
class MemoryUserRecords:
    """The part of `RecordStore` that accounts need, in memory."""

    records: dict[str, Record] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ids: IdMaker = field(default_factory=IdMaker)

    def new_id(self, collection: Collection) -> str:
        """A fresh id."""
        return self.ids.make()

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """One record."""
        return self.records.get(record_id)

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Write it and `also`, or nothing."""
        with self.lock:
            for names in collection.unique:
                values = tuple(record.values.get(name) for name in names)
                if None not in values and self.find_unique(collection, names, values):
                    errors = [FieldError(name, "unique_violation", "is taken") for name in names]
                    raise Conflict(code="unique_violation", errors=errors)
            if not all(entry["holds"]() for entry in also):
                raise Conflict
            self.records[record.id] = record
            for entry in also:
                entry["apply"]()

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """The id of the record with these values."""
        for record in list(self.records.values()):
            if tuple(record.values.get(name) for name in fields) == values:
                return record.id
        return None
