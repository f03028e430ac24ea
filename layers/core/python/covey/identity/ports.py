"""What identity keeps, and how its keepers must behave.

The adapters are `covey.store.models` (DynamoDB) and `covey.testing.identity` (memory); both pass
the same tests. Times are in seconds since the epoch; secrets arrive here hashed.

`creation` and `redemption` return one entry for ``RecordStore.create(..., also=[...])``: opaque to
the domain, written in the same transaction as the user's record or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.records.model import Record


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in needs and no record shows.

    `password` is an argon2id hash, or "" for who signs in by other means. `generation` rises
    with whatever ends all sessions: a session that was begun before is not begun after it.
    `factors` says that there are other proofs beside it, or were (`covey.identity.factors`).
    """

    user: str
    password: str
    created: int
    disabled: bool = False
    generation: int = 0
    factors: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody called from, as far as a request tells: for people to recognise."""

    address: str = ""
    agent: str = ""


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in and its chain of refresh tokens.

    `family` is the hash of the part that all its tokens share, `secret` the hash of the part
    that only the newest has. After `expires` it does not hold, swept or not. `place` is where it
    began, `used` when its tokens were last renewed, `means` how its user proved to be it, and
    `actor` the administrator who acts in the user's name.
    """

    id: str
    user: str
    family: str
    secret: str
    created: int
    expires: int
    place: Place = NOWHERE
    used: int = 0
    means: str = "password"
    actor: str = ""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key: `id` is its RFC 7638 thumbprint, `private` the 32 bytes of Ed25519."""

    id: str
    private: bytes
    created: int
    generation: int = 1


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Where the first administrator stands: an open offer, or who took it."""

    token: str = ""
    expires: int = 0
    administrator: str = ""


class AccountStore(Protocol):
    """Accounts by user id."""

    def get(self, user: str) -> Account | None:
        """Read consistently."""
        ...

    def creation(self, account: Account) -> dict[str, Any]:
        """The entry that creates `account`, failing the transaction where one exists."""
        ...

    def add(self, account: Account) -> bool:
        """Keep a new account, for a user who is there; False where there is one."""
        ...

    def replace_password(self, user: str, before: str, after: str) -> bool:
        """Store the hash `after` where `before` is still the one kept; whether it was."""
        ...

    def change(self, before: Account, after: Account) -> bool:
        """Keep `after`, one generation on, where `before`'s generation still stands."""
        ...

    def advance(self, before: Account, after: Account) -> dict[str, Any]:
        """The entry that does what `change` does, failing where `before` is disabled."""
        ...

    def standing(self, account: Account) -> dict[str, Any]:
        """The entry that fails unless the account is enabled and of this generation."""
        ...

    def strip(self, user: str) -> None:
        """Forget whatever is kept with the account, but not itself."""
        ...

    def remove(self, user: str) -> None:
        """Forget the account and whatever is kept with it; no matter whether it is there."""
        ...


class SessionStore(Protocol):
    """Sessions by user and id."""

    def creation(self, session: Session) -> dict[str, Any]:
        """The entry that keeps a new session until it expires."""
        ...

    def open(self, session: Session, guard: dict[str, Any]) -> bool:
        """Keep a new session in one transaction with `guard`; False where that failed."""
        ...

    def get(self, user: str, id: str) -> Session | None:
        """Read consistently; an expired session may still be there."""
        ...

    def of(self, user: str) -> Sequence[Session]:
        """All sessions of a user, read consistently."""
        ...

    def rotate(self, before: Session, secret: str, now: int, expires: int) -> bool:
        """Replace the secret's hash once where it is `before`'s; False, changing nothing, else.

        Where `secret` is kept already the answer is True: it was this very call, sent again.
        """
        ...

    def end(self, user: str, id: str) -> None:
        """Forget the session; no matter whether it is there."""
        ...


class CallerStore(Protocol):
    """What each request of a signed-in user is checked against."""

    def load(
        self, users: Collection, user: str, session: str
    ) -> tuple[Session | None, Record | None]:
        """The session and the user's record as they are now, in one consistent read."""
        ...


class KeyStore(Protocol):
    """Signing keys by generation, from 1 on."""

    def all(self) -> Sequence[StoredKey]:
        """Every key, oldest generation first, read consistently."""
        ...

    def add(self, generation: int, key: StoredKey) -> bool:
        """Keep `key` as this generation unless there is one; whether it was kept."""
        ...

    def remove(self, key: StoredKey) -> bool:
        """Forget this very key; whether it was there."""
        ...


class AttemptStore(Protocol):
    """Counters of a fixed window, gone after it."""

    def take(self, key: str, limit: int, expires: int) -> bool:
        """Count one more unless `limit` are counted; whether it was counted."""
        ...

    def give_back(self, key: str) -> None:
        """Count one less, where there is a counter."""
        ...


class BootstrapStore(Protocol):
    """The one place where the first administrator is decided."""

    def get(self) -> Bootstrap:
        """Read consistently."""
        ...

    def offer(self, token: str, expires: int, *, again: bool) -> bool:
        """Open an offer in place of an older one.

        Answers False, changing nothing, when an administrator was made, unless `again`.
        """
        ...

    def redemption(self, token: str, user: str, now: int) -> dict[str, Any]:
        """The entry that closes the offer for `user`, failing where it is another or over."""
        ...


class UserRecords(Protocol):
    """The part of `covey.records.ports.RecordStore` that accounts need."""

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """One record."""
        ...

    def create(
        self, collection: Collection, record: Record, *, also: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Write a new record, its claims and `also` in one transaction; else Conflict."""
        ...

    def update(
        self,
        collection: Collection,
        before: Record,
        after: Record,
        *,
        also: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Replace `before` by `after` if it is still at its version; else Conflict."""
        ...

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """The id of the record that claims `values`, read consistently."""
        ...

    def new_id(self, collection: Collection) -> str:
        """A fresh id."""
        ...
