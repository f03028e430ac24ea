"""Passwords changed by who knows the old one, or reset by who reads the owner's mail."""

from __future__ import annotations

from dataclasses import replace

from covey.errors import Conflict, FieldError, Invalid, Unauthenticated
from covey.identity import passwords, throttle
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.addresses import Addresses
from covey.identity.audit import Audit
from covey.identity.challenges import RESET, Challenges
from covey.identity.ports import NOWHERE, Account, AccountStore, Place
from covey.identity.principal import Principal
from covey.identity.reclaiming import Reclaiming
from covey.identity.sessions import Sessions
from covey.identity.throttle import Throttle
from covey.mail.message import MAX_ADDRESS
from covey.mail.post import Post
from covey.records.model import Record


class Credentials:
    """Changes and resets passwords. Whichever way, every other session ends."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        store: AccountStore,
        sessions: Sessions,
        addresses: Addresses,
        reclaiming: Reclaiming,
        challenges: Challenges,
        limits: Throttle,
        audit: Audit,
        post: Post,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._sessions = sessions
        self._addresses = addresses
        self._reclaiming = reclaiming
        self._challenges = challenges
        self._limits = limits
        self._audit = audit
        self._post = post

    def change(self, caller: Principal, current: str, new: str, place: Place = NOWHERE) -> SignedIn:
        """Set another password; the caller goes on in a new session, and all others end.

        Raises Unauthenticated("invalid_credentials") for a wrong current password, counted as
        signing in is, Invalid for a new one that may not be chosen, Conflict where it changed
        meanwhile.
        """
        user = self._addresses.owner(caller)
        _check(new, "new_password", user)
        account = self.proven(caller, current)
        after = replace(account, password=passwords.digest(new))
        if not self._store.change(account, after):
            raise Conflict("The account has changed meanwhile. Try again.")
        self._sessions.end_all(user.id)
        self._audit.note("password_changed", user.id, place, actor=caller.actor)
        self._post.order("password_changed", user=user.id)
        fresh = replace(after, generation=account.generation + 1)
        # Not as fresh as a sign-in: it takes over from a session, however old.
        return self._accounts.admit(user, fresh, place, means="password_changed")

    def proven(self, caller: Principal, password: str) -> Account:
        """The caller's account, where `password` is its own.

        Raises Unauthenticated("invalid_credentials") and TooManyRequests.
        """
        taken = self._limits.take(throttle.SIGN_IN_ACCOUNT, f"id:{caller.id}")
        account = self._store.get(caller.id)
        kept = account.password if account else ""
        if not passwords.verify(kept or None, password) or account is None:
            raise Unauthenticated("The password is wrong.", code="invalid_credentials")
        self._limits.give_back(taken)
        return account

    def ask_email_change(
        self, caller: Principal, new: str, password: str, place: Place = NOWHERE
    ) -> None:
        """Have another address proven, asked for with the password, where there is one."""
        account = self._store.get(caller.id)
        if account is not None and account.password:
            self.proven(caller, password)
        self._addresses.ask_change(caller, new, place)

    def ask_reset(self, email: str, place: Place = NOWHERE) -> None:
        """Have a link sent to the owner of `email`, if there is one: the answer never tells."""
        self._limits.take(throttle.LETTER_ADDRESS, place.address)
        self._limits.take(throttle.LETTER_READER, email.casefold())
        if len(email) <= MAX_ADDRESS:
            self._post.order("reset", email=email)

    def reset(self, secret: str, new: str, place: Place = NOWHERE) -> None:
        """Set another password by a link of a letter, which proves the address too.

        Raises Unauthenticated("invalid_token"), Invalid; a password that may not be chosen does
        not spend the link.
        """
        _check(new, "password")
        proof = self._challenges.redeem(RESET, secret)
        user, account = self._addresses.of(proof["user"]), self._store.get(proof["user"])
        # The link was sent to an address that is another's by now.
        stale = user is None or user.values.get("email") != proof["email"]
        if account is None or account.disabled or stale:
            raise Unauthenticated("This link does not hold any more.", code="invalid_token")
        try:
            _check(new, "password", user)
        except Invalid:
            self._challenges.give_back(RESET, secret, proof)
            raise
        if user is not None and not user.values.get("verified"):
            # Whoever signed up with the address may have been somebody else, and not only with a
            # password: the owner gets the account bare.
            account = self._reclaiming.bare(account, place)
        after = replace(account, password=passwords.digest(new))
        if not self._store.change(account, after):
            raise Conflict("The account has changed meanwhile. Ask for another link.")
        self._sessions.end_all(account.user)
        self._addresses.prove(account.user, proof["email"])
        self._audit.note("password_reset", account.user, place)
        self._post.order("password_changed", user=account.user)


def _check(password: str, field: str, user: Record | None = None) -> None:
    told = user.values if user is not None else {}
    email, name = str(told.get("email") or ""), str(told.get("name") or "")
    try:
        passwords.check(password, email=email, names=[name])
    except passwords.UnacceptableError as exc:
        fault = FieldError(field, exc.code, str(exc))
        raise Invalid(f"{field} {exc}.", errors=[fault]) from exc
