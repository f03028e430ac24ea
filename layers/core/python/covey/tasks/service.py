"""Tasks: queue one, send what is due; what was given up: look, again, drop.

Before a job is made it is noted when to ask for it, and the note goes when its message is sent:
a process that ends anywhere between leaves the note, which the tick turns into a message. What has
been asked for twice runs once, as a runner takes a lease.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covey import json
from covey.errors import BadRequest, Conflict, FieldError, Invalid, NotFound, Unavailable
from covey.identity.administrators import administrators_only
from covey.identity.principal import Kind, Principal
from covey.jobs.model import DAY, Job, Status
from covey.jobs.ports import JobStore
from covey.jobs.queue import JobQueue
from covey.records.ids import IdMaker
from covey.records.time import now_ms
from covey.tasks.ports import Due, Held, TaskStore
from covey.tasks.registry import Registry, is_name
from covey.tasks.work import KIND

PRIORITIES = ("high", "normal", "low")
MAX_ARGUMENTS = 32_000  # bytes of their JSON
MAX_DELAY_S = 366 * DAY
KEPT_S = 7 * DAY
MESSAGE_DELAY_S = 900  # the longest that SQS holds a message back
WATCH_MS = 60_000  # after which a message that was not sent is made up for
CLAIM_MS = DAY * 1000
ATTEMPTS = 12
MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class Order:
    """How a task is queued: seconds to wait, the key it is alone under, and its lane."""

    delay: float = 0
    unique: str = ""
    priority: str = "normal"


class Tasks:
    """Background tasks of one deployment."""

    def __init__(
        self,
        jobs: JobStore,
        store: TaskStore,
        queue: JobQueue,
        registry: Callable[[], Registry],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._queue = queue
        self._registry = registry
        self._now = now
        self._ids = IdMaker()

    # ---- in

    def enqueue(self, task: str, arguments: Mapping[str, Any], order: Order = Order()) -> str:
        """Queue a task; its job's id. With `unique`, that of the one which is under way.

        Raises Invalid ``invalid_task`` for what could never run.
        """
        kept = self._checked(task, arguments, order)
        now = self._now()
        not_before = now + round(order.delay * 1000)
        job = Job(
            id=self._ids.make(now),
            kind=KIND,
            owner=owner_of(task),
            created=now,
            updated=now,
            not_before=not_before if order.delay else 0,
            lane=order.priority,
            detail={"task": task, "arguments": kept},
            kept=KEPT_S + round(order.delay),
        )
        if order.unique:
            holder = self.claim(f"{task}\0{order.unique}", job, not_before + CLAIM_MS)
            if holder != job.id:
                return holder
        self.start(job)
        return job.id

    def start(self, job: Job) -> bool:
        """Make a job and ask for it; False, asking all the same, where its id is taken."""
        ahead_s = max(0, -(-(job.not_before - self._now()) // 1000))
        held = ahead_s <= MESSAGE_DELAY_S
        watched = max(job.not_before, self._now()) + (WATCH_MS if held else 0)
        due = Due(watched, job.id, job.lane)
        self._store.plan(due)
        made = self._jobs.create(job)
        if held:
            self._queue.send(job.message, ahead_s)
            self._store.settle(due)
        return made

    def send_due(self, time_left: Callable[[], bool], page: int = 100) -> int:
        """Ask for what is due; how many."""
        sent = 0
        while time_left():
            found = self._store.due(self._now(), page)
            for due in found:
                message = {"job": due.job, "lane": due.lane} if due.lane else {"job": due.job}
                self._queue.send(message)
                self._store.settle(due)
            sent += len(found)
            if not found:
                break
        return sent

    def _checked(self, task: str, arguments: Mapping[str, Any], order: Order) -> dict[str, Any]:
        known = self._registry()
        if task not in known.tasks:
            raise _invalid("task", known.fault or f"is not registered: {task[:64]!r}")
        if order.priority not in PRIORITIES:
            raise _invalid("priority", f"is one of {', '.join(PRIORITIES)}")
        if not 0 <= order.delay <= MAX_DELAY_S:
            raise _invalid("delay", f"is 0 to {MAX_DELAY_S} seconds")
        return checked_arguments(arguments)

    def claim(self, key: str, job: Job, until: int) -> str:
        """The job that has a key: this one from now on, or another that is under way.

        A key is free again when its job is finished, when `until` (milliseconds) has passed, or
        when its job was never made.
        """
        name = _digest(key)
        mine = Held(job.id, self._now(), until)
        instead: Held | None = None
        for _ in range(ATTEMPTS):
            if self._store.claim(name, mine, instead):
                return job.id
            instead = self._store.holder(name)
            if instead is not None and (instead.job == job.id or self._holds(instead)):
                return instead.job
        raise Unavailable("Others keep taking the key of this task.")

    def held(self, key: str) -> str | None:
        """The job under way that has a key."""
        found = self._store.holder(_digest(key))
        return found.job if found is not None and self._holds(found) else None

    def _holds(self, held: Held) -> bool:
        now = self._now()
        if now > held.until:
            return False
        job = self._jobs.get(held.job)
        # A job that is not there is about to be made, or its maker has ended.
        return now - held.since < WATCH_MS if job is None else not job.finished

    def of(self, who: Principal, task: str, limit: int) -> Sequence[Job]:
        """The newest jobs of a task that code queued, for administrators."""
        administrators_only(who)
        _check_limit(limit)
        return self._jobs.list(owner_of(task), limit) if is_name(task) else []

    # ---- what was given up

    def given_up(self, who: Principal, limit: int = 30) -> Sequence[Job]:
        """Jobs that failed after all attempts, newest first, for administrators."""
        administrators_only(who)
        _check_limit(limit)
        found = (self._jobs.get(one) for one in self._store.buried(limit))
        return [job for job in found if job is not None and job.status is Status.FAILED]

    def again(self, who: Principal, job_id: str) -> Job:
        """Run a job that was given up, from its first attempt; Conflict where it was not."""
        job = self._buried(who, job_id)
        due = Due(self._now() + WATCH_MS, job.id, job.lane)
        self._store.plan(due)
        fresh = replace(
            job,
            status=Status.WAITING,
            attempt=0,
            broken=0,
            error="",
            not_before=0,
            deadline=0,
            started=0,
            ended=0,
            updated=self._now(),
        )
        saved = self._jobs.save(job, fresh)
        if saved is None:
            raise Conflict("Somebody else was faster.", code="job_not_failed")
        self._queue.send(saved.message)
        self._store.settle(due)
        self._store.unbury(job.id, job.created)
        return saved

    def drop(self, who: Principal, job_id: str) -> None:
        """Take a job from the list; it stays failed, until it is forgotten."""
        job = self._buried(who, job_id)
        self._store.unbury(job.id, job.created)

    def _buried(self, who: Principal, job_id: str) -> Job:
        administrators_only(who)
        job = self._jobs.get(job_id) if len(job_id) <= 200 else None
        if job is None:
            raise NotFound("dead letter")
        if job.status is not Status.FAILED:
            raise Conflict(f"The job is {job.status}.", code="job_not_failed")
        return job


def owner_of(task: str) -> str:
    """The owner that the jobs of a task are listed under."""
    return f"{Kind.SYSTEM}:task.{task}"


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LISTED:
        raise BadRequest(f"limit is 1 to {MAX_LISTED}.", code="invalid_limit")


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=20).hexdigest()


def checked_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON brings them back; raises Invalid for what is none, or too much."""
    try:
        text = json.encode(dict(arguments)).encode()
        decoded = json.decode(text)
    except (TypeError, ValueError, BadRequest) as error:
        raise _invalid("arguments", f"must be JSON: {error}") from error
    if len(text) > MAX_ARGUMENTS:
        raise _invalid("arguments", f"take {len(text)} bytes; there is room for {MAX_ARGUMENTS}")
    return decoded  # type: ignore[no-any-return]


def _invalid(field: str, why: str) -> Invalid:
    return Invalid(
        f"{field} {why}.", code="invalid_task", errors=[FieldError(field, "invalid", why)]
    )
