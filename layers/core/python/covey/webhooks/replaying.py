"""Many deliveries sent again: the job of kind ``webhook-replay``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.identity.audit import Audit
from covey.identity.ports import NOWHERE, Place
from covey.identity.principal import Principal
from covey.jobs.model import Job
from covey.jobs.model import Status as JobStatus
from covey.jobs.runner import Save
from covey.jobs.service import Jobs
from covey.webhooks.deliveries import PAGE, Sought, enabled
from covey.webhooks.endpoints import Endpoints
from covey.webhooks.model import Delivery, Status
from covey.webhooks.ports import DeliveryStore

KIND = "webhook-replay"


class Replays:
    """Starts replays."""

    def __init__(
        self, jobs: Jobs, endpoints: Endpoints, audit: Audit, *, now: Callable[[], int]
    ) -> None:
        self._jobs = jobs
        self._endpoints = endpoints
        self._audit = audit
        self._now = now

    def start(self, who: Principal, endpoint: str, sought: Sought, place: Place = NOWHERE) -> Job:
        """A job that queues what is sought again; what comes from now on is not among it."""
        known = enabled(self._endpoints.get(who, endpoint))
        now = self._now()
        detail = {
            "webhook": known.id,
            "status": None if sought.status is None else str(sought.status),
            "since": sought.since,
            "until": now if sought.until is None else min(now, sought.until),
        }
        job = self._jobs.prepare(who, KIND, detail)
        self._jobs.enqueue(job.id)
        told = {"webhook": known.id, "job": job.id}
        self._audit.note("webhook_replayed", "", place, actor=who.id, **told)
        return job


class Replaying:
    """The work: page by page, its place saved after each."""

    def __init__(
        self,
        endpoints: Endpoints,
        store: DeliveryStore,
        owner: Callable[[str], Principal],
        wake: Callable[[str], None],
        *,
        now: Callable[[], int],
    ) -> None:
        self._endpoints = endpoints
        self._store = store
        self._owner = owner
        self._wake = wake
        self._now = now

    def __call__(self, job: Job, save: Save, time_left: Callable[[], bool]) -> Job:
        """Queue deliveries again until none is left or the time ends.

        As whoever asked, with the rights of now. A page that is done again queues nothing twice:
        what is pending stays as it is, and has its place.
        """
        who = self._owner(job.owner)
        endpoint = enabled(self._endpoints.get(who, job.detail["webhook"]))
        status = job.detail["status"]
        sought = Sought(
            None if status is None else Status(status), job.detail["since"], job.detail["until"]
        )
        while time_left():
            after = job.position.get("after", "")
            page = self._store.oldest(endpoint.id, after or sought.first, sought.last, PAGE)
            again = sum(self._again(who, one, sought) for one in page)
            if again:
                self._wake(endpoint.id)
            if len(page) < PAGE:
                done = job.done + again
                result = {"replayed": done}
                return save(replace(job, status=JobStatus.DONE, done=done, result=result))
            job = save(replace(job, position={"after": page[-1].id}, done=job.done + again))
        return job

    def _again(self, who: Principal, one: Delivery, sought: Sought) -> bool:
        if one.status is Status.PENDING:
            if one.made and not one.tries:  # who asked for it may have died before queueing it
                self._store.requeue(one)
            return False
        if sought.status not in (None, one.status):
            return False
        if who.scopes is not None and not who.scopes.allow("read", one.collection):
            return False
        return self._store.again(one, one.again(self._now()))
