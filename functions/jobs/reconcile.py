"""Nightly: what records add to aggregates is looked at again, and mended where it differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.aggregates.reconcile import begin
from covey.triggers.clock import Context
from covey.triggers.schedule import schedule_handler
from covey.wiring import services


def run(slot: str, context: Context) -> Mapping[str, Any]:
    """Queue a job for each collection."""
    parts = services()
    return {"collections": begin(parts.jobs, parts.catalog, slot)}


handler = schedule_handler(run)
