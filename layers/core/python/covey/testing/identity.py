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
from covey.identity.audit import Event
from covey.identity.ports import Account, Bootstrap, Session, StoredKey
from covey.records.ids import IdMaker
from covey.records.model import Record


def _entry(holds: Callable[[], bool], apply: Callable[[], None]) -> dict[str, Any]:
    return {"holds": holds, "apply": apply}


@dataclass
class MemoryAccountStore:
    """The port `AccountStore` in memory."""

    accounts: dict[str, Account] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, user: str) -> Account | None:
        """The account of a user."""
        return self.accounts.get(user)

    def creation(self, account: Account) -> dict[str, Any]:
        """The entry that creates it."""
        return _entry(
            lambda: account.user not in self.accounts,
            lambda: self.accounts.__setitem__(account.user, account),
        )

    def add(self, account: Account) -> bool:
        """Keep it where there is none."""
        with self.lock:
            new = account.user not in self.accounts
            self.accounts.setdefault(account.user, account)
            return new

    def replace_password(self, user: str, before: str, after: str) -> bool:
        """Replace where `before` is kept."""
        account = self.accounts.get(user)
        if account is None or account.password != before:
            return False
        self.accounts[user] = replace(account, password=after)
        return True

    def change(self, before: Account, after: Account) -> bool:
        """Keep it, one generation on."""
        with self.lock:
            kept = self.accounts.get(before.user)
            if kept is None or kept.generation != before.generation:
                return False
            self.accounts[before.user] = replace(after, generation=before.generation + 1)
            return True

    def advance(self, before: Account, after: Account) -> dict[str, Any]:
        """The entry that keeps it, one generation on."""
        return _entry(
            self.standing(before)["holds"],
            lambda: self.accounts.__setitem__(
                before.user, replace(after, generation=before.generation + 1)
            ),
        )

    def standing(self, account: Account) -> dict[str, Any]:
        """The entry that fails unless it stands."""

        def holds() -> bool:
            kept = self.accounts.get(account.user)
            same = kept is not None and kept.generation == account.generation
            return same and kept is not None and not kept.disabled

        return _entry(holds, lambda: None)

    def strip(self, user: str) -> None:
        """Nothing is kept with it here: the twins of the rest keep that apart."""

    def remove(self, user: str) -> None:
        """Forget it."""
        self.accounts.pop(user, None)


@dataclass
class MemorySessionStore:
    """The port `SessionStore` in memory."""

    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def creation(self, session: Session) -> dict[str, Any]:
        """The entry that keeps it."""
        key = (session.user, session.id)
        return _entry(
            lambda: key not in self.sessions, lambda: self.sessions.__setitem__(key, session)
        )

    def open(self, session: Session, guard: dict[str, Any]) -> bool:
        """Keep it where `guard` holds."""
        with self.lock:
            entry = self.creation(session)
            if not (entry["holds"]() and guard["holds"]()):
                return False
            entry["apply"]()
            guard["apply"]()
            return True

    def get(self, user: str, id: str) -> Session | None:
        """The session."""
        return self.sessions.get((user, id))

    def of(self, user: str) -> list[Session]:
        """All of them."""
        return [session for session in list(self.sessions.values()) if session.user == user]

    def rotate(self, before: Session, secret: str, now: int, expires: int) -> bool:
        """Replace where `before` is kept."""
        key = (before.user, before.id)
        with self.lock:
            session = self.sessions.get(key)
            if session is None or session.secret != before.secret:
                return session is not None and session.secret == secret
            self.sessions[key] = replace(session, secret=secret, used=now, expires=expires)
            return True

    def end(self, user: str, id: str) -> None:
        """Forget it."""
        with self.lock:
            self.sessions.pop((user, id), None)


@dataclass
class MemoryCallerStore:
    """The port `CallerStore` over the twins of its parts."""

    sessions: MemorySessionStore
    records: MemoryUserRecords

    def load(
        self, users: Collection, user: str, session: str
    ) -> tuple[Session | None, Record | None]:
        """Both as they are."""
        return self.sessions.get(user, session), self.records.get(users, user)


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

    def remove(self, key: StoredKey) -> bool:
        """Forget it."""
        with self.lock:
            kept = self.keys.get(key.generation)
            if kept is None or kept.id != key.id:
                return False
            del self.keys[key.generation]
            return True


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

    def count(self, key: str, amount: int, expires: int) -> int:
        """Count several more."""
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + amount
            return self.counts[key]

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
            self._write(collection, record, also)

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Replace it and write `also`, or nothing."""
        with self.lock:
            kept = self.records.get(before.id)
            if kept is None or kept.version != before.version:
                raise Conflict
            self._write(collection, after, also)

    def _write(
        self, collection: Collection, record: Record, also: Sequence[dict[str, Any]]
    ) -> None:
        for names in collection.unique:
            values = tuple(record.values.get(name) for name in names)
            holder = self.find_unique(collection, names, values)
            if None not in values and holder not in (None, record.id):
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


@dataclass
class MemoryAuditStore:
    """The port `AuditStore` in memory; nothing is ever swept."""

    events: list[Event] = field(default_factory=list)

    def add(self, event: Event, expires: int) -> None:
        """Keep it."""
        self.events.append(replace(event, id=f"{len(self.events):06d}"))

    def newest(self, limit: int, before: str = "", user: str = "") -> Sequence[Event]:
        """The newest first."""
        found = [
            event
            for event in reversed(self.events)
            if (not before or event.id < before) and (not user or event.user == user)
        ]
        return found[:limit]
