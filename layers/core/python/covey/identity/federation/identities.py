"""A profile in exchange for a session: signing in, up, and linking.

An identity (issuer and subject) belongs to one user, by a conditional write. An e-mail joins a
newcomer to the account that has it only where the provider vouches for it; and where nobody ever
proved that account's address, whoever made it did not own it perhaps: then its password, sessions
and other proofs go first (the pre-hijacking of Sudhodanan and Paverd, USENIX Security 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from covey.collections.model import Collection
from covey.errors import Conflict, Forbidden, NotFound, Unauthenticated
from covey.identity.accounts import USERS, Accounts, Collections, SignedIn, open_to_sign_up
from covey.identity.addresses import Addresses
from covey.identity.audit import Audit
from covey.identity.authorize import refuse_early
from covey.identity.factors import FactorStore
from covey.identity.federation.faults import refused
from covey.identity.federation.flow import Arrival
from covey.identity.federation.ports import Identity, IdentityStore, identity_id
from covey.identity.federation.profiles import Profile
from covey.identity.ports import NOWHERE, Account, AccountStore, Place, UserRecords
from covey.identity.principal import GUEST, Principal
from covey.identity.reclaiming import Reclaiming
from covey.identity.second_factor import Awaiting
from covey.identity.sessions import Sessions
from covey.identity.users import claimed_emails, is_anonymous, named, new_member
from covey.mail.post import Post
from covey.records.model import Record
from covey.records.time import now_ms

ATTEMPTS = 5
MAX_IDENTITIES = 10


class Identities:
    """Users as those whom providers know."""

    def __init__(
        self,
        *,
        collections: Collections,
        records: UserRecords,
        store: AccountStore,
        identities: IdentityStore,
        factors: FactorStore,
        accounts: Accounts,
        addresses: Addresses,
        sessions: Sessions,
        reclaiming: Reclaiming,
        audit: Audit,
        post: Post,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._collections = collections
        self._records = records
        self._store = store
        self._identities = identities
        self._factors = factors
        self._accounts = accounts
        self._addresses = addresses
        self._sessions = sessions
        self._reclaiming = reclaiming
        self._audit = audit
        self._post = post
        self._clock = clock

    def exchange(
        self,
        arrival: Arrival,
        caller: Principal = GUEST,
        values: Mapping[str, Any] | None = None,
        place: Place = NOWHERE,
    ) -> SignedIn | Awaiting | Identity:
        """A session for who arrived, or for who began it while signed in, the linked identity.

        `values` are fields of `users` for who is new. Raises Unauthenticated("sign_in_refused"),
        Forbidden where the rules let nobody sign up, Invalid, Conflict.
        """
        if not arrival.user:
            return self.sign_in(arrival.profile, values or {}, place)
        # Who is led through another's linking does not give away an identity by it.
        if arrival.user != caller.id or not caller.session:
            raise refused()
        return self.link(caller, arrival.profile, place)

    def sign_in(
        self, profile: Profile, values: Mapping[str, Any], place: Place = NOWHERE
    ) -> SignedIn | Awaiting:
        """Sign in the user whose identity this is, joining or making one for a new identity."""
        for _ in range(ATTEMPTS):
            try:
                user, account = (
                    self._known(profile)
                    or self._joined(profile, place)
                    or self._made(profile, values, place)
                )
            except Conflict as exc:
                if exc.code == "conflict" or [one.field for one in exc.errors] == ["email"]:
                    continue  # another sign-in, or sign-up, came first
                raise
            return self._accounts.open(user, account, place, means=_means(profile.provider))
        raise Conflict("The account keeps changing. Try again.")

    def link(self, caller: Principal, profile: Profile, place: Place = NOWHERE) -> Identity:
        """Let the caller sign in by this identity too; twice is as once.

        Raises Conflict ``identity_taken`` where it is another user's, ``too_many_identities``.
        """
        user = self._own(caller)
        identity = self._identity(profile, user.id)
        owner = self._owner(identity.id)
        held = self._identities.of(user.id)
        if owner == user.id:
            return next((one for one in held if one.id == identity.id), identity)
        if owner is not None:
            message = "This identity belongs to another account."
            raise Conflict(message, code="identity_taken")
        if len(held) >= MAX_IDENTITIES:
            message = f"An account has at most {MAX_IDENTITIES} identities."
            raise Conflict(message, code="too_many_identities")
        self._attach(user, identity, profile, caller)
        self._audit.note("identity_linked", user.id, place, provider=profile.provider)
        self._post.order("identity_linked", user=user.id, provider=profile.provider)
        return identity

    def of(self, caller: Principal) -> list[Identity]:
        """The caller's, the oldest first; raises Unauthenticated."""
        held = self._identities.of(self._own(caller).id)
        return sorted(held, key=lambda one: (one.linked, one.id))

    def unlink(self, caller: Principal, id: str, place: Place = NOWHERE) -> None:
        """Let nobody sign in by this identity; who did so is out, but for the caller.

        Raises NotFound, and Conflict ``last_way_in`` where there would be no other.
        """
        user = self._own(caller)
        # Before the list: of many that remove at once, none counts what another has removed.
        account = self._store.get(user.id)
        if account is None:
            raise Unauthenticated("This user is gone.", code="invalid_token")
        held = self._identities.of(user.id)
        identity = next((one for one in held if one.id == id), None)
        if identity is None:
            raise NotFound("identity")
        if len(held) == 1 and not self._other_ways(user, account):
            message = "Without this identity you could not sign in. Set a password first."
            raise Conflict(message, code="last_way_in")
        if not self._identities.remove(identity, self._store.advance(account, account)):
            raise Conflict("The account has changed meanwhile. Try again.")
        for session in self._sessions.of(user.id):
            if session.means == _means(identity.provider) and session.id != caller.session:
                self._sessions.end(user.id, session.id)
        self._audit.note(
            "identity_unlinked", user.id, place, actor=caller.actor, provider=identity.provider
        )

    # ---- the three ways to a user

    def _known(self, profile: Profile) -> tuple[Record, Account] | None:
        """The user whose identity this is."""
        owner = self._owner(identity_id(profile.issuer, profile.subject))
        return self._enabled(owner) if owner is not None else None

    def _joined(self, profile: Profile, place: Place) -> tuple[Record, Account] | None:
        """The user with the e-mail that the provider vouches for, now with this identity."""
        users = self._users()
        claims = claimed_emails(users, profile.email) if profile.email else ()
        found = (self._records.find_unique(users, ("email",), (one,)) for one in claims)
        id = next(filter(None, found), None)
        if id is None:
            return None
        before = self._records.get(users, id, consistent=True)
        account = self._store.get(id)
        if before is None:
            raise Conflict
        if account is None:  # a record that administrators or an import wrote
            account = Account(id, "", self._clock() // 1000)
            guard = self._store.creation(account)
        else:
            before, account = self._enabled(id)
            if not before.values.get("verified"):
                account = self._reclaiming.bare(account, place)
            guard = self._store.standing(account)
        now = max(self._clock(), before.updated)
        values = {**before.values, "verified": True}
        after = replace(before, version=before.version + 1, updated=now, values=values)
        if after.values.get("email") not in claims:
            raise Conflict
        # With the record, so that an address that changes just now joins nobody.
        also = [guard, *self._identities.creation(self._identity(profile, id))]
        self._records.update(users, before, after, also=also)
        self._audit.note("identity_linked", id, place, provider=profile.provider, by="email")
        self._post.order("identity_linked", user=id, provider=profile.provider)
        return after, account

    def _made(
        self, profile: Profile, values: Mapping[str, Any], place: Place
    ) -> tuple[Record, Account]:
        """A new user, where the rule `create` of `users` allows one."""
        users = self._users()
        refuse_early(GUEST, open_to_sign_up(users), "create")
        known = {"email": profile.email, "name": profile.name}
        filled = {name: value for name, value in known.items() if value}
        user = new_member(
            users,
            {**filled, **values},
            id=self._records.new_id(users),
            now=self._clock(),
            caller=GUEST,
        )
        if profile.email:
            user = replace(user, values={**user.values, "verified": True})
        self._accounts.check_new(user, GUEST, values)
        user = self._accounts.hooked(user, GUEST)
        account = Account(user.id, "", user.created // 1000)
        identity = self._identity(profile, user.id)
        also = [self._store.creation(account), *self._identities.creation(identity)]
        self._records.create(users, user, also=also)
        self._audit.note("signed_up", user.id, place, means=_means(profile.provider))
        return user, account

    # ---- parts

    def _attach(
        self, user: Record, identity: Identity, profile: Profile, caller: Principal
    ) -> None:
        account = self._store.get(user.id)
        if account is None:
            raise refused()
        standing = self._store.standing(account)
        if is_anonymous(user):
            also = [standing, *self._identities.creation(identity)]
            self._name(user, profile, caller, also)
        elif not self._identities.add(identity, standing):
            raise Conflict("The account has changed meanwhile. Try again.")

    def _name(
        self, user: Record, profile: Profile, caller: Principal, also: list[dict[str, Any]]
    ) -> None:
        """Make an anonymous user one with an identity, and with its e-mail if that is free."""
        users = self._users()
        values = named(user.values)
        claims = claimed_emails(users, profile.email) if profile.email else ()
        # In lower case, the last; of one that cannot be kept, as with letters that only look like
        # those of another, nothing is left.
        taken = (self._records.find_unique(users, ("email",), (one,)) for one in claims)
        if claims and not any(taken):
            values |= {"email": claims[-1], "verified": True}
        now = max(self._clock(), user.updated)
        after = replace(user, version=user.version + 1, updated=now, values=values)
        self._accounts.check_new(after, caller)
        self._records.update(users, user, after, also=also)

    def _other_ways(self, user: Record, account: Account) -> bool:
        if account.password and user.values.get("email"):
            return True
        return account.factors and bool(self._factors.of(user.id).passkeys)

    def _owner(self, id: str) -> str | None:
        """Whose identity this is; one of a user who is gone is let go."""
        owner = self._identities.owner(id)
        if owner is None or self._records.get(self._users(), owner, consistent=True) is not None:
            return owner
        self._identities.release(id, owner)
        return None

    def _enabled(self, id: str) -> tuple[Record, Account]:
        account = self._store.get(id)
        user = self._records.get(self._users(), id, consistent=True)
        if account is None or account.disabled or user is None:
            raise refused()
        return user, account

    def _own(self, caller: Principal) -> Record:
        if caller.actor:
            raise Forbidden("Who acts in another's name leaves their ways to sign in alone.")
        return self._addresses.owner(caller)

    def _identity(self, profile: Profile, user: str) -> Identity:
        return Identity(
            profile.provider,
            profile.issuer,
            profile.subject,
            user,
            profile.email,
            self._clock() // 1000,
        )

    def _users(self) -> Collection:
        return self._collections.get(USERS)


def _means(provider: str) -> str:
    return f"oauth:{provider}"
