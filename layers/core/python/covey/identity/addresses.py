"""E-mail addresses: proven by a letter, changed by proving the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.errors import Conflict, Unauthenticated
from covey.identity import throttle
from covey.identity.audit import Audit
from covey.identity.challenges import CHANGE_EMAIL, Challenges
from covey.identity.ports import NOWHERE, Place, UserRecords
from covey.identity.principal import Principal
from covey.identity.throttle import Throttle
from covey.identity.users import address, named
from covey.mail.post import Post
from covey.records.model import Record
from covey.records.time import now_ms

USERS = "users"
ATTEMPTS = 5  # to write a record that others are writing too


class Collections(Protocol):
    """Where the collection `users` is looked up."""

    def get(self, name: str) -> Collection:
        """The collection of this name."""
        ...


class Addresses:
    """Proves and changes the addresses of users."""

    def __init__(
        self,
        *,
        collections: Collections,
        records: UserRecords,
        challenges: Challenges,
        limits: Throttle,
        audit: Audit,
        post: Post,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._collections = collections
        self._records = records
        self._challenges = challenges
        self._limits = limits
        self._audit = audit
        self._post = post
        self._clock = clock

    def of(self, user: str) -> Record | None:
        """A user's record as it is now."""
        return self._records.get(self._collections.get(USERS), user, consistent=True)

    def owner(self, caller: Principal) -> Record:
        """The record of the user who calls; raises Unauthenticated."""
        user = self.of(caller.id) if caller.session else None
        if user is None:
            raise Unauthenticated("Nobody is signed in.")
        return user

    def ask_proof(self, caller: Principal) -> None:
        """Have the letter sent again that proves the caller's address."""
        user = self.owner(caller)
        self._limits.take(throttle.LETTER_READER, f"id:{user.id}")
        self._post.order("verify", user=user.id)

    def prove(self, user: str, email: str) -> bool:
        """Write that this address is the user's; False where they have another by now."""
        return self._write(user, email, {"verified": True}) is not None

    def ask_change(self, caller: Principal, new: object, place: Place = NOWHERE) -> None:
        """Have a link sent to the new address, and word of it to the old one.

        Raises Invalid for what is no address. Whether the new one is taken is not told: then
        its owner gets no link, but a letter that says so.
        """
        user = self.owner(caller)
        email = address(self._collections.get(USERS), new)
        self._limits.take(throttle.LETTER_READER, f"id:{user.id}")
        self._post.order("change_email", user=user.id, old=user.values.get("email"), new=email)
        if user.values.get("email") is not None:
            self._post.order("email_changing", user=user.id, new=email)
        self._audit.note("email_change_asked", user.id, place, actor=caller.actor)

    def change(self, secret: str, place: Place = NOWHERE) -> None:
        """Take the link of the new address.

        Raises Unauthenticated("invalid_token"), Conflict("unique_violation") where somebody
        took the address meanwhile.
        """
        proof = self._challenges.redeem(CHANGE_EMAIL, secret)
        user, old, new = proof["user"], proof["old"], proof["new"]
        if self._write(user, old, {"email": new, "verified": True}, named) is None:
            raise Unauthenticated("This link does not hold any more.", code="invalid_token")
        self._audit.note("email_changed", user, place)
        if old is not None:  # an anonymous user had none
            self._post.order("email_changed", to=old, new=new)

    def _write(
        self,
        user: str,
        email: str | None,
        values: Mapping[str, Any],
        also: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
    ) -> Record | None:
        """The user's record with these values; None where their address is not `email`."""
        users = self._collections.get(USERS)
        for _ in range(ATTEMPTS):
            before = self.of(user)
            if before is None or before.values.get("email") != email:
                return None
            if all(before.values.get(name) == value for name, value in values.items()):
                return before
            after = replace(
                before,
                version=before.version + 1,
                updated=max(self._clock(), before.updated),
                values=also({**before.values, **values}),
            )
            try:
                self._records.update(users, before, after)
            except Conflict as exc:
                if exc.code != "conflict":
                    raise
            else:
                return after
        raise Conflict("The account keeps changing. Try again.")
