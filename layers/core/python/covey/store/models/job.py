"""Jobs: ``!job.{id}``, listed by owner under ``!jobs.{owner}``; `x` is the expiry attribute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError

from covey import json
from covey.jobs.model import Fault, Job, Status
from covey.store import keys
from covey.store.models.base import Item, refused


class JobItem(Item):
    """A job, its revision apart so that saves can be conditional on it."""

    revision = NumberAttribute()
    job = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x")


class JobEntry(Item):
    """A job in the list of its owner."""

    expires = NumberAttribute(attr_name="x")


class DynamoJobStore:
    """The port `JobStore` over the table."""

    def create(self, job: Job) -> bool:
        """2 write units; listed first, so that no job is ever out of sight."""
        entry = JobEntry(*keys.job_of(job.owner, _listed(job)), expires=job.expires)
        entry.save()
        try:
            _item(job).save(condition=JobItem.revision.does_not_exist())
        except PutError as exc:
            if not refused(exc):
                raise
            known = self.get(job.id)
            if known is not None and (known.owner, known.created) != (job.owner, job.created):
                entry.delete()  # it is listed by when it was made
            return False
        return True

    def get(self, job_id: str) -> Job | None:
        """1 read unit per 4 KB."""
        try:
            item = JobItem.get(*keys.job(job_id), consistent_read=True)
        except (DoesNotExist, ValueError):
            return None
        return _job(item)

    def save(self, before: Job, after: Job) -> Job | None:
        """1 write unit per KB."""
        saved = replace(after, revision=before.revision + 1)
        try:
            _item(saved).save(condition=JobItem.revision == before.revision)
        except PutError as exc:
            if refused(exc):
                return None
            raise
        return saved

    def list(self, owner: str, limit: int) -> list[Job]:
        """1 read unit and 1 per job. Consistent: what runs already is told by it."""
        entries = JobEntry.query(
            keys.job_of(owner, "")[0], scan_index_forward=False, limit=limit, consistent_read=True
        )
        found = ((entry.sk, self.get(entry.sk.partition(" ")[2])) for entry in entries)
        # A process that ended in `create` may have left another entry of the same job.
        return [job for place, job in found if job is not None and place == _listed(job)]


def _listed(job: Job) -> str:
    """The place in the list: by time, then id. Fixed width, so that text order is time order."""
    return f"{job.created:015d} {job.id}"


def _item(job: Job) -> JobItem:
    return JobItem(
        *keys.job(job.id),
        revision=job.revision,
        job=json.encode(_state(job)),
        expires=job.expires,
    )


def _state(job: Job) -> dict[str, Any]:
    state = {name: getattr(job, name) for name in Job.__slots__}
    report = [[one.row, one.code, one.message, one.field] for one in job.report]
    return {**state, "status": str(job.status), "report": report}


def _job(item: JobItem) -> Job:
    state = json.decode(item.job.encode())
    state["roles"] = tuple(state["roles"])
    state["log"] = tuple(state.get("log", ()))
    state["status"] = Status(state["status"])
    state["report"] = tuple(Fault(*one) for one in state["report"])
    return Job(**{**state, "revision": int(item.revision)})
