"""Outcomes of keyed requests in memory: the twin of `covey.store.idempotency`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from covey.records.idempotency import WHOLE, Hold, Outcome, Standing


@dataclass
class _Kept:
    hold: Hold
    lease: int = 0
    outcome: Outcome | None = None


class MemoryOutcomeStore:
    """`OutcomeStore` in a dictionary; `commit` does what a transaction does with a receipt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def take(self, hold: Hold, lease: int) -> Standing | bool:
        """As `OutcomeStore.take`."""
        with self._lock:
            there = self._kept.get((hold.name, WHOLE))
            free = there is None or there.hold.expires <= hold.since
            if there is not None and not free:
                same = there.hold.fingerprint == hold.fingerprint
                if there.outcome is not None or there.lease > hold.since or not same:
                    return Standing(there.hold.fingerprint, there.outcome)
            self._kept[hold.name, WHOLE] = _Kept(hold, lease)
            return free

    def keep(self, hold: Hold, outcome: Outcome) -> bool:
        """As `OutcomeStore.keep`."""
        with self._lock:
            held = self._held(hold)
            if held is not None:
                held.outcome = outcome
            return held is not None

    def release(self, hold: Hold) -> None:
        """As `OutcomeStore.release`."""
        with self._lock:
            if self._held(hold) is not None:
                del self._kept[hold.name, WHOLE]

    def lapse(self, hold: Hold) -> None:
        """As `OutcomeStore.lapse`."""
        with self._lock:
            held = self._held(hold)
            if held is not None:
                held.lease = 0

    def receipt(self, hold: Hold, outcome: Outcome, part: str = WHOLE) -> dict[str, Any]:
        """As `OutcomeStore.receipt`."""
        return {"Receipt": (hold, outcome, part)}

    def parts(self, hold: Hold) -> Mapping[str, Outcome]:
        """As `OutcomeStore.parts`."""
        return {
            part: kept.outcome
            for (name, part), kept in self._kept.items()
            if name == hold.name and part != WHOLE and kept.outcome and self._ours(hold, kept)
        }

    def commit(self, receipt: Mapping[str, Any]) -> bool:
        """Keep what a receipt says; False where its condition fails."""
        hold, outcome, part = receipt["Receipt"]
        if part == WHOLE:
            return self.keep(hold, outcome)
        with self._lock:
            there = self._kept.get((hold.name, part))
            if there is not None and self._ours(hold, there):
                return False
            self._kept[hold.name, part] = _Kept(hold, outcome=outcome)
            return True

    def _held(self, hold: Hold) -> _Kept | None:
        there = self._kept.get((hold.name, WHOLE))
        ours = there is not None and there.hold.token == hold.token and there.outcome is None
        return there if ours else None

    def _ours(self, hold: Hold, kept: _Kept) -> bool:
        return kept.hold.fingerprint == hold.fingerprint and kept.hold.expires > hold.since
