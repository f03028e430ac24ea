"""A schedule as a document, as files, the API and code write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from covey.collections.faults import Faults
from covey.collections.reader import Reader
from covey.errors import Invalid
from covey.fields.suggestion import did_you_mean
from covey.jobs.exports import OPTIONS as EXPORT_OPTIONS
from covey.jobs.rows import FORMATS
from covey.schedules.cron import Cron
from covey.schedules.model import CatchUp, Overlap, Schedule
from covey.schedules.slots import Rate, SlotsInvalid, zone_of
from covey.tasks.registry import MAX_RETRIES, MAX_TIMEOUT_S, Registry
from covey.tasks.service import PRIORITIES, checked_arguments

KEYS = (
    *("name", "description", "cron", "every", "zone", "task", "job", "arguments", "enabled"),
    *("catch_up", "catch_up_limit", "overlap", "retries", "timeout", "priority"),
)
JOBS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {  # arguments: wanted, and known
    "export": (frozenset({"collection"}), frozenset({"collection", *EXPORT_OPTIONS})),
    "backup": (frozenset(), frozenset()),
    "reconcile": (frozenset({"collection"}), frozenset({"collection"})),
}
MAX_CATCH_UP = 100
MAX_JOB_TIMEOUT_S = 86_400
MAX_DESCRIPTION = 500
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def load(document: Mapping[str, Any], tasks: Callable[[], Registry]) -> Schedule:
    """The schedule that a document describes; raises Invalid ``invalid_schedule``, all faults."""
    if not isinstance(document, Mapping):
        raise Invalid("A schedule is a mapping.", code="invalid_schedule")
    faults = Faults()
    reader = Reader(document, "", faults)
    reader.refuse_unknown(KEYS)
    task, job = reader.text("task", 63), reader.text("job", 63)
    if bool(task) is bool(job):
        reader.fault("task", "or job must be given, and not both", "required")
    elif task:
        _check_task(reader, task, tasks())
    else:
        _check_job(reader, job)
    cron, every, zone = _timing(reader)
    catch_up = CatchUp(_choice(reader, "catch_up", tuple(CatchUp), CatchUp.LAST))
    # Of slots that come together, all but one would be skipped.
    usual = Overlap.QUEUE if catch_up is CatchUp.ALL else Overlap.SKIP
    overlap = Overlap(_choice(reader, "overlap", tuple(Overlap), usual))
    if catch_up is CatchUp.ALL and overlap is Overlap.SKIP:
        reader.fault("overlap", "skip would skip what catch_up: all catches up; queue does not")
    made = Schedule(
        name=_name(reader),
        cron=cron,
        every=every,
        zone=zone,
        task=task,
        job=job,
        arguments=_arguments(reader),
        description=reader.text("description", MAX_DESCRIPTION),
        enabled=reader.flag("enabled") if "enabled" in document else True,
        catch_up=catch_up,
        catch_up_limit=_number(reader, "catch_up_limit", 1, MAX_CATCH_UP) or 24,
        overlap=overlap,
        retries=_number(reader, "retries", 0, MAX_RETRIES),
        timeout=_number(reader, "timeout", 1, MAX_JOB_TIMEOUT_S if job else MAX_TIMEOUT_S),
        priority=_choice(reader, "priority", PRIORITIES, "normal"),
    )
    if job:
        for key in ("retries", "priority"):
            if key in document:
                reader.fault(key, "is for tasks; a job goes on by itself where it was")
    if faults.errors:
        first = faults.errors[0]
        told = f"{first.field} {first.message}."
        raise Invalid(told, code="invalid_schedule", errors=faults.errors)
    return made


def dump(schedule: Schedule) -> dict[str, Any]:
    """The document again, what is as it is by default left out."""
    plain = Schedule(schedule.name)
    written = {key: getattr(schedule, key) for key in KEYS}
    return {
        key: dict(value) if isinstance(value, Mapping) else value
        for key, value in written.items()
        if key == "name" or value != getattr(plain, key)
    }


def _name(reader: Reader) -> str:
    name = reader.values.get("name")
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    reader.fault("name", "must be of a-z, 0-9, - and _, at most 63 long, from a letter on")
    return "invalid"


def _timing(reader: Reader) -> tuple[str, str, str]:
    cron, every = reader.text("cron", 200), reader.text("every", 40)
    zone = reader.text("zone", 64) or "UTC"
    if bool(cron) is bool(every):
        reader.fault("cron", "or every must be given, and not both", "required")
        return "", "", zone
    try:
        zone_of(zone)
    except SlotsInvalid as error:
        reader.fault("zone", str(error))
        zone = "UTC"
    try:
        if cron:
            Cron.parse(cron, zone)
        else:
            Rate.parse(every)
    except SlotsInvalid as error:
        reader.fault("cron" if cron else "every", str(error))
    if every and "zone" in reader.values:
        reader.fault("zone", "means nothing to a rate, which counts from 1970 in UTC")
    return cron, every, zone


def _check_task(reader: Reader, task: str, known: Registry) -> None:
    if task not in known.tasks:
        hint = did_you_mean(task, known.tasks)
        reader.fault("task", known.fault or f"is not registered{hint}", "unknown_task")


def _check_job(reader: Reader, job: str) -> None:
    if job not in JOBS:
        reader.fault("job", f"is one of {', '.join(JOBS)}{did_you_mean(job, JOBS)}")
        return
    wanted, known = JOBS[job]
    given = reader.mapping("arguments")
    for name in sorted(wanted - set(given)):
        reader.fault(f"arguments.{name}", "must be given", "required")
    for name, value in given.items():
        if name not in known:
            reader.fault(f"arguments.{name}", f"is not known here{did_you_mean(name, known)}")
        elif not isinstance(value, str):
            reader.fault(f"arguments.{name}", "must be text")
        elif name == "format" and value not in FORMATS:
            reader.fault("arguments.format", f"is one of {', '.join(FORMATS)}")


def _arguments(reader: Reader) -> dict[str, Any]:
    try:
        return checked_arguments(reader.mapping("arguments"))
    except Invalid as error:
        reader.fault("arguments", error.errors[0].message)
        return {}


def _choice(reader: Reader, key: str, allowed: tuple[str, ...], default: str) -> str:
    value = reader.values.get(key, default)
    if value in allowed:
        return str(value)
    reader.fault(key, f"is one of {', '.join(allowed)}")
    return default


def _number(reader: Reader, key: str, low: int, high: int) -> int | None:
    value = reader.values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        reader.fault(key, f"is a whole number from {low} to {high}")
        return None
    return value
