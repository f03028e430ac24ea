"""Where ports meet adapters: the one place that knows both sides.

`services()` is cached for the process and builds nothing by itself: each service is made when
it is first asked for, and imports what it needs then, so that a function pays at its cold
start only for what it uses. A service is a `cached_property` with its imports in its body.
"""

from __future__ import annotations

from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from covey.config import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from covey.aggregates.keeper import Aggregates
    from covey.aggregates.ports import Totals
    from covey.aggregates.service import Counter
    from covey.backups.restoring import Target
    from covey.backups.service import Backups
    from covey.collections.catalog import Catalog, CatalogStore
    from covey.collections.model import Collection
    from covey.files.blobs import Blobs
    from covey.identity.accounts import Accounts
    from covey.identity.addresses import Addresses
    from covey.identity.administration import Administration
    from covey.identity.anonymous import AnonymousSweep, AnonymousUsers
    from covey.identity.api_key import ApiKeyStore
    from covey.identity.api_keys import ApiKeys
    from covey.identity.audit import Audit
    from covey.identity.authenticator import Authenticator, Proofs
    from covey.identity.bootstrap import FirstAdministrator
    from covey.identity.browser_sessions import BrowserSessions
    from covey.identity.challenges import Challenges
    from covey.identity.codes import Codes
    from covey.identity.credentials import Credentials
    from covey.identity.factors import FactorStore
    from covey.identity.federation.flow import Flow
    from covey.identity.federation.identities import Identities
    from covey.identity.federation.ports import IdentityStore
    from covey.identity.flows import Flows
    from covey.identity.impersonation import Impersonation
    from covey.identity.key_callers import KeyCallers
    from covey.identity.pace import Pace
    from covey.identity.passkeys import Passkeys
    from covey.identity.ports import AccountStore
    from covey.identity.presence import Presence
    from covey.identity.principal import Principal
    from covey.identity.reclaiming import Reclaiming
    from covey.identity.sealing import Seal
    from covey.identity.second_factor import SecondFactor
    from covey.identity.sessions import Sessions
    from covey.identity.signing_keys import SigningKeys
    from covey.identity.throttle import Throttle
    from covey.identity.tokens import Tokens
    from covey.insight.statistics import LastCounts, Statistics
    from covey.jobs.backfills import Backfills
    from covey.jobs.exports import Exports
    from covey.jobs.imports import Imports
    from covey.jobs.ports import JobStore
    from covey.jobs.queue import JobQueue
    from covey.jobs.results import Results
    from covey.jobs.runner import Runner, Work
    from covey.jobs.service import Jobs
    from covey.mail.desk import Desk
    from covey.mail.ports import Mailer, Outbox
    from covey.mail.post import Post
    from covey.pipeline.run import Pipeline
    from covey.realtime.fan_out import FanOut
    from covey.realtime.messages import Conversation
    from covey.realtime.ports import ConnectionStore
    from covey.realtime.sockets import Sockets
    from covey.realtime.tickets import Tickets
    from covey.records.archive import Archive
    from covey.records.batch import Batches
    from covey.records.fetching import Fetcher
    from covey.records.idempotency import Idempotency
    from covey.records.model import Change, Record
    from covey.records.permissions import Permissions
    from covey.records.ports import RecordStore
    from covey.records.service import Records
    from covey.search.finding import Finder
    from covey.search.indexing import SearchIndexer
    from covey.search.ports import SearchStore
    from covey.store.transport import Transport


