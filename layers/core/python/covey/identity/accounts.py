"""Signing up, in, on and out.

Failures change nothing, and failures to sign in are one: an unknown e-mail, a wrong password and
a disabled account answer alike and cost alike (the same reads, one password hash each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.collections.scope import Reads
from covey.errors import Conflict, Unauthenticated
from covey.expressions import parse
from covey.identity import passwords, throttle
from covey.identity.audit import Audit
from covey.identity.authorize import authorize, refuse_early, visible
from covey.identity.caller import signed_in
from covey.identity.ports import NOWHERE, Account, AccountStore, Place, Session, UserRecords
from covey.identity.principal import GUEST, Principal
from covey.identity.second_factor import Awaiting, SecondFactor
from covey.identity.sessions import Sessions
from covey.identity.throttle import Throttle
from covey.identity.tokens import Tokens
from covey.identity.users import claimed_emails, new_user, roles_of
from covey.mail.post import Post
from covey.records.hooking import Hooks, NoHooks, hooked
from covey.records.model import Record
from covey.records.time import now_ms

USERS = "users"
# Read in place of an unknown user's account: no id that Covey makes or takes is "-".
_NOBODY = "-"


class Collections(Protocol):
    """The part of the catalog that accounts need."""

    def get(self, name: str) -> Collection:
        """The collection of this name."""
        ...


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user with fresh tokens; `user` holds what the user may see of itself."""

    user: Mapping[str, Any]
    access_token: str
    refresh_token: str
    expires_in: int

    def document(self) -> dict[str, Any]:
        """As OAuth 2.0 answers it (RFC 6749, 5.1), and the user."""
        return {
            "user": self.user,
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        }


