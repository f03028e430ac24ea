"""How hot a partition key may get, and how many shards keep every one of them below that.

DynamoDB serves 1,000 write units and 3,000 read units a second on one partition key of a table
or of an index (AWS, "Designing partition keys to distribute your workload").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from covey.collections.sharding import MAX_SHARDS

WRITES_PER_KEY = 1_000
READS_PER_KEY = 3_000
_WRITE_UNIT = 1_024
_SPREAD = 5.0  # standard deviations of a second's writes to one shard that are still served


def write_units(item_bytes: int) -> int:
    """The write units of one item of a table or an index."""
    return max(1, math.ceil(item_bytes / _WRITE_UNIT))


def recommended_shards(
    creates_per_s: float,
    item_bytes: int = _WRITE_UNIT,
    *,
    indexed_updates_per_s: float = 0.0,
    skews: Sequence[float] = (),
    transactions: bool = False,
) -> int:
    """How many shards serve these writes without a partition key above its limit.

    `skews` has, for each index, the share of writes that go to its most frequent equality value,
    1 for an index of one field; `indexed_updates_per_s` are updates of a field of each of them,
    which write two entries there. `transactions` says that writes come in transactions (unique
    values, batches, keyed requests), which cost twice. Hashes spread records over shards by
    chance, so there is room for five standard deviations. An index's entry lies in the shard of
    its record, so that however frequent its value is, creates ask for no more there than in the
    table: only updates of indexed fields do. Raises ValueError beyond `MAX_SHARDS`.
    """
    units = write_units(item_bytes) * (2 if transactions else 1)
    table = creates_per_s + indexed_updates_per_s
    entries = [share * (creates_per_s + 2 * indexed_updates_per_s) for share in skews]
    hottest = max([table, *entries])
    shards = max(1, math.ceil(hottest / _served(units)))
    if shards > MAX_SHARDS:
        raise ValueError(f"{shards} shards would be needed; a list reads at most {MAX_SHARDS}")
    return shards


def _served(units: int) -> float:
    """The mean number of writes a second, of some units each, that one key can take."""
    most = WRITES_PER_KEY / units
    # m + s·√m = most, solved for √m.
    root = (math.sqrt(_SPREAD * _SPREAD + 4 * most) - _SPREAD) / 2
    return root * root
