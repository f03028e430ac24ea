"""Users without credentials: made by a call, known by their session, named later or swept.

Nothing but its sessions proves who such a user is. Once none of them holds, nobody can come back
as this user, and the record is deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.errors import Conflict, CoveyError, Forbidden, Invalid
from covey.identity import passwords, throttle
from covey.identity.accounts import USERS, Accounts, Collections, SignedIn, open_to_sign_up
from covey.identity.addresses import ATTEMPTS, Addresses
from covey.identity.audit import Audit
from covey.identity.authorize import refuse_early
from covey.identity.ports import NOWHERE, Account, AccountStore, Place, UserRecords
from covey.identity.principal import Principal
from covey.identity.second_factor import Awaiting
from covey.identity.sessions import Sessions
from covey.identity.throttle import Throttle
from covey.identity.users import (
    ANONYMOUS,
    address,
    is_anonymous,
    named,
    new_member,
    password_faults,
)
from covey.mail.post import Post
from covey.records.model import Record

PAGE = 25
GRACE_S = 86_400  # after the last session has ended
MONTH_S = 30 * 86_400
_MEANS = "anonymous"


class AnonymousStore(Protocol):
    """When to look for anonymous users; `covey.testing.federation` has the twin."""

    def creation(self, user: str, due: int) -> dict[str, Any]:
        """The entry that lists a user, to be looked for at `due` (seconds)."""
        ...

    def due(self, now: int, limit: int) -> Sequence[tuple[int, str]]:
        """Those to look for by `now`: when, and who; the earliest first."""
        ...

    def postpone(self, user: str, due: int, later: int) -> None:
        """List a user anew."""
        ...

    def forget(self, user: str, due: int) -> None:
        """Take a user off the list."""
        ...


class AnonymousUsers:
    """Makes, names and sweeps them."""

    def __init__(
        self,
        *,
        collections: Collections,
        records: UserRecords,
        store: AccountStore,
        listed: AnonymousStore,
        accounts: Accounts,
        addresses: Addresses,
        sessions: Sessions,
        limits: Throttle,
        audit: Audit,
        post: Post,
        lifetime: int,
        on: bool = False,
        by_mail: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`lifetime` of a session in seconds; `on`: there may be new ones."""
        self._collections = collections
        self._records = records
        self._store = store
        self._listed = listed
        self._accounts = accounts
        self._addresses = addresses
        self._sessions = sessions
        self._limits = limits
        self._audit = audit
        self._post = post
        self._lifetime = lifetime
        self._on = on
        self._by_mail = by_mail
        self._clock = clock

    def make(
        self, values: Mapping[str, Any], caller: Principal, place: Place = NOWHERE
    ) -> SignedIn | Awaiting:
        """A new user without an e-mail, signed in.

        Raises Forbidden where they are off or the rule `create` of `users` does not allow it,
        Invalid, TooManyRequests.
        """
        if not self._on:
            raise Forbidden("Users are not anonymous here.", code="anonymous_off")
        users = self._users()
        refuse_early(caller, open_to_sign_up(users), "create")
        id, now = self._records.new_id(users), self._clock()
        user = new_member(users, values, id=id, now=int(now * 1000), caller=caller)
        self._accounts.check_new(user, caller, values)
        self._limits.take(throttle.ANONYMOUS_ADDRESS, place.address)
        user = self._accounts.hooked(user, caller)
        user = replace(user, values={**user.values, "roles": [ANONYMOUS]})
        account = Account(id, "", user.created // 1000)
        due = int(now) + self._lifetime + GRACE_S
        also = [self._store.creation(account), self._listed.creation(id, due)]
        self._records.create(users, user, also=also)
        self._audit.note("signed_up", id, place, means=_MEANS)
        return self._accounts.open(user, account, place, means=_MEANS)

    def upgrade(
        self, caller: Principal, email: str, password: str, place: Place = NOWHERE
    ) -> Record | None:
        """Give the anonymous caller an e-mail and a password; id, records and sessions stay.

        Raises Invalid, Conflict ``not_anonymous``, ``unique_violation`` where the e-mail is
        taken, and Forbidden where the rule `create` does not allow it. By mail the answer is
        None, taken or not, and the e-mail holds once its owner opened the link.
        """
        for _ in range(ATTEMPTS):
            user = self._addresses.owner(caller)
            if caller.actor or not is_anonymous(user):
                raise Conflict("This account has its credentials.", code="not_anonymous")
            kept = self._checked(email, password)
            after = self._named(user, kept)
            self._accounts.check_new(after, caller)
            self._limits.take(throttle.SIGN_UP_ADDRESS, place.address)
            account = self._store.get(user.id)
            if account is None:
                raise Conflict("The account has changed meanwhile. Try again.")
            renewed = replace(account, password=passwords.digest(password))
            if self._by_mail:
                self._ask(caller, account, renewed, kept, place)
                return None
            entry = self._store.advance(account, renewed)
            try:
                self._records.update(self._users(), user, after, also=[entry])
            except Conflict as exc:
                if exc.code != "conflict":
                    raise
                continue
            self._audit.note("upgraded", user.id, place)
            self._post.order("verify", user=user.id)
            return after
        raise Conflict("The account keeps changing. Try again.")

    def _checked(self, email: str, password: str) -> str:
        kept = address(self._users(), email)
        faults = password_faults(password, kept)
        if faults:
            raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
        return kept

    def _named(self, user: Record, email: str) -> Record:
        values = {**named(user.values), "email": email, "verified": False}
        now = max(int(self._clock() * 1000), user.updated)
        return replace(user, version=user.version + 1, updated=now, values=values)

    def _ask(
        self, caller: Principal, account: Account, renewed: Account, email: str, place: Place
    ) -> None:
        if not self._store.change(account, renewed):
            raise Conflict("The account has changed meanwhile. Try again.")
        self._addresses.ask_change(caller, email, place)

    def _users(self) -> Collection:
        return self._collections.get(USERS)


class AnonymousSweep:
    """Deletes those whom nobody can be any more."""

    def __init__(
        self,
        *,
        listed: AnonymousStore,
        store: AccountStore,
        sessions: Sessions,
        read: Callable[[str], Record | None],
        delete: Callable[[Record], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`read` gives a user as they are now; `delete` deletes one who is still so."""
        self._listed = listed
        self._store = store
        self._sessions = sessions
        self._read = read
        self._delete = delete
        self._clock = clock

    def run(self, time_left: Callable[[], bool]) -> dict[str, int]:
        """Go on until none is due or the time ends; how many were deleted, and how many not."""
        deleted = failed = 0
        while time_left():
            now = int(self._clock())
            due = self._listed.due(now, PAGE)
            for when, user in due:
                try:
                    deleted += self._swept(user, when, now)
                except CoveyError:  # others refer to it, or it was written just now
                    self._listed.postpone(user, when, now + GRACE_S)
                    failed += 1
            if len(due) < PAGE:
                break
        return {"anonymous_deleted": deleted, "anonymous_failed": failed}

    def _swept(self, user: str, due: int, now: int) -> bool:
        record = self._read(user)
        if record is None or not is_anonymous(record):
            self._listed.forget(user, due)
            return False
        account = self._store.get(user)
        ends = max((one.expires for one in self._sessions.of(user)), default=0)
        if account is not None and account.factors:  # a passkey leads back in
            ends = now + MONTH_S
        if ends > now:
            self._listed.postpone(user, due, ends + GRACE_S)
            return False
        self._delete(record)
        self._listed.forget(user, due)
        return True
