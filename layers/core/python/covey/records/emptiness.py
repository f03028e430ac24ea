"""Whether a collection has records at all."""

from __future__ import annotations

from covey.collections.model import Collection
from covey.records.ports import Query, RecordStore


def is_empty(store: RecordStore, collection: Collection) -> bool:
    """Whether there is not a single record, expired ones included; half a read unit."""
    page = store.list(collection, Query(limit=1), lambda record: True)
    return not page.records and page.next is None
