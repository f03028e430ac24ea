"""About what it costs to bring a change of a collection to the records that are there.

For records of up to 1 KB: a write unit is 1 KB of the item, and of each index that repeats it
(see docs/reference/costs.md). Searches and totals are kept by what each record says, and are not
foreseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.collections import builds
from covey.collections.model import Collection
from covey.insight.meter import Meter

_READ = 0.25  # a consistent query, by 4 KB
_WRITES = {"index": 1, "geo": 1, "unique": 2, "references": 4, "expires": 1}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Units and dollars for so many records, and the seconds that it takes at least."""

    records: int
    read_units: float
    write_units: int
    usd: float
    seconds: int

    def __str__(self) -> str:
        return (
            f"{self.records} records: about {self.write_units} write units, "
            f"{self.read_units:g} read units, ${self.usd:.4f}, {self.seconds} s or more"
        )


def estimate(
    before: Collection | None, after: Collection, records: int | None, rate: int
) -> Estimate | None:
    """What the parts cost that `after` has and `before` has not, at `rate` records a second.

    None where there is nothing to do, or nobody knows how many records there are.
    """
    if before is None or records is None:
        return None
    parts = builds.new_parts(before, after)
    if not parts or not records:
        return None
    write_units, read_units = records * _per_record(parts), records * _READ
    usd = Meter(rru=read_units, wru=write_units).usd
    return Estimate(records, read_units, write_units, usd, -(-records // rate))


def _per_record(parts: Sequence[str]) -> int:
    kinds = [part.partition(" ")[0] for part in parts]
    item = 2 if "unique" in kinds else 1  # in a transaction each item counts twice
    return item + sum(_WRITES.get(kind, 0) for kind in kinds)
