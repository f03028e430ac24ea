"""Accounts of whoever proves the address first.

Before that nobody knows who set the password, the second factor and the passkeys: a stranger may
have signed up with somebody else's address, to wait for its owner. So they go, with all sessions,
when the owner comes in by something that proves the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from covey.errors import Conflict
from covey.identity.audit import Audit
from covey.identity.ports import Account, AccountStore, Place
from covey.identity.sessions import Sessions


class Reclaiming:
    """Takes from an account what was put there before its address was proven."""

    def __init__(
        self,
        store: AccountStore,
        sessions: Sessions,
        audit: Audit,
        forget: Sequence[Callable[[str], None]],
    ) -> None:
        """`forget` are called with the user: each clears what it keeps of them."""
        self._store = store
        self._sessions = sessions
        self._audit = audit
        self._forget = forget

    def bare(self, account: Account, place: Place) -> Account:
        """The account without credentials; raises Conflict where it has changed meanwhile.

        The address is proven after this: what fails on the way is done again the next time.
        """
        after = replace(account, password="", factors=False)
        if not self._store.change(account, after):
            raise Conflict("The account has changed meanwhile. Try again.")
        self._sessions.end_all(account.user)
        for forget in self._forget:
            forget(account.user)
        self._audit.note("credentials_removed", account.user, place)
        return replace(after, generation=account.generation + 1)
