"""The second factor: whether one is asked for, and what answers it.

Whoever has confirmed an authenticator app is asked for a code after every first factor: a
password, a code or link by mail, an account elsewhere. A passkey that verified its user is two
factors in one (NIST SP 800-63B, 5.1.8).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from covey.errors import Conflict, Forbidden, TooManyRequests, Unauthenticated
from covey.identity import recovery, throttle, totp
from covey.identity.audit import Audit
from covey.identity.factors import Factors, FactorStore
from covey.identity.flows import SECOND_FACTOR, Flows
from covey.identity.ports import NOWHERE, Account, Place
from covey.identity.sealing import BrokenSeal, Seal
from covey.identity.throttle import Throttle

PASSKEY = "passkey"  # the means of a session that needs no second factor


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A first factor was right; `flow` goes on with one of `factors`."""

    flow: str
    factors: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As sign-in answers it."""
        return {"status": "mfa_required", "flow": self.flow, "factors": list(self.factors)}


@dataclass(frozen=True, slots=True)
class Passed:
    """Both factors were right: of `user`, at this generation of the account, by `means`."""

    user: str
    generation: int
    means: str


class SecondFactor:
    """Asks for second factors and checks them."""

    def __init__(
        self,
        *,
        store: FactorStore,
        flows: Flows,
        seal: Seal,
        limits: Throttle,
        audit: Audit,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._flows = flows
        self._seal = seal
        self._limits = limits
        self._audit = audit
        self._clock = clock

    def of(self, account: Account) -> Factors:
        """What the account has besides its password."""
        return self._store.of(account.user) if account.factors else Factors()

    def ask(self, account: Account, means: str) -> Awaiting | None:
        """What is asked for after a first factor, if anything."""
        if means == PASSKEY:
            return None
        factors = self.of(account)
        if not factors.asked:
            return None
        flow = self._flows.new()
        value = {"user": account.user, "generation": account.generation, "means": means}
        self._flows.begin(SECOND_FACTOR, flow, value, self._flows.until(SECOND_FACTOR))
        return Awaiting(flow, _kinds(factors))

    def answer(self, flow: str, prove: Callable[[str], str], place: Place = NOWHERE) -> Passed:
        """Take a proof for a flow: `prove` is called with its user, and answers what it was.

        Raises Unauthenticated: ``invalid_token`` where the flow does not hold, and one has to
        begin anew; ``invalid_credentials`` where the proof is wrong. TooManyRequests.
        """
        self._limits.take(throttle.CODE_ADDRESS, place.address)
        value: Mapping[str, Any] = self._flows.guess(SECOND_FACTOR, flow)
        user = str(value["user"])
        factor = prove(user)
        self._flows.finish(SECOND_FACTOR, flow)
        return Passed(user, int(value["generation"]), f"{value['means']}+{factor}")

    def check(self, user: str, code: str, place: Place = NOWHERE) -> str:
        """Spend a code of the user's; answers whether it was of the app or for recovery.

        Raises Unauthenticated("invalid_credentials") and TooManyRequests.
        """
        try:
            taken = self._limits.take(throttle.SECOND_FACTOR, user)
        except TooManyRequests:
            self._audit.note("second_factor_throttled", user, place)
            raise
        factor = self._spend(user, self._store.of(user), code)
        if not factor:
            self._audit.note("second_factor_failed", user, place)
            raise Unauthenticated("This code is wrong.", code="invalid_credentials")
        self._limits.give_back(taken)
        if factor == "recovery":
            left = len(self._store.of(user).recovery)
            self._audit.note("recovery_code_used", user, place, left=str(left))
        return factor

    def _spend(self, user: str, factors: Factors, code: str) -> str:
        if factors.totp is None or not factors.totp.enabled:
            return ""
        if recovery.normal(code):
            return "recovery" if self._store.spend_code(user, recovery.digest(user, code)) else ""
        try:
            secret = self._seal.open(factors.totp.secret, user)
        except BrokenSeal:
            # Of another deployment's backup: recovery codes hold, the app does not.
            return ""
        step = totp.step_of(secret, code, self._clock())
        return "totp" if step is not None and self._store.spend_step(user, step) else ""


def refuse_actors(actor: str) -> None:
    """Who acts in another's name does not change what proves who that is."""
    if actor:
        raise Forbidden("Only the user can do this, in person.", code="impersonating")


def changed_meanwhile() -> Conflict:
    """Somebody else has changed the account in the same moment."""
    return Conflict("The account has changed meanwhile. Try again.")


def _kinds(factors: Factors) -> tuple[str, ...]:
    kinds = {"totp": True, "recovery": bool(factors.recovery), PASSKEY: bool(factors.passkeys)}
    return tuple(kind for kind, has in kinds.items() if has)
