"""Frames to many sockets at once; none waits for another.

Threads, not asyncio: what stands before each frame, whether its reader is still who they were, is
a call of the database that blocks. See docs/decisions/0019.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from covey import json
from covey.errors import TooLarge, Unauthenticated, Unavailable
from covey.realtime.ports import ConnectionStore
from covey.realtime.sockets import Gone, Sockets

WORKERS = 32
_log = logging.getLogger(__name__)

T = TypeVar("T")
Frames = Callable[[T], bytes | None]


class Delivery:
    """Posts to sockets side by side, in order for each.

    A socket that is gone is forgotten. One that cannot be reached is ended, and forgotten: its
    client comes back with its cursor, and is told what it missed. So is one whose reader is not
    there any more, once it was told so.
    """

    def __init__(
        self,
        sockets: Sockets,
        store: ConnectionStore,
        forget: Callable[[str], None] | None = None,
        workers: int = WORKERS,
    ) -> None:
        """`forget` lets go of a connection; by default the store does."""
        self._sockets = sockets
        self._forget = forget or store.close
        self._workers = workers

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._workers, "sockets")

    def deliver(self, outbox: Mapping[str, Sequence[T]], frame: Frames[T]) -> None:
        """Send to each connection its frames, in their order.

        `frame` makes one when its turn comes: None for nothing; it raises Unauthenticated where
        the reader is to be told nothing more. Raises the first failure that is no socket's own,
        when all others had their turn.
        """
        waiting = deque(outbox.items())
        if not waiting:
            return

        def work() -> Exception | None:
            failed: Exception | None = None
            while waiting:
                try:
                    connection, told = waiting.popleft()
                except IndexError:  # another was faster
                    break
                try:
                    self._serve(connection, (one for one in map(frame, told) if one is not None))
                except Exception as exc:  # noqa: BLE001 - the other sockets must go on
                    _log.warning("%s could not be told: %s", connection, exc)
                    failed = exc
            return failed

        if len(waiting) == 1:
            failures = [work()]
        else:
            count = min(self._workers, len(waiting))
            running = [self._pool.submit(work) for _ in range(count)]
            failures = [one.result() for one in running]
        for failure in failures:
            if failure is not None:
                raise failure

    def _serve(self, connection: str, frames: Iterable[bytes]) -> None:
        try:
            for one in frames:
                self._post(connection, one)
        except Gone:
            self._forget(connection)
        except Unauthenticated as ended:
            self._dismiss(connection, ended)
        except _Unreachable:
            # Where the sockets' gateway itself is away this fails, and all is tried again later.
            self._sockets.close(connection)
            self._forget(connection)

    def _dismiss(self, connection: str, ended: Unauthenticated) -> None:
        said = {"type": "closed", "code": ended.code, "detail": ended.detail}
        try:
            self._post(connection, json.encode(said).encode())
        except (Gone, _Unreachable):
            _log.info("%s did not hear that it is closed", connection)
        self._sockets.close(connection)
        self._forget(connection)

    def _post(self, connection: str, frame: bytes) -> None:
        try:
            post(self._sockets, connection, frame)
        except Unavailable as exc:
            raise _Unreachable(connection) from exc


class _Unreachable(Exception):
    """A socket that does not take what is sent."""


def post(sockets: Sockets, connection: str, frame: bytes) -> None:
    """Send one frame; a record too large for a message is told by its id, as ``partial``."""
    try:
        sockets.post(connection, frame)
    except TooLarge:
        event = json.decode(frame, len(frame))
        if "record" not in event:
            raise
        # Whoever wants it whole reads it.
        short = {**event, "record": {"id": event["record"]["id"]}, "partial": True}
        sockets.post(connection, json.encode(short).encode())
