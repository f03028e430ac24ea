"""Over how many shards the records of a collection spread, from when on."""

from __future__ import annotations

from dataclasses import replace

from covey.collections.model import Collection, Epoch
from covey.errors import FieldError, Invalid

MAX_SHARDS = 1_000  # every list reads all of them
MAX_EPOCHS = 100
# Ahead of now: by then no writer has the catalog from before, which would choose another shard.
LEAD_MS = 300_000


def resharded(collection: Collection, shards: int, now: int) -> Collection:
    """The next version of the collection, whose new records spread over this many shards.

    They do from `LEAD_MS` after `now` (in milliseconds) on; records that are there stay where
    they are, and a change that is on its way happens first. Lists read as many shards as there
    ever were. The collection itself where it has as many already. Raises Invalid.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise _invalid(f"takes 1 to {MAX_SHARDS} shards")
    last = collection.schedule[-1]
    if last.shards == shards:
        return collection
    if len(collection.schedule) == MAX_EPOCHS:
        raise _invalid(f"was changed {MAX_EPOCHS} times already")
    added = Epoch(max(now + LEAD_MS, last.from_ms + 1), shards)
    schedule = (*collection.schedule, added)
    return replace(collection, schedule=schedule, version=collection.version + 1)


def _invalid(message: str) -> Invalid:
    fault = FieldError("schedule", "invalid_shards", message)
    return Invalid(f"A collection's schedule {message}.", code="invalid_shards", errors=[fault])
