"""Everything that calls functions and is not HTTP, tied together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from covey.files.directory import Directory
from infra.gateway.blobs import FilesApp
from infra.gateway.city import City
from infra.gateway.clock import Clock, SystemClock
from infra.gateway.connections import ConnectionsApp
from infra.gateway.deliveries import Deliveries
from infra.gateway.expiry import Call, Expiry
from infra.gateway.invoker import Invoker
from infra.gateway.queue_poller import QueuePoller
from infra.gateway.queues import Queues
from infra.gateway.schedules import Schedules
from infra.gateway.sockets import SocketsApp
from infra.gateway.sqs_endpoint import SqsEndpoint
from infra.gateway.state import Positions, State
from infra.gateway.stream_source import EngineStreams
from infra.gateway.streams import StreamConsumer, Surroundings
from infra.gateway.uploads import Uploads


class Triggers:
    """The triggers of a city over one data folder.

    >>> triggers = Triggers(Path(".covey"), invoker=workers, engine="http://127.0.0.1:8001",
    ...                     files_secret=secret)
    >>> server = Server(workers, sockets=triggers.sockets, files=triggers.files,
    ...                 wrote=triggers.nudge)
    >>> private = Private(key, queues=triggers.queues, connections=triggers.connections)
    >>> await triggers.serve(city)   # again with an altered city; open sockets stay
    >>> await triggers.stop()

    ``files``, ``sockets``, ``queues`` and ``connections`` are ASGI applications. ``retry_after``
    shortens, for a laptop, the waits for another try of failed messages and events; ``expire``
    calls an engine that does not delete expired items by itself.
    """

    def __init__(
        self,
        folder: Path,
        *,
        invoker: Invoker,
        engine: str,
        files_secret: str,
        region: str = "us-east-1",
        credentials: Credentials | None = None,
        clock: Clock | None = None,
        retry_after: float | None = None,
        expire: Call | None = None,
    ) -> None:
        self._expire = expire
        self._clock = clock or SystemClock()
        self._invoker = invoker
        self._retry_after = retry_after
        self._state = State(folder / "gateway.db")
        self._directory = Directory(folder / "files")
        self._source = EngineStreams(engine, region=region, credentials=credentials)
        self._queues = Queues(self._state, {}, self._clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._tables: list[Callable[[], None]] = []  # who wants to know of writes to them
        self._uploads: Callable[[], None] = _nothing
        self._started = False
        self.queues = SqsEndpoint(self._queues, self._state)
        self.connections = ConnectionsApp(self._clock)
        self.sockets = SocketsApp(
            self._state, invoker=invoker, management=self.connections, clock=self._clock
        )
        self.files = FilesApp(
            self._directory,
            secret=files_secret,
            stored=lambda: self._uploads(),
            now=self._clock.now,
        )

    async def serve(self, city: City) -> None:
        """Run the triggers of this city, in place of those of the one before."""
        await self._halt()
        self._queues.declare(city.queues)
        self.sockets.serve(city.sockets)
        if not self._started:
            self._started = True
            await self._state.run(self._directory.settle)
            self._start(self.sockets.recover())
        around = Surroundings(
            city=city,
            source=self._source,
            state=self._state,
            positions=Positions(self._state),
            invoker=self._invoker,
            dead_letter=self._dead_letter,
            clock=self._clock,
        )
        for trigger in city.streams:
            consumer = StreamConsumer(around, trigger)
            self._tables.append(consumer.nudge)
            self._start(consumer.run())
        for queue_trigger in city.queue_triggers:
            poller = QueuePoller(
                queue_trigger,
                city,
                queues=self._queues,
                state=self._state,
                invoker=self._invoker,
                clock=self._clock,
                retry_after=self._retry_after,
            )
            self._start(poller.run())
        if self._expire is not None:
            self._start(Expiry(self._expire, city.tables, self._clock).run())
        self._start_deliveries(city)

    def _start_deliveries(self, city: City) -> None:
        deliveries = Deliveries(
            self._state,
            city,
            invoker=self._invoker,
            clock=self._clock,
            dead_letter=self._dead_letter,
            retry_after=self._retry_after,
        )
        schedules = Schedules(self._state, city, deliveries=deliveries, clock=self._clock)
        uploads = Uploads(
            self._state,
            city,
            directory=self._directory,
            deliveries=deliveries,
            clock=self._clock,
        )
        self._uploads = uploads.nudge
        self._start(deliveries.run())
        self._start(schedules.run())
        self._start(uploads.run())

    def nudge(self) -> None:
        """A record was probably written: look at the tables' streams at once."""
        for nudge in self._tables:
            nudge()

    async def stop(self) -> None:
        """End all, and close the state; what was under way is taken up at the next start."""
        await self.sockets.finish()
        await self._halt()
        self._source.close()
        self._state.close()

    async def _halt(self) -> None:
        tasks, self._tasks = self._tasks, []
        self._tables, self._uploads = [], _nothing
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _dead_letter(self, queue: str, letter: Mapping[str, Any]) -> None:
        self._queues.send(queue, json.dumps(letter))


def _nothing() -> None:
    """No uploads are watched."""
