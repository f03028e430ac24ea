"""Builds of indexes and unique constraints, followed to their end."""

from __future__ import annotations

import time
from collections.abc import Callable


def follow(say: Callable[[str], None], every_s: float = 0.5) -> list[str]:
    """Wait until no collection has a part that is being built; say how far it is meanwhile.

    Returns what has failed, in words, with what stands in the way.
    """
    from covey.collections.model import State
    from covey.identity.principal import SYSTEM
    from covey.jobs.model import Job
    from covey.wiring import services

    catalog, jobs = services().catalog, services().jobs
    said = ""
    while True:
        catalog.refresh()
        builds = [build for one in catalog.all() for build in one.builds.values()]
        running = {build.job for build in builds if build.state is State.BUILDING}
        found: list[Job] = [jobs.get(SYSTEM, job) for job in sorted(running)]
        line = ", ".join(_progress(job) for job in found)
        if line not in ("", said):
            say(said := line)
        if not running or all(job.finished for job in found):
            ended = {build.job for build in builds} - running | {job.id for job in found}
            return [text for job in sorted(ended) for text in _failure(jobs.get(SYSTEM, job))]
        time.sleep(every_s)


def _progress(job: object) -> str:
    from covey.jobs.model import Job

    assert isinstance(job, Job)  # noqa: S101 - the domain is imported late
    where = job.detail["collection"]
    if not job.done + job.failed:
        return f"{where}: waiting until every writer knows"
    return f"{where}: {job.done + job.failed} records, {job.progress:.0%}"


def _failure(job: object) -> list[str]:
    from covey.jobs.model import Job, Status

    assert isinstance(job, Job)  # noqa: S101 - the domain is imported late
    if job.status is not Status.FAILED:
        return []
    return [job.error, *(f"  {fault.message}" for fault in job.report)]
