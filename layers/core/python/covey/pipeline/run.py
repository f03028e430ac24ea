"""A batch of changes through all consumers, each for itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from covey.collections.model import Collection
from covey.errors import NotFound
from covey.pipeline.consumer import Consumer
from covey.records.model import Change

_log = logging.getLogger(__name__)


class Collections(Protocol):
    """Where the collection of a change is looked up."""

    def get(self, name: str) -> Collection:
        """The collection; raises NotFound."""
        ...


class PipelineFailedError(Exception):
    """Some consumers did not apply a batch; the others did."""

    def __init__(self, failed: Sequence[str]) -> None:
        super().__init__(", ".join(failed))
        self.failed = tuple(failed)


class Pipeline:
    """Gives changes to whoever keeps something from them."""

    def __init__(self, collections: Collections, consumers: Sequence[Consumer]) -> None:
        self._collections = collections
        self._consumers = consumers

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply a batch; raises PipelineFailedError after all had their turn.

        Every consumer gets the whole batch before any failure is told, so that one that cannot
        take a change holds up none of the others. Changes of a collection that is gone mean
        nothing any more.
        """
        failed: list[str] = []
        for collection, batch in self._by_collection(changes):
            for consumer in self._consumers:
                if not _applied(consumer, collection, batch):
                    failed.append(f"{consumer.name} of {collection.name}")
        if failed:
            raise PipelineFailedError(failed)

    def _by_collection(self, changes: Iterable[Change]) -> list[tuple[Collection, list[Change]]]:
        by_name: dict[str, list[Change]] = {}
        for change in changes:
            by_name.setdefault(change.collection, []).append(change)
        found = []
        for name, batch in by_name.items():
            try:
                found.append((self._collections.get(name), batch))
            except NotFound:
                _log.info("%d changes of %s came after its end", len(batch), name)
        return found


def _applied(consumer: Consumer, collection: Collection, batch: Sequence[Change]) -> bool:
    try:
        if consumer.wants(collection):
            consumer.apply(collection, batch)
    except Exception:  # noqa: BLE001 - whatever it is, the other consumers must go on
        _log.exception("%s failed on %d changes of %s", consumer.name, len(batch), collection.name)
        return False
    return True
