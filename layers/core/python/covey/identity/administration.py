"""What administrators do to the accounts of others, noted in the audit log."""

from __future__ import annotations

from dataclasses import replace

from covey.errors import Conflict, NotFound
from covey.identity.administrators import administrators_only
from covey.identity.audit import Audit
from covey.identity.factors import FactorStore
from covey.identity.ports import NOWHERE, Account, AccountStore, Place
from covey.identity.principal import Principal
from covey.identity.sessions import Sessions
from covey.mail.post import Post


class Administration:
    """Disables accounts and ends sessions; each takes hold with the user's next request."""

    def __init__(
        self,
        store: AccountStore,
        sessions: Sessions,
        audit: Audit,
        factors: FactorStore,
        post: Post,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._audit = audit
        self._factors = factors
        self._post = post

    def disable(self, caller: Principal, user: str, place: Place = NOWHERE) -> None:
        """Nobody signs in as this user any more, and who is signed in is not.

        Raises Conflict("own_account") for the caller's own: nobody locks themselves out.
        """
        account = self._account(caller, user)
        if user == caller.id:
            raise Conflict("An administrator cannot disable itself.", code="own_account")
        self._change(account, replace(account, disabled=True))
        self._sessions.end_all(user)
        self._audit.note("user_disabled", user, place, actor=caller.id)

    def enable(self, caller: Principal, user: str, place: Place = NOWHERE) -> None:
        """The user may sign in again."""
        account = self._account(caller, user)
        self._change(account, replace(account, disabled=False))
        self._audit.note("user_enabled", user, place, actor=caller.id)

    def end_sessions(self, caller: Principal, user: str, place: Place = NOWHERE) -> int:
        """Sign a user out everywhere; how many sessions ended."""
        self._account(caller, user)
        ended = self._sessions.end_all(user)
        self._audit.note("sessions_ended", user, place, actor=caller.id)
        return ended

    def remove_factors(self, caller: Principal, user: str, place: Place = NOWHERE) -> None:
        """Take authenticator app, recovery codes and passkeys from a user who has lost them.

        The user's sessions end, and a letter tells them.
        """
        account = self._account(caller, user)
        # A generation on, so that no sign-in that is under way goes on by what is taken.
        self._keep(account, account)
        self._factors.remove_totp(user)
        for passkey in self._factors.of(user).passkeys:
            self._factors.remove_passkey(user, passkey.id)
        self._sessions.end_all(user)
        self._audit.note("factors_removed", user, place, actor=caller.id)
        self._post.order("factor_changed", user=user, what="factors_removed")

    def _account(self, caller: Principal, user: str) -> Account:
        administrators_only(caller)
        account = self._store.get(user)
        if account is None:
            raise NotFound("user")
        return account

    def _change(self, before: Account, after: Account) -> None:
        if before.disabled != after.disabled:
            self._keep(before, after)

    def _keep(self, before: Account, after: Account) -> None:
        if not self._store.change(before, after):
            raise Conflict("The account has changed meanwhile. Try again.")
