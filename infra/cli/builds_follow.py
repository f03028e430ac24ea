"""Builds of indexes and unique constraints, followed to their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covey.jobs.model import Job


def follow(say: Callable[[str], None], every_s: float = 0.5) -> list[str]:
    """Wait until no job builds a part of a collection any more; say how far it is meanwhile.

    Returns what has failed, in words, with what stands in the way.
    """
    from covey.identity.principal import SYSTEM
    from covey.wiring import services

    catalog, jobs = services().catalog, services().jobs
    seen: set[str] = set()
    said = ""
    while True:
        catalog.refresh()
        seen |= {build.job for one in catalog.all() for build in one.builds.values()}
        found = [jobs.get(SYSTEM, job) for job in sorted(seen)]
        running = [job for job in found if not job.finished]
        if not running:
            return [line for job in found if job.error for line in _failure(job)]
        line = ", ".join(_progress(job) for job in running)
        if line != said:
            say(said := line)
        time.sleep(every_s)


def _progress(job: Job) -> str:
    where, seen = job.detail["collection"], job.done + job.failed
    if not seen:
        return f"{where}: waiting until every writer knows"
    return f"{where}: {seen} records, {job.progress:.0%}"


def _failure(job: Job) -> list[str]:
    return [job.error, *(f"  {fault.message}" for fault in job.report)]
