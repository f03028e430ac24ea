"""The table, the catalog, files and the queue of jobs: what all the rest stands on."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from covey.config import Settings, settings

if TYPE_CHECKING:
    from covey.collections.catalog import Catalog, CatalogStore
    from covey.files.blobs import Blobs
    from covey.files.ports import FileStore
    from covey.insight.statistics import LastCounts, Statistics
    from covey.jobs.ports import JobStore
    from covey.jobs.queue import JobQueue
    from covey.jobs.service import Jobs
    from covey.records.archive import Archive
    from covey.records.attachments import Attachments
    from covey.records.ports import RecordStore
    from covey.store.transport import Transport


class Foundation:
    """The table, the catalog, files and the queue of jobs: what all the rest stands on."""

    def __init__(self, configured: Settings | None = None) -> None:
        self.settings = configured or settings()

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
    def archive(self) -> Archive:
        """What records were."""
        from covey.store.archive import DynamoArchive

        return DynamoArchive(self.transport, self.settings.table_name)

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
    def file_store(self) -> FileStore:
        """Where files are known."""
        from covey.store.files import DynamoFileStore

        return DynamoFileStore(self.transport, self.settings.table_name)

    @cached_property
    def attachments(self) -> Attachments:
        """Files that records take."""
        from covey.files.attaching import Attaching

        return Attaching(self.file_store)

    @cached_property
    def job_store(self) -> JobStore:
        """Where jobs are kept."""
        from covey.store.models.job import DynamoJobStore

        return DynamoJobStore()

    @cached_property
    def job_queue(self) -> JobQueue:
        """How jobs ask to be run: by the queue of their lane."""
        from covey.aws.queues import SqsJobQueue
        from covey.jobs.lanes import Lanes

        urls = {
            "high": self.settings.tasks_high_queue_url,
            "normal": self.settings.tasks_queue_url,
            "low": self.settings.tasks_low_queue_url,
        }
        lanes = {name: partial(SqsJobQueue, url) for name, url in urls.items() if url}
        return Lanes(SqsJobQueue(self.settings.jobs_queue_url), lanes)

    @cached_property
    def jobs(self) -> Jobs:
        """Background work: start and look up."""
        from covey.jobs.service import Jobs

        return Jobs(self.job_store, self.job_queue)

    @cached_property
    def last_counts(self) -> LastCounts:
        """How much there was when it was last counted."""
        from covey.insight.statistics import LastCounts

        return LastCounts(lambda: self.job_store.list("system:statistics", 2))

    @cached_property
    def statistics(self) -> Statistics:
        """How much there is."""
        from covey.insight.statistics import Statistics

        return Statistics(self.catalog, self.record_store.count)
