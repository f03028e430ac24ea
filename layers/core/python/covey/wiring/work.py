"""What is done later: jobs of each kind, and what follows from changes."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from covey.wiring.webhooks import WebhookServices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from covey.backups.restoring import Target
    from covey.backups.service import Backups
    from covey.hooks.telling import Letterbox
    from covey.jobs.backfills import Backfills
    from covey.jobs.exports import Exports
    from covey.jobs.imports import Imports
    from covey.jobs.queue import JobQueue
    from covey.jobs.results import Results
    from covey.jobs.runner import Runner, Work
    from covey.pipeline.consumer import Consumer
    from covey.pipeline.gauges import Gauges
    from covey.pipeline.letters import DeadLetters
    from covey.pipeline.redriving import Redriver
    from covey.pipeline.run import Pipeline
    from covey.records.service import Records


class WorkServices(WebhookServices):
    """What is done later: jobs of each kind, and what follows from changes."""

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
            store = Remembering(self.record_store)
            return Records(
                store,
                self.catalog,
                archive=self.archive,
                attachments=self.attachments,
                hooks=self.hooks,
            )

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
        kinds["task"] = self.task_work
        kinds["webhook-replay"] = self.replaying
        return Runner(
            self.job_store,
            self.job_queue,
            kinds,
            turn=self.schedule_runs.turn,
            bury=lambda job: self.task_store.bury(job.id, job.created),
        )

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
    def exports(self) -> Exports:
        """Exports: start one."""
        from covey.jobs.exports import Exports

        return Exports(self.jobs, self._patient_records, self.catalog.get)

    @cached_property
    def imports(self) -> Imports:
        """Imports: start one."""
        from covey.jobs.imports import Imports

        return Imports(self.jobs, self.blobs, self.catalog)

    @cached_property
    def results(self) -> Results:
        """Jobs as their owners see them, with links to their files."""
        from covey.jobs.results import Results

        return Results(lambda: self.blobs)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Changes that a consumer could not take."""
        from covey.store.models.dead_letter import DynamoDeadLetters

        return DynamoDeadLetters()

    @cached_property
    def gauges(self) -> Gauges:
        """How far behind the consumers of changes are."""
        from covey.aws.metrics import emit
        from covey.pipeline.gauges import Gauges
        from covey.store.models.gauge import DynamoGauges

        return Gauges(DynamoGauges(), emit)

    @cached_property
    def _redrives(self) -> JobQueue | None:
        from covey.aws.queues import SqsJobQueue

        url = self.settings.redrive_queue_url
        return SqsJobQueue(url) if url else None

    @cached_property
    def redriver(self) -> Redriver:
        """Dead letters: take them up again."""
        from covey.pipeline.redriving import Redriver

        return Redriver(self.pipeline, self.dead_letters, self.told_of, self._redrives)

    @property
    def _told(self) -> Iterator[Consumer]:
        """The team's own code that follows changes."""
        from covey.hooks.telling import Misdeclared, ToFunction, ToHooks, calls

        def letterbox() -> Letterbox:
            return self.letterbox

        source = f"{self.settings.public_url}/records"
        declared, faults = calls(self.settings.change_triggers)
        for call in declared:
            yield ToFunction(call, letterbox, source)
        if faults:
            yield Misdeclared(faults)
        if self.settings.hooks_queue_url:
            yield ToHooks(self.hooks, self.settings.hooks_queue_url, letterbox, source)

    @cached_property
    def letterbox(self) -> Letterbox:
        """How the team's own code is sent what it is told."""
        from covey.aws.queues import SqsLetterbox

        return SqsLetterbox()

    @cached_property
    def pipeline(self) -> Pipeline:
        """Gives changes to whoever makes something follow from them."""
        from covey.collections.catalog import Everything
        from covey.identity.departures import Departures
        from covey.jobs.cascade import Cascades
        from covey.pipeline.run import Pipeline
        from covey.records.archive import Keeper

        cascades = Cascades(self.jobs, self.catalog, self.record_store)
        departures = Departures(
            self.account_store,
            self.sessions,
            self.identity_store,
            lambda users, one: self.record_store.get(users, one, consistent=True) is not None,
        )
        kept = (self.search_indexer, self.aggregates, Keeper(self.archive), self.keeping)
        return Pipeline(
            Everything(self.catalog),
            (cascades, departures, *kept, self.webhook_making, *self._told),
            self.dead_letters,
            self.gauges,
            retries=self._redrives,
        )
