"""``covey shards``: how many a collection wants, how many it has, and spreading it."""

from __future__ import annotations

import time

from covey.collections.sharding import resharded
from covey.records.time import rfc3339
from covey.store.heat import recommended_shards
from covey.wiring import services


def advice(creates: float, updates: float, size: int, *, transactions: bool) -> str:
    """How many shards these writes a second want; raises ValueError where none suffice."""
    count = recommended_shards(
        creates, size, indexed_updates_per_s=updates, skews=(1.0,), transactions=transactions
    )
    return f"{count} {'shard' if count == 1 else 'shards'}"


def schedule(collection: str) -> str:
    """The shards of a collection over time; raises NotFound."""
    found = services().catalog.get(collection)
    return "\n".join(
        f"{epoch.shards} since {rfc3339(epoch.from_ms)}" if epoch.from_ms else f"{epoch.shards}"
        for epoch in found.schedule
    )


def spread(collection: str, count: int) -> str:
    """Save the collection with so many shards; raises NotFound, Invalid, Conflict."""
    catalog = services().catalog
    catalog.refresh()
    changed = resharded(catalog.get(collection), count, int(time.time() * 1000))
    if changed != catalog.get(collection):
        catalog.save(changed)
    return schedule(collection)
