"""Signing in by mail: a code of six digits, or a link.

Whoever asks holds a flow, whether the address is known or not; the code or the link goes to the
address. Both are needed, so neither a guessed code nor a forwarded link signs a stranger in, and
what a code proves is that one person has the browser and reads the mail.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from covey.errors import TooManyRequests, Unauthenticated
from covey.identity import throttle
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.addresses import Addresses
from covey.identity.audit import Audit
from covey.identity.challenges import Purpose
from covey.identity.flows import CODE, MAGIC, Flows, over, seal
from covey.identity.ports import NOWHERE, Account, AccountStore, Place
from covey.identity.reclaiming import Reclaiming
from covey.identity.second_factor import Awaiting
from covey.identity.throttle import Throttle
from covey.mail.desk import Draft, Drafter
from covey.mail.message import MAX_ADDRESS
from covey.mail.post import Post
from covey.records.model import Record

PURPOSES = {one.name: one for one in (CODE, MAGIC)}
_DIGITS = re.compile("[0-9]{6}")
Find = Callable[[str], Record | None]


class CodeLetters:
    """Drafts the letters: here, where nobody waits, the address is looked up."""

    def __init__(self, flows: Flows, find: Find, pages: str) -> None:
        """`find` answers the user with an address; `pages` is where links lead."""
        self._flows = flows
        self._find = find
        self._pages = pages.rstrip("/")

    def drafters(self) -> dict[str, Drafter]:
        """By the letter that is ordered."""
        return {"code": self._code, "magic": self._magic}

    def _code(self, order: Mapping[str, Any]) -> Draft | None:
        code = f"{secrets.randbelow(10**6):06d}"
        return self._draft(CODE, order, code, {"code": code})

    def _magic(self, order: Mapping[str, Any]) -> Draft | None:
        secret = secrets.token_urlsafe(32)
        # A fragment, which no server and no Referer sees.
        return self._draft(MAGIC, order, secret, {"link": f"{self._pages}/magic#token={secret}"})

    def _draft(
        self, purpose: Purpose, order: Mapping[str, Any], secret: str, values: Mapping[str, Any]
    ) -> Draft | None:
        user = self._find(order["email"])
        if user is None:
            return None
        email, flow = user.values["email"], order["flow"]
        kept = {"user": user.id, "email": email, "secret": seal(flow, secret)}
        if not self._flows.begin(purpose, flow, kept, int(order["until"])):
            return None  # the order waited for too long, or comes again after it served
        return Draft(email, {**values, "lifetime": purpose.lifetime})


class _Throttled(Exception):
    """Too many wrong guesses at the codes of a user."""

    def __init__(self, user: str) -> None:
        super().__init__(user)
        self.user = user


class Codes:
    """Sends codes and links, and takes them."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        store: AccountStore,
        reclaiming: Reclaiming,
        addresses: Addresses,
        flows: Flows,
        limits: Throttle,
        audit: Audit,
        post: Post,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._reclaiming = reclaiming
        self._addresses = addresses
        self._flows = flows
        self._limits = limits
        self._audit = audit
        self._post = post
        self._clock = clock

    def ask(self, purpose: Purpose, email: str, place: Place = NOWHERE) -> str:
        """Have a code or a link sent to the owner of `email`, if there is one; a flow, always.

        Raises TooManyRequests, for known and unknown addresses alike.
        """
        name = email.casefold()
        self._limits.take(throttle.LETTER_ADDRESS, place.address)
        self._limits.take(throttle.CODE_PAIR, name, place.address)
        self._limits.take(throttle.CODE_READER, name)
        flow, until = self._flows.new(), self._flows.until(purpose)
        self._flows.begin(purpose, flow, {}, until)
        if len(email) <= MAX_ADDRESS:
            self._post.order(purpose.name, flow=flow, email=email, until=until)
        return flow

    def redeem(
        self, purpose: Purpose, flow: str, secret: str, place: Place = NOWHERE
    ) -> SignedIn | Awaiting:
        """Sign in with what was sent; raises Unauthenticated("invalid_token") for all causes."""
        self._limits.take(throttle.CODE_ADDRESS, place.address)
        try:
            kept = self._flows.guess(purpose, flow)
            user, account = self._proven(purpose, flow, secret, kept, place)
        except _Throttled as exc:
            self._audit.note("codes_throttled", exc.user, place)
            raise over() from exc
        except Unauthenticated:
            self._audit.note("sign_in_failed", "", place, means=purpose.name)
            raise
        return self._accounts.open(user, account, place, means=purpose.name)

    def _proven(
        self, purpose: Purpose, flow: str, secret: str, kept: Mapping[str, Any], place: Place
    ) -> tuple[Record, Account]:
        # Nobody's flow is counted for itself: each guess takes the same time, known or not.
        taken = self._counted(purpose, kept.get("user", f"flow:{flow}"))
        bare = secret.replace(" ", "") if purpose is CODE else secret
        if purpose is CODE and not _DIGITS.fullmatch(bare):
            raise over()
        if not hmac.compare_digest(seal(flow, bare), kept.get("secret", "")):
            raise over()
        self._flows.finish(purpose, flow)
        self._limits.give_back(*taken)
        user = self._addresses.of(kept["user"])
        # The address may be another's by now.
        if user is None or user.values.get("email") != kept["email"]:
            raise over()
        account = self._account(user)
        if account is None or account.disabled:
            raise over()
        if user.values.get("verified"):
            return user, account
        return self._first_proof(user, account, place)

    def _counted(self, purpose: Purpose, user: str) -> list[str]:
        """Count a guess at codes of this user: a few flows would otherwise do for many guesses.

        Beyond, right codes fail as wrong ones do: saying more would tell known addresses.
        """
        if purpose is not CODE:
            return []
        try:
            return [self._limits.take(throttle.CODE_USER, user)]
        except TooManyRequests as exc:
            raise _Throttled(user) from exc

    def _account(self, user: Record) -> Account | None:
        """The account, made now for a record that administrators or an import wrote."""
        account = self._store.get(user.id)
        if account is None:
            fresh = Account(user.id, "", int(self._clock()))
            account = fresh if self._store.add(fresh) else self._store.get(user.id)
        return account

    def _first_proof(self, user: Record, account: Account, place: Place) -> tuple[Record, Account]:
        """Both, once the address is proven for the first time."""
        bare = self._reclaiming.bare(account, place)
        if not self._addresses.prove(user.id, user.values["email"]):
            raise over()
        self._audit.note("email_verified", user.id, place)
        after = self._addresses.of(user.id)
        if after is None:
            raise over()
        return after, bare
