"""Authenticator apps and recovery codes, as their users set them up and take them away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covey.errors import Conflict, Forbidden, Unauthenticated
from covey.identity import recovery, throttle, totp
from covey.identity.audit import Audit
from covey.identity.credentials import Credentials
from covey.identity.factors import Factors, FactorStore, Totp
from covey.identity.ports import NOWHERE, Account, AccountStore, Place
from covey.identity.principal import Principal
from covey.identity.sealing import BrokenSeal, Seal
from covey.identity.second_factor import (
    PASSKEY,
    SecondFactor,
    changed_meanwhile,
    refuse_actors,
)
from covey.identity.sessions import Sessions
from covey.identity.throttle import Throttle
from covey.mail.post import Post

FRESH_S = 600


@dataclass(frozen=True, slots=True)
class Offer:
    """A new secret, in base 32 and as the URI of a QR code."""

    secret: str
    uri: str


class Proofs:
    """Whether a caller has proven just now to be who they say."""

    def __init__(
        self,
        store: AccountStore,
        sessions: Sessions,
        credentials: Credentials,
        second: SecondFactor,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._credentials = credentials
        self._second = second
        self._clock = clock

    def standing(self, caller: Principal) -> Account:
        """The account of the user who calls, to be looked at."""
        account = self._store.get(caller.id) if caller.session else None
        if account is None:
            raise Unauthenticated("Nobody is signed in.")
        return account

    def account(self, caller: Principal) -> Account:
        """The account of the user who calls, in no one else's name: to be changed."""
        account = self.standing(caller)
        refuse_actors(caller.actor)
        return account

    def recent(
        self, caller: Principal, password: str = "", code: str = "", place: Place = NOWHERE
    ) -> Account:
        """The caller's account, once something was proven in the last ten minutes.

        A session as young as that will do, or the password; beside an authenticator app only a
        session that has passed it, or a code. Raises Forbidden("proof_required"), and what a
        wrong password or code raises.
        """
        account = self.account(caller)
        asked = self._second.of(account).asked
        if self._fresh(caller, strong=asked):
            return account
        if asked and code:
            self._second.check(caller.id, code, place)
            return account
        if password and account.password and not asked:
            return self._credentials.proven(caller, password)
        what = "a code of your authenticator app" if asked else "your password"
        raise Forbidden(f"Give {what}, or sign in again.", code="proof_required")

    def _fresh(self, caller: Principal, *, strong: bool) -> bool:
        held = (one for one in self._sessions.of(caller.id) if one.id == caller.session)
        session = next(held, None)
        if session is None or session.created + FRESH_S < self._clock():
            return False
        return not strong or "+" in session.means or session.means == PASSKEY


class Authenticator:
    """Sets up and takes away apps and recovery codes."""

    def __init__(
        self,
        *,
        proofs: Proofs,
        accounts: AccountStore,
        store: FactorStore,
        second: SecondFactor,
        seal: Seal,
        limits: Throttle,
        audit: Audit,
        post: Post,
        product: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._proofs = proofs
        self._accounts = accounts
        self._store = store
        self._second = second
        self._seal = seal
        self._limits = limits
        self._audit = audit
        self._post = post
        self._product = product
        self._clock = clock

    def status(self, caller: Principal) -> dict[str, Any]:
        """What the caller has set up."""
        account = self._proofs.standing(caller)
        factors = self._second.of(account)
        return {
            "totp": factors.asked,
            "recovery_codes": len(factors.recovery),
            "passkeys": len(factors.passkeys),
            "password": bool(account.password),
        }

    def offer(self, caller: Principal, password: str, place: Place = NOWHERE) -> Offer:
        """A new secret, to be confirmed with a code; raises Conflict beside a confirmed one."""
        account = self._proofs.recent(caller, password, place=place)
        secret = totp.new_secret()
        kept = Totp(self._seal.close(secret, account.user), int(self._clock()))
        if not self._store.offer_totp(account.user, kept):
            raise Conflict("There is an authenticator app. Remove it first.", code="totp_enabled")
        name = str(caller.values.get("email") or caller.id)
        return Offer(secret, totp.uri(secret, name=name, product=self._product))

    def confirm(self, caller: Principal, code: str, place: Place = NOWHERE) -> Sequence[str]:
        """Enable what was offered, by its first code; answers recovery codes, once.

        Raises Unauthenticated("invalid_credentials") for a wrong code, Conflict where nothing
        was offered, or it was enabled already.
        """
        account = self._proofs.account(caller)
        offered = self._store.of(account.user).totp
        if offered is None or offered.enabled:
            raise Conflict("There is nothing to confirm.", code="totp_not_offered")
        taken = self._limits.take(throttle.SECOND_FACTOR, account.user)
        step = self._step(offered, account.user, code)
        self._limits.give_back(taken)
        codes = recovery.new_codes()
        enabled = replace(offered, enabled=True, step=step)
        kept = [recovery.digest(account.user, one) for one in codes]
        guard = self._accounts.advance(account, replace(account, factors=True))
        if not self._store.enable_totp(account.user, enabled, kept, guard):
            raise changed_meanwhile()
        self._note("totp_enabled", caller, place)
        return codes

    def remove(self, caller: Principal, code: str, place: Place = NOWHERE) -> None:
        """Ask for no second factor any more; by a code of the app, or for recovery."""
        account = self._proofs.account(caller)
        self._enabled(account)
        self._second.check(account.user, code, place)
        self._store.remove_totp(account.user)
        self._note("totp_removed", caller, place)

    def renew_codes(self, caller: Principal, code: str, place: Place = NOWHERE) -> Sequence[str]:
        """Other recovery codes in place of all; by a code of the app, or for recovery."""
        account = self._proofs.account(caller)
        self._enabled(account)
        self._second.check(account.user, code, place)
        codes = recovery.new_codes()
        kept = [recovery.digest(account.user, one) for one in codes]
        self._store.replace_codes(account.user, kept)
        self._note("recovery_codes_renewed", caller, place)
        return codes

    def _enabled(self, account: Account) -> Factors:
        factors = self._second.of(account)
        if not factors.asked:
            raise Conflict("There is no authenticator app.", code="totp_not_enabled")
        return factors

    def _step(self, offered: Totp, user: str, code: str) -> int:
        try:
            secret = self._seal.open(offered.secret, user)
        except BrokenSeal as exc:
            raise Conflict("There is nothing to confirm.", code="totp_not_offered") from exc
        step = totp.step_of(secret, code, self._clock())
        if step is None:
            raise Unauthenticated("This code is wrong.", code="invalid_credentials")
        return step

    def _note(self, what: str, caller: Principal, place: Place) -> None:
        self._audit.note(what, caller.id, place)
        self._post.order("factor_changed", user=caller.id, what=what)
