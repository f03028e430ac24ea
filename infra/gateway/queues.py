"""SQS's semantics over SQLite: delay, visibility, receive counts, redrive, retention.

A message is acknowledged to its sender when it is on disk. A received message is hidden for
the visibility timeout; one that was received ``max_receives`` times goes to the dead-letter
queue when it would be received once more, keeping its id and the time it was sent, so that its
retention counts from then (AWS, "Using dead-letter queues"). Standard queues only.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from infra.gateway.city import Queue
from infra.gateway.clock import Clock
from infra.gateway.state import State

MAX_BODY = 1_048_576  # bytes of body and attributes, as AWS allows since 2025
SENDER = "AIDACOVEYLOCALGATEWAY"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a receiver holds it; times in milliseconds."""

    id: str
    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    sent: int
    receives: int
    first_received: int
    visible: int
    receipt: str
    source: str | None  # the queue that it was dead-lettered from


class Queues:
    """All queues of a city. Not found by name raises KeyError."""

    SCHEMA = """
        CREATE TABLE IF NOT EXISTS messages (
            place INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
            body TEXT NOT NULL, attributes TEXT NOT NULL, sent INTEGER NOT NULL,
            visible INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0,
            first_received INTEGER NOT NULL DEFAULT 0, receipt TEXT, holder TEXT, source TEXT);
        CREATE INDEX IF NOT EXISTS messages_due ON messages (queue, visible, place);
        CREATE INDEX IF NOT EXISTS messages_age ON messages (queue, sent);
    """

    def __init__(self, state: State, queues: Mapping[str, Queue], clock: Clock) -> None:
        self._state = state
        self._queues = queues
        self._clock = clock
        self._waiting: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        state.prepare(self.SCHEMA)

    def declare(self, queues: Mapping[str, Queue]) -> None:
        """Know these queues from now on; messages of others stay, unseen."""
        self._queues = queues

    def queue(self, name: str) -> Queue:
        """The declaration of a queue."""
        return self._queues[name]

    def names(self) -> list[str]:
        """All queues."""
        return sorted(self._queues)

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._clock.now() * 1000)

    # ── sending and receiving ──────────────────────────────────────────────────────────────

    def send(
        self,
        name: str,
        body: str,
        *,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
        delay: int | None = None,
    ) -> str:
        """Store a message, visible after the delay in seconds; returns its id."""
        queue, now, identity = self._queues[name], self.now(), str(uuid.uuid4())
        wait = queue.delay if delay is None else delay
        with self._state.transaction() as database:
            database.execute(
                "INSERT INTO messages (queue, id, body, attributes, sent, visible)"
                " VALUES (?,?,?,?,?,?)",
                (name, identity, body, json.dumps(attributes or {}), now, now + wait * 1000),
            )
        self._wake(name)
        return identity

    def receive(
        self, name: str, limit: int, *, visibility: int | None = None, holder: str | None = None
    ) -> list[Message]:
        """Up to ``limit`` messages that are visible now, hidden for the visibility timeout."""
        queue, now = self._queues[name], self.now()
        hidden = now + 1000 * (queue.visibility_timeout if visibility is None else visibility)
        taken: list[Message] = []
        with self._state.transaction() as database:
            self._expire(database, queue, now)
            for row in self._due(database, queue, now, limit):
                receipt = f"{row['id']}.{secrets.token_urlsafe(18)}"
                first = row["first_received"] or now
                database.execute(
                    "UPDATE messages SET visible=?, receives=receives+1, first_received=?,"
                    " receipt=?, holder=? WHERE place=?",
                    (hidden, first, receipt, holder, row["place"]),
                )
                taken.append(_message(row, row["receives"] + 1, first, hidden, receipt))
        return taken

    def _due(
        self, database: sqlite3.Connection, queue: Queue, now: int, limit: int
    ) -> list[sqlite3.Row]:
        if queue.dead_letters in self._queues and queue.max_receives:
            moved = database.execute(
                "UPDATE messages SET queue=?, source=?, visible=?, receives=0, first_received=0,"
                " receipt=NULL, holder=NULL WHERE queue=? AND visible<=? AND receives>=?",
                (queue.dead_letters, queue.arn, now, queue.name, now, queue.max_receives),
            )
            if moved.rowcount and queue.dead_letters:
                self._wake(queue.dead_letters)
        return database.execute(
            "SELECT * FROM messages WHERE queue=? AND visible<=? ORDER BY visible, place LIMIT ?",
            (queue.name, now, limit),
        ).fetchall()

    def _expire(self, database: sqlite3.Connection, queue: Queue, now: int) -> None:
        database.execute(
            "DELETE FROM messages WHERE queue=? AND sent<?",
            (queue.name, now - queue.retention * 1000),
        )

    def delete(self, name: str, receipts: Sequence[str]) -> None:
        """Forget messages by their latest receipts; older receipts do nothing, as on AWS."""
        self._queues[name]
        with self._state.transaction() as database:
            database.executemany(
                "DELETE FROM messages WHERE queue=? AND receipt=?",
                [(name, receipt) for receipt in receipts],
            )

    def change_visibility(self, name: str, receipt: str, seconds: int) -> bool:
        """Hide a received message for so long from now; False when the receipt is not current."""
        self._queues[name]
        with self._state.transaction() as database:
            changed = database.execute(
                "UPDATE messages SET visible=? WHERE queue=? AND receipt=?",
                (self.now() + seconds * 1000, name, receipt),
            )
        self._wake(name)
        return changed.rowcount > 0

    def release(self, holder: str) -> None:
        """Make visible what this holder received and did not delete: it has died."""
        with self._state.transaction() as database:
            database.execute(
                "UPDATE messages SET visible=?, holder=NULL WHERE holder=?", (self.now(), holder)
            )

    # ── looking ────────────────────────────────────────────────────────────────────────────

    def purge(self, name: str) -> None:
        """Delete every message."""
        self._queues[name]
        with self._state.transaction() as database:
            database.execute("DELETE FROM messages WHERE queue=?", (name,))

    def counts(self, name: str) -> tuple[int, int, int]:
        """How many messages are visible, received and hidden, delayed."""
        self._queues[name]
        ((visible, hidden, delayed),) = self._state.rows(
            "SELECT coalesce(sum(visible<=?1),0), coalesce(sum(visible>?1 AND receives>0),0),"
            " coalesce(sum(visible>?1 AND receives=0),0) FROM messages WHERE queue=?2",
            (self.now(), name),
        )
        return visible, hidden, delayed

    def seconds_to_next(self, name: str) -> float | None:
        """How long until a message is visible; None when the queue is empty."""
        ((visible,),) = self._state.rows("SELECT min(visible) FROM messages WHERE queue=?", (name,))
        return None if visible is None else max(0.0, (visible - self.now()) / 1000)

    def listen(self, name: str) -> asyncio.Event:
        """An event on the running loop that is set whenever the queue may have a message."""
        event = asyncio.Event()
        self._waiting.setdefault(name, set()).add((asyncio.get_running_loop(), event))
        return event

    def unlisten(self, name: str, event: asyncio.Event) -> None:
        """Forget an event of `listen`."""
        kept = {pair for pair in self._waiting.get(name, set()) if pair[1] is not event}
        self._waiting[name] = kept

    def _wake(self, name: str) -> None:
        # Set before the commit of an outer transaction at the earliest; the listener's own read
        # waits for the state's lock, so it cannot look too early.
        for loop, event in tuple(self._waiting.get(name, ())):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


def _message(row: sqlite3.Row, receives: int, first: int, visible: int, receipt: str) -> Message:
    return Message(
        id=row["id"],
        body=row["body"],
        attributes=json.loads(row["attributes"]),
        sent=row["sent"],
        receives=receives,
        first_received=first,
        visible=visible,
        receipt=receipt,
        source=row["source"],
    )


def system_attributes(message: Message) -> dict[str, str]:
    """The attributes that SQS itself gives a received message."""
    found = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(message.sent),
        "SenderId": SENDER,
        "ApproximateFirstReceiveTimestamp": str(message.first_received),
    }
    if message.source is not None:
        found["DeadLetterQueueSourceArn"] = message.source
    return found


def md5_of(text: str) -> str:
    """The checksum that SQS clients verify."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()
