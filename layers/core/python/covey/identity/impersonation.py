"""Administrators in the name of users: to see what they see, for a quarter of an hour.

The session says whose it really is: every event of the audit log within names the administrator,
the user finds it among their sessions, and what proves who the user is cannot be changed in it.
It ends with the administrator: with each request they must still be one.
"""

from __future__ import annotations

from covey.errors import Conflict, Forbidden, NotFound, Unauthenticated
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.addresses import Addresses
from covey.identity.administrators import administrators_only
from covey.identity.api_keys import in_person
from covey.identity.audit import Audit
from covey.identity.caller import ADMIN_ROLE
from covey.identity.ports import NOWHERE, AccountStore, Place
from covey.identity.principal import Principal
from covey.identity.sessions import Sessions
from covey.identity.users import roles_of

LIFETIME = 900
MEANS = "impersonation"


class Impersonation:
    """Opens sessions in the name of others."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        store: AccountStore,
        sessions: Sessions,
        addresses: Addresses,
        audit: Audit,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._sessions = sessions
        self._addresses = addresses
        self._audit = audit

    def start(self, caller: Principal, user: str, place: Place = NOWHERE) -> SignedIn:
        """Tokens of a session in the name of `user`, gone after a quarter of an hour.

        Raises Unauthenticated and Forbidden unless an administrator calls in person,
        Forbidden("administrator") for another administrator, NotFound, and
        Conflict("account_disabled").
        """
        in_person(caller)
        administrators_only(caller)
        record, account = self._addresses.of(user), self._store.get(user)
        if record is None or account is None:
            raise NotFound("user")
        if ADMIN_ROLE in roles_of(record):
            raise Forbidden("Administrators cannot be impersonated.", code="administrator")
        try:
            session, token = self._sessions.open(
                account, place, MEANS, actor=caller.id, lifetime=LIFETIME
            )
        except Unauthenticated as exc:
            raise Conflict("The account is disabled.", code="account_disabled") from exc
        self._audit.note("impersonation_started", user, place, actor=caller.id)
        return self._accounts.answer(record, session, token)

    def administers(self, actor: str) -> bool:
        """Whether this user is still there, enabled and an administrator."""
        account = self._store.get(actor)
        record = self._addresses.of(actor) if account and not account.disabled else None
        return record is not None and ADMIN_ROLE in roles_of(record)
