"""Schedules: one run per slot, whatever happens to the gateway.

A slot is claimed by a conditional row, and in the same transaction becomes a durable delivery,
so a crash neither loses a claimed slot nor runs one twice as two. After a time without a
gateway the newest missed slot runs, once; older ones are let go.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any

from infra.gateway.city import City, Schedule
from infra.gateway.clock import Clock
from infra.gateway.cron import ScheduleError, Slots, parse
from infra.gateway.deliveries import Deliveries
from infra.gateway.outcomes import iso
from infra.gateway.state import State

_LONGEST_WAIT = 30.0  # a laptop sleeps, clocks are set: look again
log = logging.getLogger("covey.gateway.schedules")


class Schedules:
    """All schedules of a city."""

    SCHEMA = """
        CREATE TABLE IF NOT EXISTS schedules (
            name TEXT PRIMARY KEY, expression TEXT NOT NULL, since INTEGER NOT NULL,
            slot INTEGER NOT NULL) WITHOUT ROWID;
    """

    def __init__(self, state: State, city: City, *, deliveries: Deliveries, clock: Clock) -> None:
        self._state = state
        self._city = city
        self._deliveries = deliveries
        self._clock = clock
        self._slots: dict[str, Slots] = {}
        state.prepare(self.SCHEMA)

    async def run(self) -> None:
        """Claim slots as they come, for ever."""
        await self._state.run(self.prepare)
        while True:
            for schedule in self._city.schedules:
                await self._state.run(self.claim, schedule)
            await self._clock.wait(asyncio.Event(), self._seconds_to_next())

    def prepare(self) -> None:
        """Note when each schedule was first seen; an altered expression begins anew."""
        now = int(self._clock.now())
        for schedule in self._city.schedules:
            expression = f"{schedule.expression} {schedule.timezone}"
            with self._state.transaction() as database:
                database.execute(
                    "INSERT INTO schedules VALUES (?1,?2,?3,?3) ON CONFLICT (name) DO UPDATE"
                    " SET expression=?2, since=?3, slot=?3 WHERE expression<>?2",
                    (schedule.name, expression, now),
                )
            ((since,),) = self._state.rows(
                "SELECT since FROM schedules WHERE name=?", (schedule.name,)
            )
            try:
                self._slots[schedule.name] = parse(
                    schedule.expression, timezone=schedule.timezone, start=since
                )
            except ScheduleError as error:
                log.error("schedule %s will not run: %s", schedule.name, error)

    def claim(self, schedule: Schedule) -> bool:
        """Turn the newest slot, if it is not yet claimed, into a delivery."""
        slots = self._slots.get(schedule.name)
        slot = slots.newest(int(self._clock.now())) if slots is not None else None
        if slot is None:
            return False
        with self._state.transaction() as database:
            claimed = database.execute(
                "UPDATE schedules SET slot=? WHERE name=? AND slot<?", (slot, schedule.name, slot)
            )
            if not claimed.rowcount:
                return False
            self._deliveries.add(
                f"{schedule.name}@{slot}",
                schedule.function,
                self._event(schedule, slot),
                kind="schedule",
                label=schedule.expression,
                retries=schedule.max_attempts,
                max_age=schedule.max_age,
                dead_letters=schedule.dead_letters,
            )
        return True

    def _seconds_to_next(self) -> float:
        now = self._clock.now()
        coming = [slots.next(int(now)) for slots in self._slots.values()]
        waits = [slot - now for slot in coming if slot is not None]
        return max(0.0, min([*waits, _LONGEST_WAIT]))

    def _event(self, schedule: Schedule, slot: int) -> Any:
        """EventBridge Scheduler's event, or the input that the template gives in its place."""
        arn = (
            f"arn:aws:scheduler:{self._city.region}:{self._city.account}"
            f":schedule/default/{schedule.name}"
        )
        identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}@{slot}"))
        if schedule.input is not None:
            context = {
                "<aws.scheduler.schedule-arn>": arn,
                "<aws.scheduler.scheduled-time>": iso(slot),
                "<aws.scheduler.execution-id>": identity,
                "<aws.scheduler.attempt-number>": "1",
            }
            text = schedule.input
            for name, value in context.items():
                text = text.replace(name, value)
            return json.loads(text)
        return {
            "version": "0",
            "id": identity,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": self._city.account,
            "time": iso(slot),
            "region": self._city.region,
            "resources": [arn],
            "detail": "{}",
        }