class Accounts:
    """Users as those who sign in."""

    def __init__(
        self,
        *,
        collections: Collections,
        records: UserRecords,
        accounts: AccountStore,
        sessions: Sessions,
        tokens: Tokens,
        limits: Throttle,
        audit: Audit,
        post: Post,
        second: SecondFactor,
        by_mail: bool = False,
        clock: Callable[[], int] = now_ms,
        reads: Callable[[], Reads] | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        """`by_mail`: whoever signs up proves the address by mail before they can sign in.

        `reads` makes what the rules of `users` read other records by.
        """
        self._hooks = hooks or NoHooks()
        self._reads = reads
        self._collections = collections
        self._records = records
        self._accounts = accounts
        self._sessions = sessions
        self._tokens = tokens
        self._limits = limits
        self._audit = audit
        self._post = post
        self._second = second
        self._by_mail = by_mail
        self._clock = clock

    def sign_up(
        self,
        values: Mapping[str, Any],
        password: object,
        *,
        place: Place = NOWHERE,
        caller: Principal = GUEST,
    ) -> SignedIn | None:
        """Make a user with these fields and password.

        The rule `create` of `users` decides whether `caller` may; where a team wrote none,
        anybody may (and with ``create: "false"`` administrators alone). Raises Invalid for all
        bad fields at once, Forbidden, TooManyRequests, and Conflict("unique_violation") where
        the e-mail is taken. By mail the answer is None for addresses free and taken alike, and
        a letter tells the owner which it was.
        """
        users = open_to_sign_up(self._collections.get(USERS))
        refuse_early(caller, users, "create")
        user = self.prepare(values, password, caller)
        # The e-mail's own write rule is about changing it: nobody signs up without one.
        written = values.keys() - {"email"}
        self.check_new(user, caller, written)
        self._limits.take(throttle.SIGN_UP_ADDRESS, place.address)
        user = self.hooked(user, caller)
        if not self._by_mail:
            return self.add(user, str(password), place=place)
        account = Account(user.id, passwords.digest(str(password)), user.created // 1000)
        try:
            self._records.create(users, user, also=[self._accounts.creation(account)])
        except Conflict as exc:
            if [error.field for error in exc.errors] != ["email"]:
                raise
            self._post.order("exists", email=user.values["email"])
            return None
        self._audit.note("signed_up", user.id, place)
        self._post.order("verify", user=user.id)
        return None

    def check_new(self, user: Record, caller: Principal, written: Iterable[str] = ()) -> None:
        """Raise Forbidden unless the rule `create` lets `caller` make `user`, who wrote these."""
        users = open_to_sign_up(self._collections.get(USERS))
        read = None if self._reads is None else self._reads()
        authorize(caller, "create", users, user, changed_fields=sorted(written), read=read)

    def hooked(self, user: Record, caller: Principal) -> Record:
        """A new user as the team's hooks leave it; raises as `covey.records.hooking.hooked`."""
        users = self._collections.get(USERS)
        return hooked(self._hooks, users, "create", user, who=caller)

    def prepare(
        self, values: Mapping[str, Any], password: object, caller: Principal = GUEST
    ) -> Record:
        """A valid new user that is not kept yet; raises Invalid."""
        users = self._collections.get(USERS)
        id = self._records.new_id(users)
        return new_user(users, values, password, id=id, now=self._clock(), caller=caller)

    def add(
        self,
        user: Record,
        password: str,
        also: Sequence[dict[str, Any]] = (),
        place: Place = NOWHERE,
    ) -> SignedIn:
        """Write a valid new user, its account, a first session and `also`: all of it or nothing.

        The password is hashed before anything is known of the e-mail, so that one that is taken
        costs what a free one does.
        """
        users = self._collections.get(USERS)
        account = Account(user.id, passwords.digest(password), user.created // 1000)
        session, refresh_token = self._sessions.prepare(user.id, place)
        entries = [self._accounts.creation(account), self._sessions.creation(session), *also]
        self._records.create(users, user, also=entries)
        self._audit.note("signed_up", user.id, place)
        if not user.values.get("verified"):
            self._post.order("verify", user=user.id)
        return self.answer(user, session, refresh_token)

    def sign_in(self, email: str, password: str, *, place: Place = NOWHERE) -> SignedIn | Awaiting:
        """Open a session, or ask for a second factor.

        Raises Unauthenticated("invalid_credentials") or TooManyRequests.
        """
        users = self._collections.get(USERS)
        claims = claimed_emails(users, email)
        name = claims[-1] if claims else ""
        taken = [
            self._limits.take(throttle.SIGN_IN_PAIR, name, place.address),
            self._limits.take(throttle.SIGN_IN_ACCOUNT, name),
            self._limits.take(throttle.SIGN_IN_ADDRESS, place.address),
        ]
        try:
            user, account = self._proven(users, claims, password)
        except Unauthenticated:
            self._audit.note("sign_in_failed", "", place)
            raise
        self._limits.give_back(*taken)
        return self.open(user, account, place)

    def open(
        self, user: Record, account: Account, place: Place, means: str = "password"
    ) -> SignedIn | Awaiting:
        """Sign in a user who has proven to be it by `means`, or ask for their second factor.

        Every way to sign in ends here: this is the one place that decides.
        """
        awaiting = self._second.ask(account, means)
        if awaiting is None:
            return self.admit(user, account, place, means)
        # Where no second factor follows it, somebody else has the first.
        self._audit.note("second_factor_asked", user.id, place, means=means)
        return awaiting

    def finish(self, flow: str, code: str, place: Place = NOWHERE) -> SignedIn:
        """Sign in with a code as the second factor, after what `open` answered.

        Raises as `finish_by` does.
        """
        return self.finish_by(flow, lambda user: self._second.check(user, code, place), place)

    def finish_by(self, flow: str, prove: Callable[[str], str], place: Place = NOWHERE) -> SignedIn:
        """Sign in with what `prove` takes for a second factor of the flow's user.

        Raises as `SecondFactor.answer` does; ``invalid_token`` also where the user was disabled
        or the password was changed meanwhile.
        """
        passed = self._second.answer(flow, prove, place)
        account = self._accounts.get(passed.user)
        user = self._enabled(passed.user, account)
        if account is None or user is None or account.generation != passed.generation:
            raise Unauthenticated("The account has changed. Sign in again.", code="invalid_token")
        return self.admit(user, account, place, passed.means)

    def admit(self, user: Record, account: Account, place: Place, means: str) -> SignedIn:
        """Sign in a user of whom nothing more is asked."""
        session, refresh_token = self._sessions.open(account, place, means)
        self._audit.note("signed_in", user.id, place, means=means)
        return self.answer(user, session, refresh_token)

    def refresh(self, token: str) -> SignedIn:
        """Continue a session by its newest refresh token, which is then spent.

        Raises Unauthenticated("invalid_token"); a token that was spent before ends its session.
        """
        session = self._sessions.find(token)
        user = self._enabled(session.user)
        if user is None:
            raise Unauthenticated("The refresh token does not hold.", code="invalid_token")
        return self.answer(user, session, self._sessions.rotate(session, token))

    def sign_out(self, caller: Principal, place: Place = NOWHERE) -> None:
        """End the session that `caller` calls from; raises Unauthenticated where there is none."""
        if not caller.session:
            raise Unauthenticated("Nobody is signed in.")
        self._sessions.end(caller.id, caller.session)
        self._audit.note("signed_out", caller.id, place, actor=caller.actor)

    def sign_out_by_token(self, refresh_token: str, place: Place = NOWHERE) -> None:
        """End the session of a refresh token, spent or not; raises Unauthenticated."""
        session = self._sessions.end_by_token(refresh_token)
        self._audit.note("signed_out", session.user, place, actor=session.actor)

    def me(self, caller: Principal) -> Mapping[str, Any]:
        """What the caller may see of its own record; raises Unauthenticated."""
        if not caller.session:
            raise Unauthenticated("Nobody is signed in.")
        users = self._collections.get(USERS)
        user = self._records.get(users, caller.id)
        if user is None:
            raise Unauthenticated("This user is gone.", code="invalid_token")
        return self._seen(caller, user)

    def _proven(
        self, users: Collection, claims: Sequence[str], password: str
    ) -> tuple[Record, Account]:
        """The enabled user with this e-mail and password, else one failure for all causes."""
        # All are looked up, and an account is read, in either case: what only known e-mails
        # pay for can be measured.
        found = [self._records.find_unique(users, ("email",), (email,)) for email in claims]
        account = self._accounts.get(next(filter(None, found), _NOBODY))
        kept = account.password if account else ""
        right = passwords.verify(kept or None, password)
        user = self._enabled(account.user, account) if account and right else None
        if account is None or user is None:
            raise Unauthenticated("E-mail or password is wrong.", code="invalid_credentials")
        if passwords.outdated(account.password):
            renewed = passwords.digest(password)
            self._accounts.replace_password(account.user, account.password, renewed)
        return user, account

    def _enabled(self, id: str, account: Account | None = None) -> Record | None:
        account = account or self._accounts.get(id)
        if account is None or account.disabled:
            return None
        user = self._records.get(self._collections.get(USERS), id, consistent=True)
        # Who has no address at all proved to be it by other means.
        if user is not None and self._by_mail and user.values.get("email"):
            return user if user.values.get("verified") else None
        return user

    def answer(self, user: Record, session: Session, refresh_token: str) -> SignedIn:
        """Fresh tokens of a session."""
        roles = roles_of(user)
        return SignedIn(
            user=self._seen(signed_in(user.id, session.id, roles), user),
            access_token=self._tokens.issue(user.id, session.id, roles, until=session.expires),
            refresh_token=refresh_token,
            expires_in=min(self._tokens.lifetime, max(1, session.expires - self._clock() // 1000)),
        )

    def _seen(self, caller: Principal, user: Record) -> Mapping[str, Any]:
        # A team may hide whole records of `users` even from their owners; the id never is.
        read = None if self._reads is None else self._reads()
        return visible(caller, self._collections.get(USERS), user, read=read) or {"id": user.id}


def open_to_sign_up(users: Collection) -> Collection:
    """`users` with the rule that holds for new ones: anybody, where a team wrote none."""
    if users.rules.create is not None:
        return users
    return replace(users, rules=replace(users.rules, create=parse("true")))
