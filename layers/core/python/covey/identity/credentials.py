"""Passwords changed by who knows the old one, or reset by who reads the owner's mail.

And addresses verified, which says whose the password is.
"""

from __future__ import annotations

from dataclasses import replace

from covey.errors import Conflict, CoveyError, FieldError, Invalid, Unauthenticated
from covey.identity import passwords, throttle
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.addresses import Addresses
from covey.identity.audit import Audit
from covey.identity.challenges import RESET, VERIFY, Challenges
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
        return self._of(caller.id, password)

    def _of(self, user: str, password: str) -> Account:
        """The user's account, where `password` is its own; raises as `proven` does."""
        taken = self._limits.take(throttle.SIGN_IN_ACCOUNT, f"id:{user}")
        account = self._store.get(user)
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
        first = user is not None and not user.values.get("verified")
        self._renew(account, proof["email"], new, place, first=first)

    def verify(
        self,
        caller: Principal,
        secret: str,
        place: Place = NOWHERE,
        *,
        password: str = "",
        new_password: str = "",
    ) -> None:
        """Take the link of the letter that proves an address.

        Whoever signed up with it may have been somebody else. So the account stays as it is where
        `caller` is signed in to it, or `password` is its own; with a `new_password` all that was
        put there goes, as by a reset. Raises Unauthenticated("invalid_token"), "password_required"
        where nothing of these was given, and "invalid_credentials", Invalid and TooManyRequests;
        only the first spends the link. For an address that was proven meanwhile it does nothing.
        """
        proof = self._challenges.redeem(VERIFY, secret)
        user, account = self._addresses.of(proof["user"]), self._store.get(proof["user"])
        stale = user is None or user.values.get("email") != proof["email"]
        if user is None or stale or (account is not None and account.disabled):
            raise Unauthenticated("This link does not hold any more.", code="invalid_token")
        if user.values.get("verified"):
            if new_password:  # for that a reset's link is good, for an hour
                raise Unauthenticated("This link does not hold any more.", code="invalid_token")
            return
        try:
            if account is not None and new_password:
                _check(new_password, "new_password", user)
            elif account is not None and not _signed_in(caller, user):
                self._claim(account, password)
        except CoveyError:
            self._challenges.give_back(VERIFY, secret, proof)
            raise
        if account is not None and new_password:
            self._renew(account, proof["email"], new_password, place, first=True)
        elif not self._addresses.prove(user.id, proof["email"]):
            raise Unauthenticated("This link does not hold any more.", code="invalid_token")
        self._audit.note("email_verified", user.id, place)

    def _claim(self, account: Account, password: str) -> None:
        if not password:
            raise Unauthenticated(
                "Say that this account is yours: give its password, or set a new one.",
                code="password_required",
            )
        self._of(account.user, password)

    def _renew(self, account: Account, email: str, new: str, place: Place, *, first: bool) -> None:
        """Set a password for the owner of the address, proven for the first time or again."""
        if first:
            # Whoever signed up with the address may have been somebody else, and not only with a
            # password: the owner gets the account bare.
            account = self._reclaiming.bare(account, place)
        after = replace(account, password=passwords.digest(new))
        if not self._store.change(account, after):
            raise Conflict("The account has changed meanwhile. Ask for another link.")
        self._sessions.end_all(account.user)
        self._addresses.prove(account.user, email)
        self._audit.note("password_reset", account.user, place)
        self._post.order("password_changed", user=account.user)


def _signed_in(caller: Principal, user: Record) -> bool:
    """Whether the caller is this user, and not an administrator in their name."""
    return bool(caller.session) and caller.id == user.id and not caller.actor


def _check(password: str, field: str, user: Record | None = None) -> None:
    told = user.values if user is not None else {}
    email, name = str(told.get("email") or ""), str(told.get("name") or "")
    try:
        passwords.check(password, email=email, names=[name])
    except passwords.UnacceptableError as exc:
        fault = FieldError(field, exc.code, str(exc))
        raise Invalid(f"{field} {exc}.", errors=[fault]) from exc
