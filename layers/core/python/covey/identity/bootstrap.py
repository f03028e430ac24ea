"""The first administrator, made with a one-time token.

The operator's command asks for an offer and prints its token in a link. Whoever presents the
token first becomes the administrator: the offer is closed in the transaction that writes the
user, so that of many at once a single one succeeds and a failure spends nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from covey.errors import Conflict, Unauthenticated
from covey.identity import throttle
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.caller import ADMIN_ROLE
from covey.identity.ports import NOWHERE, Bootstrap, BootstrapStore, Place
from covey.identity.throttle import Throttle

OFFER_SECONDS = 24 * 3600


class FirstAdministrator:
    """Offers and redeems the one-time token."""

    def __init__(
        self,
        store: BootstrapStore,
        accounts: Accounts,
        limits: Throttle,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._limits = limits
        self._clock = clock

    def offer(self, *, again: bool = False) -> str | None:
        """A fresh token that replaces the one before, or None when an administrator was made.

        `again` is for the operator who lost the way in: it offers whatever happened before.
        """
        token = secrets.token_urlsafe(32)
        expires = int(self._clock()) + OFFER_SECONDS
        return token if self._store.offer(_digest(token), expires, again=again) else None

    def redeem(
        self, token: str, values: Mapping[str, Any], password: object, *, place: Place = NOWHERE
    ) -> SignedIn:
        """Make the administrator, who is then signed in.

        Raises Unauthenticated("invalid_token") for a token that does not hold,
        Conflict("administrator_exists") where the token was spent meanwhile or before,
        Invalid, Conflict("unique_violation") and TooManyRequests; none of them spends the token.
        """
        self._limits.take(throttle.BOOTSTRAP_ADDRESS, place.address)
        # Before the costly and telling work; the transaction below decides.
        self._check(self._store.get(), token)
        user = self._accounts.prepare(values, password)
        user = replace(user, values={**user.values, "roles": [ADMIN_ROLE]})
        closing = self._store.redemption(_digest(token), user.id, int(self._clock()))
        try:
            return self._accounts.add(user, str(password), also=[closing], place=place)
        except Conflict as exc:
            if exc.code == "unique_violation":
                raise
            self._check(self._store.get(), token)
            raise

    def _check(self, offer: Bootstrap, token: str) -> None:
        if offer.token and hmac.compare_digest(offer.token, _digest(token)):
            if offer.expires > self._clock():
                return
        elif offer.administrator and not offer.token:
            raise Conflict("An administrator was made already.", code="administrator_exists")
        raise Unauthenticated("The one-time token does not hold.", code="invalid_token")


def _digest(token: str) -> str:
    # Surrogates cannot reach the hash otherwise, and must answer as any wrong token.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
