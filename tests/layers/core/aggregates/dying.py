"""A consumer of changes in a process of its own, which kills itself at one of its calls.

    python -m tests.layers.core.aggregates.dying TABLE COLLECTION WORK CALL before|after

`WORK` is ``apply`` or ``mend``; at the call of this number, from 1 on, the process ends by
SIGKILL, before it is sent or after it was answered. Call 0 lets it live.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from covey.store.totals import DynamoTotals
from covey.store.transport import Transport, transport
from tests.layers.core.aggregates.world import Records, keeper, sales

SHOPS = [None, "north", "south", "east"]


def history(name: str) -> Records:
    """The same records and changes in every process: made, changed, moved between groups, gone."""
    dice = random.Random(4)
    records = Records(sales(name=name))
    for _ in range(150):
        if dice.random() < 0.15:
            records.delete(f"r{dice.randrange(60)}")
            continue
        values = {
            "shop": dice.choice(SHOPS),
            "paid": dice.random() < 0.5,
            "amount": Decimal(dice.randrange(-1000, 1000)).scaleb(-2),
            "items": dice.randrange(4),
            "day": f"2026-01-{dice.randrange(1, 29):02d}",
        }
        records.put(f"r{dice.randrange(60)}", values)
    return records


class Dying:
    """A transport whose process dies at one call."""

    def __init__(self, inner: Transport, at: int, when: str) -> None:
        self._inner = inner
        self._at = at
        self._when = when
        self._made = 0

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self._made += 1
        if (self._made, self._when) == (self._at, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = self._inner.call(operation, request)
        if (self._made, self._when) == (self._at, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def main(table: str, name: str, work: str, at: str, when: str) -> None:
    records = history(name)
    totals = DynamoTotals(Dying(transport(), int(at), when), table)
    kept = keeper(totals, records)
    if work == "apply":
        kept.apply(records.collection, records.changes)
    else:
        kept.mend(records.collection, sorted({one.id for one in records.changes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
