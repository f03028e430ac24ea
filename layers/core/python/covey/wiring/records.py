"""Records, and what is kept from their changes: totals, postings, past versions."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from covey.wiring.foundation import Foundation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covey.aggregates.keeper import Aggregates
    from covey.aggregates.ports import Totals
    from covey.aggregates.service import Counter
    from covey.collections.model import Collection
    from covey.hooks.loading import TeamHooks
    from covey.pipeline.told import Told
    from covey.records.batch import Batches
    from covey.records.fetching import Fetcher
    from covey.records.idempotency import Idempotency
    from covey.records.model import Change, Record
    from covey.records.permissions import Permissions
    from covey.records.service import Records
    from covey.search.finding import Finder
    from covey.search.indexing import SearchIndexer
    from covey.search.ports import SearchStore


class RecordServices(Foundation):
    """Records, and what is kept from their changes: totals, postings, past versions."""

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
            attachments=self.attachments,
            hooks=self.hooks,
        )

    @cached_property
    def hooks(self) -> TeamHooks:
        """The team's own code around writes."""
        from covey.hooks.loading import TeamHooks

        return TeamHooks()

    @cached_property
    def permissions(self) -> Permissions:
        """Why somebody may or may not do something."""
        from covey.records.permissions import Permissions

        return Permissions(self.record_store, self.catalog)

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

    def told_of(self, image: Mapping[str, Any]) -> Told:
        """A record of the table's stream, as the pipeline is told of it."""
        from covey.collections.catalog import Everything
        from covey.store.stream import told_from_stream

        return told_from_stream(image, Everything(self.catalog))

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
    def _patient_records(self) -> Records:
        from covey.records.patient import Patient
        from covey.records.service import Records

        return Records(
            Patient(self.record_store),
            self.catalog,
            budget=self.settings.read_budget,
            last_count=lambda name: self.last_counts(name),
        )
