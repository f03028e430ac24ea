"""Events that no caller waits for: schedules and uploads call functions as Lambda's
asynchronous invocation does.

A delivery is a row before it is a call, and goes when the function took it: it survives
kill -9 and then happens at least once. A function that fails is called again after one minute
and after two (AWS, "Error handling for asynchronous invocation"), a throttled one until the
event is too old; what failed for good goes to the dead-letter queue when there is one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra.gateway.city import City
from infra.gateway.clock import Clock
from infra.gateway.invoker import Answer, Invoker
from infra.gateway.outcomes import discarded, throttled
from infra.gateway.state import State

_PAUSES = (60, 120)  # seconds before the second and third attempt
_MAX_AGE = 21_600  # six hours, Lambda's own default
log = logging.getLogger("covey.gateway.deliveries")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a function; times in milliseconds, ``retries`` beyond the first."""

    id: str
    function: str
    kind: str
    label: str
    event: str
    created: int
    attempts: int
    retries: int
    expires: int
    dead_letters: str | None


class Deliveries:
    """The rows, and the task that works them off."""

    SCHEMA = """
        CREATE TABLE IF NOT EXISTS deliveries (
            id TEXT PRIMARY KEY, function TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL,
            event TEXT NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL,
            attempts INTEGER NOT NULL, retries INTEGER NOT NULL, expires INTEGER NOT NULL,
            dead_letters TEXT) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due);
    """

    def __init__(
        self,
        state: State,
        city: City,
        *,
        invoker: Invoker,
        clock: Clock,
        dead_letter: Callable[[str, Mapping[str, Any]], None],
        retry_after: float | None = None,
    ) -> None:
        """``retry_after`` replaces Lambda's minutes between attempts, for a laptop."""
        self._state = state
        self._city = city
        self._invoker = invoker
        self._clock = clock
        self._dead_letter = dead_letter
        self._retry_after = retry_after
        self._running: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        state.prepare(self.SCHEMA)

    def _now(self) -> int:
        return int(self._clock.now() * 1000)

    def add(
        self,
        identity: str,
        function: str,
        event: Any,
        *,
        kind: str,
        label: str = "",
        retries: int = 2,
        max_age: int = _MAX_AGE,
        dead_letters: str | None = None,
    ) -> None:
        """Take charge of an event; the same identity twice is one delivery."""
        now = self._now()
        with self._state.transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO deliveries VALUES (?,?,?,?,?,?,?,0,?,?,?)",
                (
                    *(identity, function, kind, label, json.dumps(event), now, now),
                    *(min(retries, len(_PAUSES)), now + 1000 * max_age, dead_letters),
                ),
            )
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def waiting(self) -> int:
        """How many deliveries are not done."""
        return int(self._state.rows("SELECT count(*) FROM deliveries")[0][0])

    async def run(self) -> None:
        """Deliver for ever."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                for delivery in await self._state.run(self._due):
                    if delivery.id not in self._running:
                        task = asyncio.create_task(self._deliver(delivery))
                        self._running[delivery.id] = task
                        task.add_done_callback(partial(self._done, delivery.id))
                await self._clock.wait(self._wake, await self._state.run(self._seconds_to_next))
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _done(self, key: str, task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled() and task.exception() is not None:
            log.error("delivery %s: left for the next start", key, exc_info=task.exception())
        self._wake.set()

    def _due(self) -> list[Delivery]:
        rows = self._state.rows(
            "SELECT id, function, kind, label, event, created, attempts, retries, expires,"
            " dead_letters FROM deliveries WHERE due<=? ORDER BY due LIMIT 100",
            (self._now(),),
        )
        return [Delivery(*row) for row in rows if row["id"] not in self._running]

    def _seconds_to_next(self) -> float:
        busy = list(self._running)
        marks = ",".join("?" * len(busy))
        ((due,),) = self._state.rows(
            f"SELECT min(due) FROM deliveries WHERE id NOT IN ({marks})",  # noqa: S608 - marks
            tuple(busy),
        )
        return 60.0 if due is None else min(60.0, max(0.0, (due - self._now()) / 1000))

    async def _deliver(self, delivery: Delivery) -> None:
        if delivery.function not in self._city.functions:
            await self._state.run(self._drop, delivery.id)  # it left the template meanwhile
            return
        answer = await self._invoker.invoke(
            delivery.function,
            delivery.event.encode(),
            kind=delivery.kind,
            label=delivery.label,
        )
        await self._state.run(self._settle, delivery, answer)

    def _settle(self, delivery: Delivery, answer: Answer) -> None:
        with self._state.transaction() as database:
            if answer.error is None:
                self._drop(delivery.id)
                return
            counted = delivery.attempts + (0 if throttled(answer) else 1)
            pause = self._retry_after
            if pause is None:
                pause = 1.0 if throttled(answer) else _PAUSES[min(counted, len(_PAUSES)) - 1]
            due = self._now() + int(pause * 1000)
            if counted > delivery.retries:
                self._give_up(delivery, answer, "RetriesExhausted", counted)
            elif due > delivery.expires:
                self._give_up(delivery, answer, "EventAgeExceeded", counted)
            else:
                self._postpone(database, delivery.id, counted, due)

    @staticmethod
    def _postpone(database: sqlite3.Connection, key: str, attempts: int, due: int) -> None:
        database.execute("UPDATE deliveries SET attempts=?, due=? WHERE id=?", (attempts, due, key))

    def _give_up(self, delivery: Delivery, answer: Answer, condition: str, invokes: int) -> None:
        log.error("%s %s: %s", delivery.kind, delivery.function, condition)
        if delivery.dead_letters is not None:
            function = self._city.functions[delivery.function]
            head = discarded(
                function,
                answer,
                condition=condition,
                invokes=invokes,
                now=self._clock.now(),
            )
            event = json.loads(delivery.event)
            letter = {**head, "requestPayload": event, "responsePayload": answer.error}
            self._dead_letter(delivery.dead_letters, letter)
        self._drop(delivery.id)

    def _drop(self, key: str) -> None:
        with self._state.transaction() as database:
            database.execute("DELETE FROM deliveries WHERE id=?", (key,))
