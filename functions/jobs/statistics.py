"""Nightly: the records of each collection are counted, and signing keys that served removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.jobs.schedules import nightly
from covey.triggers.clock import Context
from covey.triggers.schedule import schedule_handler
from covey.wiring import services


def run(slot: str, context: Context) -> Mapping[str, Any]:
    """Count for this slot."""
    parts = services()
    parts.signing_keys.prune()
    return nightly(parts.jobs, parts.statistics, slot)


handler = schedule_handler(run)
