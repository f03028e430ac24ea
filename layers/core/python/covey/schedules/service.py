"""Schedules: declare, change, look, run now. For administrators."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from covey.errors import Conflict, Invalid, NotFound
from covey.identity.administrators import administrators_only
from covey.identity.principal import Principal
from covey.jobs.model import Job, Status
from covey.records.ids import IdMaker
from covey.records.patch import merge
from covey.records.time import now_ms, rfc3339
from covey.schedules import document
from covey.schedules.model import Schedule, Source
from covey.schedules.ports import ScheduleStore
from covey.schedules.runs import Runs
from covey.schedules.slots import SlotsInvalid, zone_of
from covey.tasks.registry import Registry

MOST = 200  # a tick reads all of them
_log = logging.getLogger(__name__)


class Schedules:
    """The schedules of one deployment."""

    def __init__(
        self,
        store: ScheduleStore,
        runs: Runs,
        registry: Callable[[], Registry],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._runs = runs
        self._registry = registry
        self._now = now
        self._ids = IdMaker()

    def all(self, who: Principal) -> Sequence[Schedule]:
        """By name."""
        administrators_only(who)
        return self._store.all()

    def get(self, who: Principal, name: str) -> Schedule:
        """One; raises NotFound."""
        administrators_only(who)
        found = self._store.get(name) if document.NAME.fullmatch(name) else None
        if found is None:
            raise NotFound("schedule")
        return found

    def put(self, who: Principal, name: str, wanted: Mapping[str, Any]) -> tuple[Schedule, bool]:
        """Make or replace one, as saved, and whether it is new.

        Raises Invalid ``invalid_schedule``, Conflict where code declares it, or another was faster.
        """
        administrators_only(who)
        made = document.load({**wanted, "name": wanted.get("name", name)}, self._registry)
        if made.name != name:
            raise Invalid("name must be that of the path.", code="invalid_schedule")
        before = self._store.get(name)
        if before is not None:
            _refuse_code(before)
        elif len(self._store.all()) >= MOST:
            raise Conflict(f"There are {MOST} schedules, which is most.", code="too_many_schedules")
        return self._saved(before, made), before is None

    def patch(self, who: Principal, name: str, changes: Mapping[str, Any]) -> Schedule:
        """Change one by a merge patch (RFC 7396); of what code declares, `enabled` alone."""
        before = self.get(who, name)
        if changes.keys() == {"enabled"} and isinstance(changes["enabled"], bool):
            # Also of what could not be made any more, as its task is gone.
            return self._saved(before, replace(before, enabled=changes["enabled"]), before.source)
        _refuse_code(before)
        wanted = merge(document.dump(before), dict(changes))
        made = document.load(wanted, self._registry)
        if made.name != name:
            raise Invalid("name cannot be changed.", code="invalid_schedule")
        return self._saved(before, made, before.source)

    def delete(self, who: Principal, name: str) -> None:
        """Forget one; its runs go on, and are kept as long as any."""
        before = self.get(who, name)
        _refuse_code(before)
        if not self._store.remove(before):
            raise _lost()

    def next(self, who: Principal, name: str, count: int) -> list[dict[str, str]]:
        """The slots to come: in UTC, and as the wall shows them in its zone."""
        schedule = self.get(who, name)
        if self._coming(schedule) is None:
            return []
        slots, found = schedule.slots, list[int]()
        place: int | None = max(self._now(), schedule.since) // 1000
        while place is not None and len(found) < count:
            if (place := slots.next(place)) is not None:
                found.append(place)
        zone = zone_of(schedule.zone)
        return [
            {
                "slot": rfc3339(slot * 1000),
                "local": datetime.fromtimestamp(slot, zone).isoformat(),
            }
            for slot in found
        ]

    def runs(self, who: Principal, name: str, limit: int) -> Sequence[Job]:
        """Its newest runs, newest first."""
        return self._runs.of(self.get(who, name), limit)

    def run(self, who: Principal, name: str) -> Job:
        """Run it now, beside its slots; Conflict ``run_under_way`` where that must not overlap."""
        schedule = self.get(who, name)
        job = self._runs.by_hand(schedule, self._ids.make(self._now()), who.id)
        if job.status is Status.SKIPPED:
            raise Conflict(job.error, code="run_under_way")
        return job

    def shown(self, schedule: Schedule) -> dict[str, Any]:
        """As its document, with what is known of it."""
        coming = self._coming(schedule) if schedule.enabled else None
        return {
            **document.dump(schedule),
            "enabled": schedule.enabled,
            "source": str(schedule.source),
            "since": rfc3339(schedule.since),
            "next": rfc3339(coming * 1000) if coming is not None else None,
            "missed": schedule.missed,
        }

    def _coming(self, schedule: Schedule) -> int | None:
        try:
            return schedule.slots.next(max(self._now(), schedule.since) // 1000)
        except SlotsInvalid:  # restored, or its zone is no more: the tick says so in the log
            return None

    # ---- what files and code declare

    def sync(
        self,
        source: Source,
        documents: Sequence[Mapping[str, Any]],
        *,
        dry_run: bool = False,
        spared: frozenset[str] = frozenset(),
    ) -> list[str]:
        """Make the schedules of a source those of these documents; what changed, in words.

        Others of the source are removed, but for those `spared`. A document that says nothing of
        `enabled` leaves that as it is. Raises Invalid for the first that cannot be, having done
        nothing.
        """
        wanted = [document.load(one, self._registry) for one in documents]
        said = {made.name: "enabled" in one for made, one in zip(wanted, documents, strict=True)}
        known = {one.name: one for one in self._store.all()}
        changes = []
        for made in wanted:
            before = known.get(made.name)
            if before is not None and _stands(before, source):
                _log.warning("schedule %s is left: %s declares it", made.name, before.source)
                continue
            if before is not None and not said[made.name]:
                made = replace(made, enabled=before.enabled)
            if before is None or (before.source, *_declared(before)) != (source, *_declared(made)):
                changes.append(f"{'change' if before else 'add'} schedule {made.name}")
                if not dry_run:
                    self._saved(before, made, source)
        gone = [
            one
            for one in known.values()
            if one.source is source and one.name not in spared | said.keys()
        ]
        for one in gone:
            changes.append(f"remove schedule {one.name}")
            if not dry_run:
                self._store.remove(one)
        return changes

    def take_code(self) -> list[str]:
        """Keep what code declares, as `sync` does; what changed, in words.

        A schedule that cannot be is told to the log and left as it was: it holds up no other.
        """
        registry = self._registry()
        if registry.fault:  # else all of it would seem to be gone
            return []
        sound = []
        for planned in registry.schedules.values():
            try:
                document.load(planned.document, self._registry)
            except Invalid as invalid:
                _log.error("code declares schedule %s, but %s", planned.name, invalid.detail)
            else:
                sound.append(planned.document)
        try:
            return self.sync(Source.CODE, sound, spared=frozenset(registry.schedules))
        except Conflict:  # another tick does the same
            return []

    def _saved(
        self, before: Schedule | None, made: Schedule, source: Source = Source.API
    ) -> Schedule:
        now = self._now()
        made = replace(made, source=source, since=now, looked=now)
        if before is not None:
            kept = {"missed": before.missed}
            awake = before.enabled or not made.enabled
            if before.timing == made.timing and awake:  # no slot is forgotten, or meant anew
                kept |= {"since": before.since, "looked": before.looked}
            made = replace(made, **kept)  # type: ignore[arg-type]
        saved = self._store.save(before, made)
        if saved is None:
            raise _lost()
        return saved


def _declared(schedule: Schedule) -> tuple[Any, ...]:
    return tuple(getattr(schedule, key) for key in document.KEYS)


def _stands(before: Schedule, source: Source) -> bool:
    """Whether another source keeps a schedule: code is master of its own, and of nothing else."""
    return before.source is not source and Source.CODE in (before.source, source)


def _refuse_code(schedule: Schedule) -> None:
    if schedule.source is Source.CODE:
        raise Conflict("Code declares this schedule; change it there.", code="declared_in_code")


def _lost() -> Conflict:
    return Conflict("Somebody else changed the schedule first.", code="schedule_changed")
