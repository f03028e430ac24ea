"""All of identity over one set of stores, with the clock in hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

from covey.collections import Catalog, load
from covey.errors import CoveyError
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.addresses import Addresses
from covey.identity.administration import Administration
from covey.identity.audit import Audit, AuditStore
from covey.identity.authenticator import Authenticator, Proofs
from covey.identity.bootstrap import FirstAdministrator
from covey.identity.caller import bearer_token
from covey.identity.challenges import Challenges
from covey.identity.codes import CodeLetters, Codes
from covey.identity.correspondence import Correspondence
from covey.identity.credentials import Credentials
from covey.identity.factors import FactorStore
from covey.identity.flows import Flows, FlowStore
from covey.identity.impersonation import Impersonation
from covey.identity.passkeys import Passkeys, party_of
from covey.identity.ports import (
    AccountStore,
    AttemptStore,
    BootstrapStore,
    CallerStore,
    KeyStore,
    SessionStore,
    UserRecords,
)
from covey.identity.presence import Presence
from covey.identity.principal import GUEST, Principal
from covey.identity.reclaiming import Reclaiming
from covey.identity.sealing import Seal
from covey.identity.second_factor import Awaiting, SecondFactor
from covey.identity.sessions import Sessions
from covey.identity.signing_keys import SigningKeys
from covey.identity.throttle import Throttle
from covey.identity.tokens import Tokens
from covey.mail.desk import Desk
from covey.mail.letters import OWN, Letters
from covey.mail.post import AtOnce, Post
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.factors import MemoryFactorStore, MemoryFlowStore
from covey.testing.identity import (
    MemoryAccountStore,
    MemoryAttemptStore,
    MemoryAuditStore,
    MemoryBootstrapStore,
    MemoryCallerStore,
    MemoryKeyStore,
    MemorySessionStore,
    MemoryUserRecords,
)
from covey.testing.mail import MemoryMailer
from covey.testing.records import MemoryRecordStore

PASSWORD = "correct horse battery"
EMAIL = "ann@example.test"
Answer = TypeVar("Answer")


class World:
    """Accounts and what they stand on; `now` is the clock, in seconds."""

    records: UserRecords
    accounts_kept: AccountStore
    sessions_kept: SessionStore
    callers_kept: CallerStore
    audit_kept: AuditStore
    keys_kept: KeyStore
    attempts_kept: AttemptStore
    bootstrap_kept: BootstrapStore
    factors_kept: FactorStore
    flows_kept: FlowStore

    def __init__(self, table: str | None = None, *, by_mail: bool = False) -> None:
        self.now = float(int(time.time()))
        self.catalog = Catalog(MemoryCatalogStore())
        self._dynamo(table) if table else self._memory()
        clock = self.clock
        keys = SigningKeys(self.keys_kept, clock=clock)
        self.tokens = Tokens(keys, issuer="covey", lifetime=900, clock=clock)
        self.sessions = Sessions(self.sessions_kept, self.accounts_kept, lifetime=3600, clock=clock)
        self.presence = Presence(
            self.callers_kept,
            self.catalog,
            clock=clock,
            administers=lambda actor: self.impersonation.administers(actor),
        )
        self.throttle = Throttle(self.attempts_kept, clock=clock)
        self.audit = Audit(self.audit_kept, clock=clock)
        self.challenges = Challenges(MemoryRecordStore(clock), clock)
        self.mailer = MemoryMailer()
        correspondence = Correspondence(
            self.catalog, self.records, self.challenges, "https://example.test/auth"
        )
        self.flows = Flows(self.flows_kept, clock)
        codes = CodeLetters(self.flows, correspondence.find, "https://example.test/auth")
        letters = Letters([OWN], {"product": "Acme"})
        desk = Desk(correspondence.drafters() | codes.drafters(), letters, self.mailer)
        self.post = Post(AtOnce(desk.carry_out))
        seal = Seal(lambda: b"k" * 32)
        self.second_factor = SecondFactor(
            store=self.factors_kept,
            flows=self.flows,
            seal=seal,
            limits=self.throttle,
            audit=self.audit,
            clock=clock,
        )
        self.accounts = Accounts(
            collections=self.catalog,
            records=self.records,
            accounts=self.accounts_kept,
            sessions=self.sessions,
            tokens=self.tokens,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            second=self.second_factor,
            by_mail=by_mail,
            clock=self.clock_ms,
        )
        self.addresses = Addresses(
            collections=self.catalog,
            records=self.records,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            clock=self.clock_ms,
        )
        self.reclaiming = Reclaiming(
            self.accounts_kept, self.sessions, self.audit, [self.forget_factors]
        )
        self.credentials = Credentials(
            accounts=self.accounts,
            store=self.accounts_kept,
            sessions=self.sessions,
            addresses=self.addresses,
            reclaiming=self.reclaiming,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )
        self.codes = Codes(
            accounts=self.accounts,
            store=self.accounts_kept,
            reclaiming=self.reclaiming,
            addresses=self.addresses,
            flows=self.flows,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            clock=clock,
        )
        self.proofs = Proofs(
            self.accounts_kept, self.sessions, self.credentials, self.second_factor, clock=clock
        )
        self.authenticator = Authenticator(
            proofs=self.proofs,
            accounts=self.accounts_kept,
            store=self.factors_kept,
            second=self.second_factor,
            seal=seal,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            product="Acme",
            clock=clock,
        )
        self.passkeys = Passkeys(
            party=party_of("https://example.test", "", "", "Acme"),
            proofs=self.proofs,
            accounts=self.accounts,
            store=self.accounts_kept,
            factors=self.factors_kept,
            addresses=self.addresses,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            clock=clock,
        )
        self.impersonation = Impersonation(
            accounts=self.accounts,
            store=self.accounts_kept,
            sessions=self.sessions,
            addresses=self.addresses,
            audit=self.audit,
        )
        self.administration = Administration(
            self.accounts_kept, self.sessions, self.audit, self.factors_kept, self.post
        )
        self.first = FirstAdministrator(
            self.bootstrap_kept, self.accounts, self.throttle, clock=clock
        )

    def clock(self) -> float:
        return self.now

    def clock_ms(self) -> int:
        return int(self.now * 1000)

    def caller(self, header: str) -> Principal:
        """Who calls with this Authorization header."""
        return self.presence.of(self.tokens.verify(bearer_token(header)))

    def verify(self) -> None:
        """Prove Ann's address by the newest letter, as who signed up with it."""
        self.credentials.verify(GUEST, self.link("verify"), password=PASSWORD)

    def link(self, kind: str) -> str:
        """The secret in the newest letter of this kind."""
        text = next(letter.text for letter in reversed(self.mailer.sent) if letter.kind == kind)
        return text.partition("#token=")[2].split()[0]

    def users(self, document: Mapping[str, Any]) -> None:
        """Declare `users` anew, as a team's file does."""
        users = load({"name": "users", **document}, previous=self.catalog.get("users"))
        self.catalog.save(users)

    def forget_factors(self, user: str) -> None:
        """What the store of accounts does where all lie in one table."""
        self.accounts_kept.strip(user)
        if isinstance(self.factors_kept, MemoryFactorStore):
            self.factors_kept.kept.pop(user, None)

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD, **how: Any) -> SignedIn:
        """Sign in where no second factor is asked for."""
        signed_in = self.accounts.sign_in(email, password, **how)
        assert not isinstance(signed_in, Awaiting)
        return signed_in

    def ann(self, **fields: Any) -> SignedIn:
        signed_in = self.accounts.sign_up({"email": EMAIL, **fields}, PASSWORD)
        assert signed_in is not None
        return signed_in

    def _memory(self) -> None:
        self.records = MemoryUserRecords()
        self.accounts_kept = MemoryAccountStore()
        self.sessions_kept = MemorySessionStore()
        self.callers_kept = MemoryCallerStore(self.sessions_kept, self.records)
        self.audit_kept = MemoryAuditStore()
        self.keys_kept = MemoryKeyStore()
        self.attempts_kept = MemoryAttemptStore()
        self.bootstrap_kept = MemoryBootstrapStore()
        self.factors_kept = MemoryFactorStore()
        self.flows_kept = MemoryFlowStore()

    def _dynamo(self, table: str) -> None:
        from covey.store.callers import DynamoCallerStore
        from covey.store.models.account import DynamoAccountStore
        from covey.store.models.bootstrap import DynamoBootstrapStore
        from covey.store.models.event import DynamoAuditStore
        from covey.store.models.factor import DynamoFactorStore
        from covey.store.models.flow import DynamoFlowStore
        from covey.store.models.session import DynamoSessionStore
        from covey.store.models.signing_key import DynamoKeyStore
        from covey.store.models.throttle import DynamoAttemptStore
        from covey.store.records import DynamoRecordStore
        from covey.store.transport import transport

        self.records = DynamoRecordStore(transport(), table)
        self.accounts_kept = DynamoAccountStore()
        self.sessions_kept = DynamoSessionStore()
        self.callers_kept = DynamoCallerStore(transport(), table)
        self.audit_kept = DynamoAuditStore()
        self.keys_kept = DynamoKeyStore()
        self.attempts_kept = DynamoAttemptStore()
        self.bootstrap_kept = DynamoBootstrapStore()
        self.factors_kept = DynamoFactorStore()
        self.flows_kept = DynamoFlowStore()


def at_once(times: int, work: Callable[[int], Answer]) -> tuple[list[Answer], list[CoveyError]]:
    """What `times` threads get that call `work` in the same moment: answers and failures."""
    barrier = Barrier(times)

    def one(number: int) -> Answer | CoveyError:
        barrier.wait()
        try:
            return work(number)
        except CoveyError as exc:
            return exc

    with ThreadPoolExecutor(times) as pool:
        outcomes = list(pool.map(one, range(times)))
    failed = [outcome for outcome in outcomes if isinstance(outcome, CoveyError)]
    return [one for one in outcomes if not isinstance(one, CoveyError)], failed
