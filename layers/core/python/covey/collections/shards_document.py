"""The shards that a document asks for, and the schedule that they are kept in."""

from __future__ import annotations

import time

from covey.collections.model import Collection, Epoch
from covey.collections.reader import Reader
from covey.collections.sharding import MAX_EPOCHS, MAX_SHARDS, resharded


def read_shards(reader: Reader, previous: Collection | None) -> int | None:
    """How many shards new records spread over; None, as they do now, where it is left out."""
    value = reader.values.get("shards")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SHARDS:
        reader.fault("shards", f"must be a whole number from 1 to {MAX_SHARDS}")
        return None
    epochs = () if previous is None else previous.schedule
    if len(epochs) >= MAX_EPOCHS and epochs[-1].shards != value:
        reader.fault("shards", f"was changed {MAX_EPOCHS} times already")
        return None
    return value


def scheduled(shards: int | None, previous: Collection | None) -> tuple[Epoch, ...]:
    """The schedule of the next version; of a new collection, the shards from the beginning."""
    if previous is None:
        return (Epoch(0, shards or 1),)
    if shards is None:
        return previous.schedule
    return resharded(previous, shards, int(time.time() * 1000)).schedule


def dump_shards(collection: Collection) -> int | None:
    """The shards as a document has them: none where there is one."""
    shards = collection.schedule[-1].shards
    return shards if shards > 1 else None
