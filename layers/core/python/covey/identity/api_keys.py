"""API keys as people keep them: made, listed, ended, each noted in the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from covey.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Unauthenticated
from covey.identity.administrators import administrators_only
from covey.identity.api_key import ApiKey, ApiKeyStore, Name, mint
from covey.identity.audit import Audit
from covey.identity.ports import NOWHERE, AccountStore, Place
from covey.identity.principal import Principal
from covey.identity.scopes import Scopes

MAX_KEYS = 100  # of one user, and of the service
MAX_TITLE = 100
MAX_ROLES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; `expires` in seconds since the epoch, 0 for never."""

    title: str
    scopes: Scopes
    expires: int = 0
    service: bool = False
    roles: tuple[str, ...] = ()


class ApiKeys:
    """Users make keys for themselves, administrators also for the service."""

    def __init__(
        self,
        store: ApiKeyStore,
        accounts: AccountStore,
        audit: Audit,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._audit = audit
        self._clock = clock

    def make(self, caller: Principal, wanted: Wanted, place: Place = NOWHERE) -> tuple[ApiKey, str]:
        """A new key and its token, which is not kept and never shown again.

        Raises Unauthenticated, Forbidden, Invalid, Conflict("too_many_keys").
        """
        in_person(caller)
        if wanted.service:
            administrators_only(caller)
        now = int(self._clock())
        _check(wanted, now)
        user = "" if wanted.service else caller.id
        if len(self._held(user)) >= MAX_KEYS:
            raise Conflict(f"There are {MAX_KEYS} keys. End some first.", code="too_many_keys")
        account = self._accounts.get(user) if user else None
        if user and account is None:
            raise Unauthenticated("Nobody is signed in.")
        name, token, secret = mint(user)
        key = ApiKey(
            name=name,
            title=wanted.title,
            secret=secret,
            scopes=wanted.scopes,
            created=now,
            maker=caller.id,
            expires=wanted.expires,
            roles=wanted.roles,
            generation=account.generation if account else 0,
        )
        if not self._store.add(key, self._accounts.standing(account) if account else None):
            raise Conflict("The account has changed meanwhile. Try again.")
        self._audit.note("key_made", user, place, actor=caller.id, key=name.id, of=key.kind)
        return key, token

    def of(self, caller: Principal) -> Sequence[ApiKey]:
        """The caller's keys that hold, newest first, and to administrators those of the service."""
        _signed_in(caller)
        held = self._held(caller.id)
        if caller.sees_all:
            held += self._held("")
        return sorted(held, key=lambda key: (key.created, key.name.id), reverse=True)

    def end(self, caller: Principal, id: str, place: Place = NOWHERE) -> None:
        """End one of the keys that `of` lists, with the next request; raises NotFound."""
        in_person(caller)
        for user in (caller.id, "") if caller.sees_all else (caller.id,):
            if self._store.end(Name(id, user)):
                self._audit.note("key_ended", user, place, actor=caller.id, key=id)
                return
        raise NotFound("key")

    def end_all(self, caller: Principal, user: str, place: Place = NOWHERE) -> int:
        """End all keys of a user, by an administrator; how many. Raises NotFound."""
        administrators_only(caller)
        if not user or self._accounts.get(user) is None:
            raise NotFound("user")
        ended = [key.name for key in self._store.of(user) if self._store.end(key.name)]
        self._audit.note("keys_ended", user, place, actor=caller.id)
        return len(ended)

    def _held(self, user: str) -> list[ApiKey]:
        now = self._clock()
        return [key for key in self._store.of(user) if not key.expires or key.expires > now]


def in_person(caller: Principal) -> None:
    """Raise unless a user calls who is signed in: no key, nobody in another's name."""
    _signed_in(caller)
    if caller.actor:
        raise Forbidden("Only the user can do this, in person.", code="impersonating")


def _signed_in(caller: Principal) -> None:
    if not caller.session or caller.scopes is not None:
        raise Unauthenticated("Sign in first.")


def _check(wanted: Wanted, now: int) -> None:
    faults = []
    if not 0 < len(wanted.title) <= MAX_TITLE or not wanted.title.isprintable():
        faults.append(FieldError("name", "invalid", f"must have 1 to {MAX_TITLE} characters"))
    if wanted.expires and wanted.expires <= now:
        faults.append(FieldError("expires", "invalid", "must be in the future"))
    if wanted.roles and not wanted.service:
        faults.append(FieldError("roles", "invalid", "are the user's own, but for service keys"))
    if len(wanted.roles) > MAX_ROLES or not all(0 < len(one) <= 64 for one in wanted.roles):
        faults.append(FieldError("roles", "invalid", f"must be at most {MAX_ROLES} short texts"))
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