class Services:
    """The services of one process; tests make their own with other settings."""

    def __init__(self, configured: Settings | None = None) -> None:
        self.settings = configured or settings()

    # ---- data

    @cached_property
    def transport(self) -> Transport:
        """The connection to DynamoDB."""
        from covey.store.transport import transport

        return transport()

    @cached_property
    def record_store(self) -> RecordStore:
        """Where records live."""
        from covey.store.records import DynamoRecordStore

        return DynamoRecordStore(self.transport, self.settings.table_name)

    @cached_property
    def catalog_store(self) -> CatalogStore:
        """Where the catalog is kept."""
        from covey.store.catalog import DynamoCatalogStore

        return DynamoCatalogStore(self.transport, self.settings.table_name)

    @cached_property
    def catalog(self) -> Catalog:
        """Which collections there are."""
        from covey.collections.catalog import Catalog
        from covey.records.time import now_ms

        return Catalog(self.catalog_store, self.settings.catalog_ttl, now_ms=now_ms)

    @cached_property
    def records(self) -> Records:
        """Records under the rules."""
        from covey.records.service import Records

        return Records(
            self.record_store,
            self.catalog,
            budget=self.settings.read_budget,
            last_count=lambda name: self.last_counts(name),
            archive=self.archive,
        )

    @cached_property
    def permissions(self) -> Permissions:
        """Why somebody may or may not do something."""
        from covey.records.permissions import Permissions

        return Permissions(self.record_store, self.catalog)

    @cached_property
    def search_store(self) -> SearchStore:
        """Where postings live."""
        from covey.store.search import DynamoSearchStore

        return DynamoSearchStore(self.transport, self.settings.table_name)

    @cached_property
    def search_indexer(self) -> SearchIndexer:
        """What records contribute to searches."""
        from covey.search.indexing import SearchIndexer

        return SearchIndexer(self.search_store)

    @cached_property
    def finder(self) -> Finder:
        """Full-text search."""
        from covey.search.finding import Finder

        return Finder(
            self.record_store,
            self.catalog,
            self.search_store,
            budget=self.settings.read_budget,
        )

    @cached_property
    def archive(self) -> Archive:
        """What records were."""
        from covey.store.archive import DynamoArchive

        return DynamoArchive(self.transport, self.settings.table_name)

    @cached_property
    def totals(self) -> Totals:
        """Where totals of aggregates live."""
        from covey.store.totals import DynamoTotals

        return DynamoTotals(self.transport, self.settings.table_name)

    @cached_property
    def counter(self) -> Counter:
        """Counts and sums of groups."""
        from covey.aggregates.service import Counter

        return Counter(
            self.record_store, self.catalog, self.totals, budget=self.settings.read_budget
        )

    @cached_property
    def aggregates(self) -> Aggregates:
        """What records add to totals."""
        from covey.aggregates.keeper import Aggregates

        def latest(name: str) -> Collection:
            self.catalog.refresh()
            return self.catalog.get(name)

        def read(collection: Collection, record_id: str) -> Record | None:
            return self.record_store.get(collection, record_id, consistent=True)

        return Aggregates(self.totals, latest, read)

    @cached_property
    def batches(self) -> Batches:
        """Several writes in one request."""
        from covey.records.batch import Batches

        return Batches(self.records, self.record_store, self.catalog)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Writes that are sent again."""
        from covey.records.idempotency import Idempotency
        from covey.store.idempotency import DynamoOutcomeStore

        return Idempotency(DynamoOutcomeStore(self.transport, self.settings.table_name))

    # ---- files, jobs, schedules

    @cached_property
    def blobs(self) -> Blobs:
        """Where files are kept: a bucket, or the gateway's directory."""
        if self.settings.files_directory:
            from covey.files.directory import DirectoryBlobs

            return DirectoryBlobs(
                self.settings.files_directory,
                self.settings.files_bucket,
                secret=self.settings.files_secret,
                public_url=self.settings.public_url,
            )
        from covey.aws.s3 import S3Blobs

        return S3Blobs(self.settings.files_bucket)

    @cached_property
    def job_store(self) -> JobStore:
        """Where jobs are kept."""
        from covey.store.models.job import DynamoJobStore

        return DynamoJobStore()

    @cached_property
    def job_queue(self) -> JobQueue:
        """How jobs ask to be run."""
        from covey.aws.queues import SqsJobQueue

        return SqsJobQueue(self.settings.jobs_queue_url)

    @cached_property
    def jobs(self) -> Jobs:
        """Background work: start and look up."""
        from covey.jobs.service import Jobs

        return Jobs(self.job_store, self.job_queue)

    @cached_property
    def job_runner(self) -> Runner:
        """Background work: run."""
        from covey.aggregates.reconcile import Reconcile
        from covey.backups.backing_up import BackingUp
        from covey.backups.restoring import Restoring
        from covey.jobs.backfill import Backfill, Pace
        from covey.jobs.backfills import Backfills
        from covey.jobs.cascade import Cascade
        from covey.jobs.exports import Export
        from covey.jobs.imports import Import
        from covey.jobs.removal import Removal
        from covey.jobs.runner import Runner
        from covey.records.remembering import Remembering
        from covey.records.service import Records
        from covey.store.rebuilding import DynamoRebuilder

        def writer() -> Records:
            return Records(Remembering(self.record_store), self.catalog, archive=self.archive)

        imports = Import(self.blobs, self.catalog.get, writer, self.owner)
        exports = Export(self.blobs, self.catalog.get, lambda: self._patient_records, self.owner)
        backfill = Backfill(
            self.catalog,
            self.record_store,
            DynamoRebuilder(self.transport, self.settings.table_name),
            Pace(self.settings.catalog_ttl + self.settings.write_time, self.settings.backfill_rate),
            followers=(self.search_indexer, self.aggregates),
            begin=Backfills(self.jobs).begin,
        )
        cascade = Cascade(self.catalog, self.record_store, lambda: self.records)
        kinds: dict[str, Work] = {"import": imports, "export": exports, "backfill": backfill}
        kinds["cascade"] = cascade
        kinds["removal"] = Removal(
            self.catalog,
            self.record_store,
            DynamoRebuilder(self.transport, self.settings.table_name),
            self.archive,
            Pace(self.settings.catalog_ttl + self.settings.write_time, self.settings.backfill_rate),
        )
        kinds["reconcile"] = Reconcile(
            self.catalog,
            self.record_store,
            DynamoRebuilder(self.transport, self.settings.table_name),
            self.totals,
            self.aggregates,
            rate=self.settings.backfill_rate,
        )
        kinds["backup"] = BackingUp(
            self.blobs,
            self.catalog,
            DynamoRebuilder(self.transport, self.settings.table_name),
            self._restore_target.credentials,
            self._restore_target.remains,
        )
        kinds["restore"] = Restoring(self.blobs, self._restore_target)
        return Runner(self.job_store, self.job_queue, kinds)

    @property
    def begin_removal(self) -> Callable[[str, int], str] | None:
        """Starts the removal of a collection's records; None where there is no queue."""
        from covey.jobs.removal import begin

        return partial(begin, self.jobs) if self.settings.jobs_queue_url else None

    @cached_property
    def backfills(self) -> Backfills | None:
        """Builds of what is declared after the records; None where there is no queue."""
        from covey.jobs.backfills import Backfills

        return Backfills(self.jobs) if self.settings.jobs_queue_url else None

    @cached_property
    def backups(self) -> Backups:
        """The whole deployment out and in: start it."""
        from covey.backups.service import Backups

        return Backups(self.jobs, self.blobs, self._restore_target)

    @cached_property
    def _restore_target(self) -> Target:
        from covey.backups.restoring import Target
        from covey.store.credentials import DynamoCredentials
        from covey.store.remains import DynamoRemains

        return Target(
            self.catalog,
            self.catalog_store,
            self.record_store,
            DynamoCredentials(self.transport, self.settings.table_name),
            DynamoRemains(self.transport, self.settings.table_name),
            self.settings.catalog_ttl + self.settings.write_time,
        )

    @cached_property
    def _patient_records(self) -> Records:
        from covey.records.patient import Patient
        from covey.records.service import Records

        return Records(
            Patient(self.record_store),
            self.catalog,
            budget=self.settings.read_budget,
            last_count=lambda name: self.last_counts(name),
        )

    @cached_property
    def exports(self) -> Exports:
        """Exports: start one."""
        from covey.jobs.exports import Exports

        return Exports(self.jobs, self._patient_records, self.catalog.get)

    @cached_property
    def results(self) -> Results:
        """Jobs as their owners see them, with links to their files."""
        from covey.jobs.results import Results

        return Results(lambda: self.blobs)

    @cached_property
    def imports(self) -> Imports:
        """Imports: start one."""
        from covey.jobs.imports import Imports

        return Imports(self.jobs, self.blobs, self.catalog)

    @cached_property
    def statistics(self) -> Statistics:
        """How much there is."""
        from covey.insight.statistics import Statistics

        return Statistics(self.catalog, self.record_store.count)

    @cached_property
    def last_counts(self) -> LastCounts:
        """How much there was when it was last counted."""
        from covey.insight.statistics import LastCounts

        return LastCounts(lambda: self.job_store.list("system:statistics", 2))

    # ---- what is kept from changes

    @cached_property
    def pipeline(self) -> Pipeline:
        """Gives changes to whoever keeps something from them."""
        from covey.collections.catalog import Everything
        from covey.identity.departures import Departures
        from covey.jobs.cascade import Cascades
        from covey.pipeline.run import Pipeline
        from covey.records.archive import Keeper

        cascades = Cascades(self.jobs, self.catalog, self.record_store)
        departures = Departures(self.account_store, self.sessions, self.identity_store)
        kept = (self.search_indexer, self.aggregates, Keeper(self.archive))
        return Pipeline(Everything(self.catalog), (cascades, departures, *kept))

    # ---- mail

    @cached_property
    def outbox(self) -> Outbox:
        """Letters that are kept instead of sent."""
        from covey.store.models.letter import DynamoOutbox

        return DynamoOutbox()

    @cached_property
    def mailer(self) -> Mailer:
        """How letters leave."""
        if self.settings.mailer == "ses":
            from covey.aws.mail import SesMailer

            return SesMailer(self.settings.mail_from)
        if self.settings.mailer == "smtp":
            from covey.mail.smtp import Server, SmtpMailer

            return SmtpMailer(Server.parse(self.settings.smtp_url), self.settings.mail_from)
        from covey.mail.outbox import OutboxMailer

        return OutboxMailer(self.outbox)

    @cached_property
    def post(self) -> Post:
        """Orders for letters."""
        from covey.aws.queues import SqsJobQueue
        from covey.mail.post import AtOnce, Post

        url = self.settings.mail_queue_url
        return Post(SqsJobQueue(url) if url else AtOnce(lambda order: self.desk.carry_out(order)))

    @cached_property
    def desk(self) -> Desk:
        """Letters: write and send what was ordered."""
        from covey.identity.codes import CodeLetters
        from covey.identity.correspondence import Correspondence
        from covey.mail.desk import Desk
        from covey.mail.letters import Letters, folders

        pages = self.settings.pages_url or f"{self.settings.public_url}/auth"
        correspondence = Correspondence(self.catalog, self.record_store, self.challenges, pages)
        codes = CodeLetters(self.flows, correspondence.find, pages)
        letters = Letters(folders(), {"product": self.settings.product_name})
        drafters = correspondence.drafters() | codes.drafters()
        return Desk(drafters, letters, self.mailer)

    # ---- realtime

    @cached_property
    def connections(self) -> ConnectionStore:
        """Open sockets and their subscriptions."""
        from covey.store.models.connection import DynamoConnectionStore

        return DynamoConnectionStore()

    @cached_property
    def sockets(self) -> Sockets:
        """How open sockets are reached."""
        from covey.aws.sockets import ApiGatewaySockets

        return ApiGatewaySockets(self.settings.connections_url)

    @cached_property
    def tickets(self) -> Tickets:
        """Single-use tickets that open a socket."""
        from covey.realtime.tickets import Tickets

        return Tickets(self.record_store, session_seconds=self.settings.access_token_ttl)

    @cached_property
    def conversation(self) -> Conversation:
        """What is answered to sockets."""
        from covey.realtime.messages import Conversation

        return Conversation(self.connections, self.catalog, self.bearer, self.profiled)

    @cached_property
    def fan_out(self) -> FanOut:
        """Who is told of a change."""
        from covey.realtime.fan_out import FanOut

        return FanOut(
            self.connections,
            self.catalog,
            self.sockets,
            self.profiled,
            # Without a limit: a batch of changes that cannot be told would be tried for ever.
            reads=lambda: self.reads(most=None),
        )

    def reads(self, most: int | None = 100) -> Fetcher:
        """What rules read other records by, for one call that asks no service of records."""
        from covey.records.fetching import Fetcher
        from covey.records.time import now_ms

        return Fetcher(self.record_store, self.catalog.get, now_ms(), most=most)

    def change_of(self, image: Mapping[str, Any]) -> Change | None:
        """The change that a record of the table's stream tells of."""
        from covey.collections.catalog import Everything
        from covey.store.stream import change_from_stream

        return change_from_stream(image, Everything(self.catalog))

    # ---- who asks

    def bearer(self, token: str) -> tuple[Principal, int]:
        """The caller of an access token, and until when (seconds); raises Unauthenticated."""
        if token.startswith("cvk_"):
            from covey.identity.scopes import not_allowed

            who = self.key_callers.of(token)
            if who.scopes is None or not who.scopes.meet("realtime"):
                raise not_allowed()
            return who, who.until
        claims = self.tokens.verify(token)
        return self.presence.of(claims), claims.expires

    def owner(self, scope: str) -> Principal:
        """The caller of that scope, to go on with work that they started; as `user` else."""
        kind, _, name = scope.partition(":")
        return self.profiled(self.key_callers.again(name)) if kind == "key" else self.user(name)

    def user(self, user: str) -> Principal:
        """A user with the roles of now: to go on with work that they started, or in their name.

        Raises Unauthenticated for one that is gone or disabled: nobody goes on with their work.
        """
        from covey.errors import Unauthenticated
        from covey.identity.caller import signed_in
        from covey.identity.users import roles_of

        record = self.record_store.get(self.catalog.get("users"), user, consistent=True)
        account = self.account_store.get(user)
        if record is None or (account is not None and account.disabled):
            raise Unauthenticated("The user in whose name this is done is not there.")
        return self.profiled(signed_in(user, "", roles_of(record)))

    def profiled(self, who: Principal) -> Principal:
        """The same caller, their own record read when a rule first asks for it."""
        from covey.identity.profile import with_profile

        return with_profile(who, self._own_values)

    def principal(self, authorization: str | None) -> Principal:
        """The caller that an Authorization header names, as of now; raises Unauthenticated."""
        from covey.identity.caller import bearer_token
        from covey.identity.principal import GUEST

        if authorization is None:  # most of the web; spared the machinery of tokens
            return GUEST
        token = bearer_token(authorization)
        if token.startswith("cvk_"):
            return self.key_callers.of(token)
        return self.presence.of(self.tokens.verify(token))

    @cached_property
    def key_callers(self) -> KeyCallers:
        """Who calls by an API key."""
        from covey.identity.key_callers import KeyCallers

        lifetime = self.settings.access_token_ttl
        return KeyCallers(self.api_key_store, self.catalog, lifetime=lifetime)

    @cached_property
    def api_key_store(self) -> ApiKeyStore:
        """Where API keys are kept."""
        from covey.store.models.api_key import DynamoApiKeyStore

        return DynamoApiKeyStore(self.transport, self.settings.table_name)

    @cached_property
    def api_keys(self) -> ApiKeys:
        """API keys: make, list, end."""
        from covey.identity.api_keys import ApiKeys

        return ApiKeys(self.api_key_store, self.account_store, self.audit)

    @cached_property
    def presence(self) -> Presence:
        """Whether the caller of a token is still there."""
        from covey.identity.presence import Presence
        from covey.store.callers import DynamoCallerStore

        return Presence(
            DynamoCallerStore(self.transport, self.settings.table_name),
            self.catalog,
            administers=lambda actor: self.impersonation.administers(actor),
        )

    @cached_property
    def impersonation(self) -> Impersonation:
        """Administrators in the name of users."""
        from covey.identity.impersonation import Impersonation

        return Impersonation(
            accounts=self.accounts,
            store=self.account_store,
            sessions=self.sessions,
            addresses=self.addresses,
            audit=self.audit,
        )

    def _own_values(self, user: str) -> Mapping[str, Any]:
        record = self.record_store.get(self.catalog.get("users"), user, consistent=True)
        return record.values if record else {}

    @cached_property
    def tokens(self) -> Tokens:
        """Access tokens."""
        from covey.identity.tokens import Tokens

        return Tokens(
            self.signing_keys,
            issuer=self.settings.token_issuer,
            lifetime=self.settings.access_token_ttl,
        )

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """The keys of access tokens."""
        from covey.identity.signing_keys import SigningKeys
        from covey.store.models.signing_key import DynamoKeyStore

        return SigningKeys(DynamoKeyStore(), lifetime=self.settings.access_token_ttl)

    @cached_property
    def account_store(self) -> AccountStore:
        """What signing in needs and no record shows."""
        from covey.store.models.account import DynamoAccountStore

        return DynamoAccountStore()

    @cached_property
    def browser_sessions(self) -> BrowserSessions:
        """Sessions that browsers keep in a cookie."""
        from covey.identity.browser_sessions import BrowserSessions
        from covey.store.models.session import DynamoSessionStore

        lifetime = self.settings.refresh_token_ttl
        return BrowserSessions(self.sessions, DynamoSessionStore(), lifetime=lifetime)

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        from covey.identity.sessions import Sessions
        from covey.store.models.session import DynamoSessionStore

        return Sessions(
            DynamoSessionStore(), self.account_store, lifetime=self.settings.refresh_token_ttl
        )

    @cached_property
    def audit(self) -> Audit:
        """What happened to accounts."""
        from covey.identity.audit import Audit
        from covey.store.models.event import DynamoAuditStore

        return Audit(DynamoAuditStore())

    @cached_property
    def accounts(self) -> Accounts:
        """Signing up, in, on and out."""
        from covey.identity.accounts import Accounts

        return Accounts(
            collections=self.catalog,
            records=self.record_store,
            accounts=self.account_store,
            sessions=self.sessions,
            tokens=self.tokens,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            second=self.second_factor,
            by_mail=self.settings.sign_up == "by_mail",
            reads=self.reads,
        )

    @cached_property
    def addresses(self) -> Addresses:
        """E-mail addresses: prove and change."""
        from covey.identity.addresses import Addresses

        return Addresses(
            collections=self.catalog,
            records=self.record_store,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def credentials(self) -> Credentials:
        """Passwords: change and reset."""
        from covey.identity.credentials import Credentials

        return Credentials(
            accounts=self.accounts,
            store=self.account_store,
            sessions=self.sessions,
            addresses=self.addresses,
            reclaiming=self.reclaiming,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def flows(self) -> Flows:
        """Sign-ins under way."""
        from covey.identity.flows import Flows
        from covey.store.models.flow import DynamoFlowStore

        return Flows(DynamoFlowStore())

    @cached_property
    def reclaiming(self) -> Reclaiming:
        """Accounts whose address is proven for the first time."""
        from covey.identity.reclaiming import Reclaiming

        # Identities first: their claims are found by what `strip` forgets.
        kept = (self.identity_store.forget, self.account_store.strip)
        return Reclaiming(self.account_store, self.sessions, self.audit, kept)

    @cached_property
    def codes(self) -> Codes:
        """Signing in by mail."""
        from covey.identity.codes import Codes

        return Codes(
            accounts=self.accounts,
            store=self.account_store,
            reclaiming=self.reclaiming,
            addresses=self.addresses,
            flows=self.flows,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def factor_store(self) -> FactorStore:
        """What else than a password proves who a user is."""
        from covey.store.models.factor import DynamoFactorStore

        return DynamoFactorStore()

    @cached_property
    def _seal(self) -> Seal:
        from covey.identity.sealing import Seal
        from covey.store.secret import secret

        return Seal(secret(self.transport, self.settings.table_name, "factors"))

    @cached_property
    def second_factor(self) -> SecondFactor:
        """What is asked for after a first factor."""
        from covey.identity.second_factor import SecondFactor

        return SecondFactor(
            store=self.factor_store,
            flows=self.flows,
            seal=self._seal,
            limits=self.throttle,
            audit=self.audit,
        )

    @cached_property
    def proofs(self) -> Proofs:
        """Who has proven just now to be who they say."""
        from covey.identity.authenticator import Proofs

        return Proofs(self.account_store, self.sessions, self.credentials, self.second_factor)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Authenticator apps and recovery codes."""
        from covey.identity.authenticator import Authenticator

        return Authenticator(
            proofs=self.proofs,
            accounts=self.account_store,
            store=self.factor_store,
            second=self.second_factor,
            seal=self._seal,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            product=self.settings.product_name,
        )

    @cached_property
    def passkeys(self) -> Passkeys:
        """WebAuthn credentials."""
        from covey.identity.passkeys import Passkeys, party_of

        return Passkeys(
            party=party_of(
                self.settings.public_url,
                self.settings.passkey_domain,
                self.settings.passkey_origins,
                self.settings.product_name,
            ),
            proofs=self.proofs,
            accounts=self.accounts,
            store=self.account_store,
            factors=self.factor_store,
            addresses=self.addresses,
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def identity_store(self) -> IdentityStore:
        """Identities at providers."""
        from covey.store.models.identity import DynamoIdentityStore

        return DynamoIdentityStore()

    @cached_property
    def federation(self) -> Flow:
        """To providers and back."""
        from covey.identity.federation.discovery import Directory
        from covey.identity.federation.flow import Flow
        from covey.identity.federation.profiles import Profiles
        from covey.identity.federation.providers import parse
        from covey.identity.federation.redirects import Redirects
        from covey.identity.federation.web import HttpWeb

        web = HttpWeb()
        directory = Directory(web)
        return Flow(
            providers=parse(self.settings.oauth_providers),
            redirects=Redirects(self.settings.oauth_redirects.replace(",", " ").split()),
            directory=directory,
            profiles=Profiles(web, directory),
            challenges=self.challenges,
            limits=self.throttle,
            audit=self.audit,
            public_url=self.settings.public_url,
        )

    @cached_property
    def identities(self) -> Identities:
        """Users as those whom providers know."""
        from covey.identity.federation.identities import Identities

        return Identities(
            collections=self.catalog,
            records=self.record_store,
            store=self.account_store,
            identities=self.identity_store,
            factors=self.factor_store,
            accounts=self.accounts,
            addresses=self.addresses,
            sessions=self.sessions,
            reclaiming=self.reclaiming,
            audit=self.audit,
            post=self.post,
        )

    @cached_property
    def anonymous_users(self) -> AnonymousUsers:
        """Users without credentials."""
        from covey.identity.anonymous import AnonymousUsers
        from covey.store.models.anonymous import DynamoAnonymousStore

        return AnonymousUsers(
            collections=self.catalog,
            records=self.record_store,
            store=self.account_store,
            listed=DynamoAnonymousStore(),
            accounts=self.accounts,
            addresses=self.addresses,
            sessions=self.sessions,
            limits=self.throttle,
            audit=self.audit,
            post=self.post,
            lifetime=self.settings.refresh_token_ttl,
            on=self.settings.anonymous == "on",
            by_mail=self.settings.sign_up == "by_mail",
        )

    @cached_property
    def anonymous_sweep(self) -> AnonymousSweep:
        """Users without credentials who are gone."""
        from covey.identity.anonymous import AnonymousSweep
        from covey.identity.principal import SYSTEM
        from covey.records.conditions import Conditions
        from covey.store.models.anonymous import DynamoAnonymousStore

        def read(user: str) -> Record | None:
            return self.record_store.get(self.catalog.get("users"), user, consistent=True)

        def delete(user: Record) -> None:
            unchanged = Conditions.parse(user.etag, None)
            self.records.delete(SYSTEM, "users", user.id, conditions=unchanged)

        return AnonymousSweep(
            listed=DynamoAnonymousStore(),
            store=self.account_store,
            sessions=self.sessions,
            read=read,
            delete=delete,
        )

    @cached_property
    def administration(self) -> Administration:
        """What administrators do to accounts."""
        from covey.identity.administration import Administration

        return Administration(
            self.account_store, self.sessions, self.audit, self.factor_store, self.post
        )

    @cached_property
    def challenges(self) -> Challenges:
        """Secrets that prove something once."""
        from covey.identity.challenges import Challenges

        return Challenges(self.record_store)

    @cached_property
    def pace(self) -> Pace:
        """Requests a minute."""
        from covey.identity.pace import Pace
        from covey.store.models.throttle import DynamoAttemptStore

        return Pace(DynamoAttemptStore(), limit=self.settings.rate_limit)

    @cached_property
    def throttle(self) -> Throttle:
        """Counted attempts."""
        from covey.identity.throttle import Throttle
        from covey.store.models.throttle import DynamoAttemptStore

        return Throttle(DynamoAttemptStore())

    @cached_property
    def first_administrator(self) -> FirstAdministrator:
        """The one-time token that makes the first administrator."""
        from covey.identity.bootstrap import FirstAdministrator
        from covey.store.models.bootstrap import DynamoBootstrapStore

        return FirstAdministrator(DynamoBootstrapStore(), self.accounts, self.throttle)


@cache
def services() -> Services:
    """The services of this process."""
    return Services()
