"""Users who were deleted: what is kept of them besides their record goes too.

They are refused from the moment that their record is gone; this only clears up after them. The word
of it may come late: a user who is there again, brought back or made anew, keeps what they have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from covey.collections.model import Collection
from covey.identity.federation.ports import IdentityStore
from covey.identity.ports import AccountStore
from covey.identity.sessions import Sessions
from covey.records.model import Change, ChangeKind

USERS = "users"


class Departures:
    """A consumer of the change pipeline."""

    name = "departures"

    def __init__(
        self,
        accounts: AccountStore,
        sessions: Sessions,
        identities: IdentityStore,
        there: Callable[[Collection, str], bool],
    ) -> None:
        """`there` says whether a record exists now."""
        self._accounts = accounts
        self._sessions = sessions
        self._identities = identities
        self._there = there

    def wants(self, collection: Collection) -> bool:
        """Users alone."""
        return collection.name == USERS

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        """Forget accounts and sessions of the deleted; twice is as once."""
        for change in changes:
            if change.kind is ChangeKind.DELETED and not self._there(collection, change.id):
                self._sessions.end_all(change.id)
                self._identities.forget(change.id)
                self._accounts.remove(change.id)
