"""From a queue to a function: one poller per event source mapping.

Each batch is invoked on its own, up to ``max_concurrency`` at a time, so that a slow or
poisoned batch never holds another up. What succeeded is deleted; what failed stays hidden
until its visibility timeout ends, is received again, and in the end goes to the dead-letter
queue. A batch that was in flight when the gateway died is visible again at its next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from infra.gateway.city import City, QueueTrigger
from infra.gateway.clock import Clock
from infra.gateway.filters import passes
from infra.gateway.invoker import Answer, Invoker
from infra.gateway.outcomes import failed_items, throttled
from infra.gateway.queues import Message, Queues, md5_of, system_attributes
from infra.gateway.sqs_attributes import event_attributes, md5_of_attributes
from infra.gateway.state import State

_LONGEST_WAIT = 60.0  # a safety net: every send wakes the poller
_MAX_EVENT = 6_000_000  # bytes of one invocation's event
log = logging.getLogger("covey.gateway.queues")


class QueuePoller:
    """Feeds one function from one queue until cancelled."""

    def __init__(
        self,
        trigger: QueueTrigger,
        city: City,
        *,
        queues: Queues,
        state: State,
        invoker: Invoker,
        clock: Clock,
        retry_after: float | None = None,
    ) -> None:
        """``retry_after`` shortens the wait for another try after a failure, for a laptop."""
        self._trigger = trigger
        self._city = city
        self._queue = queues.queue(trigger.queue)
        self._queues = queues
        self._state = state
        self._invoker = invoker
        self._clock = clock
        self._retry_after = retry_after
        self._free = asyncio.Semaphore(max(1, trigger.max_concurrency))
        self._running: set[asyncio.Task[None]] = set()

    @property
    def _holder(self) -> str:
        return f"trigger:{self._trigger.name}"

    async def run(self) -> None:
        """Poll for ever; a failure of the poller itself is logged and tried again."""
        await self._state.run(self._queues.release, self._holder)
        wake = self._queues.listen(self._trigger.queue)
        try:
            while True:
                try:
                    await self._turn(wake)
                except Exception:
                    log.exception("queue %s: polling failed", self._trigger.queue)
                    await self._clock.sleep(1)
        finally:
            self._queues.unlisten(self._trigger.queue, wake)
            for task in self._running:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*self._running, return_exceptions=True)

    async def _turn(self, wake: asyncio.Event) -> None:
        await self._free.acquire()
        try:
            batch = await self._gather(wake)
        except BaseException:
            self._free.release()
            raise
        if not batch:
            self._free.release()
            await self._pause(wake)
            return
        task = asyncio.create_task(self._settle(batch))
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free.release()
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "queue %s: a batch was left to its timeout",
                self._trigger.queue,
                exc_info=task.exception(),
            )

    async def _pause(self, wake: asyncio.Event) -> None:
        wait = await self._state.run(self._queues.seconds_to_next, self._trigger.queue)
        await self._clock.wait(wake, _LONGEST_WAIT if wait is None else min(wait, _LONGEST_WAIT))

    async def _gather(self, wake: asyncio.Event) -> list[Message]:
        """A batch: at once what there is, or with a window until it is full or over."""
        batch = await self._receive(self._trigger.batch_size)
        deadline = self._clock.now() + self._trigger.window
        while batch and len(batch) < self._trigger.batch_size:
            left = deadline - self._clock.now()
            if left <= 0 or sum(len(message.body) for message in batch) > _MAX_EVENT:
                break
            await self._clock.wait(wake, min(left, 0.2))
            batch += await self._receive(self._trigger.batch_size - len(batch))
        return batch

    async def _receive(self, limit: int) -> list[Message]:
        found = await self._state.run(
            self._queues.receive, self._trigger.queue, limit, holder=self._holder
        )
        kept = [message for message in found if self._wanted(message)]
        if len(kept) < len(found):  # Lambda deletes what a filter refuses
            dropped = [message.receipt for message in found if message not in kept]
            await self._state.run(self._queues.delete, self._trigger.queue, dropped)
        return kept

    def _wanted(self, message: Message) -> bool:
        if not self._trigger.filters:
            return True
        try:
            body = json.loads(message.body)
        except ValueError:
            body = message.body
        return passes(self._trigger.filters, {"body": body})

    async def _settle(self, batch: list[Message]) -> None:
        answer = await self._invoke(batch)
        identifiers = [message.id for message in batch]
        failed = failed_items(answer, identifiers, self._trigger.item_failures)
        if failed is None:
            failed = set(identifiers)
        done = [message.receipt for message in batch if message.id not in failed]
        await self._state.run(self._queues.delete, self._trigger.queue, done)
        if self._retry_after is None:
            return
        for message in batch:
            left = message.visible / 1000 - self._clock.now()
            if message.id in failed and left > self._retry_after:
                await self._state.run(
                    self._queues.change_visibility,
                    *(self._trigger.queue, message.receipt, max(0, round(self._retry_after))),
                )

    async def _invoke(self, batch: list[Message]) -> Answer:
        """Invoke; a throttled call is tried again while the batch is still ours."""
        event = {"Records": [self._record(message) for message in batch]}
        label = f"{self._trigger.queue} ×{len(batch)}"
        pause = 0.2
        while True:
            answer = await self._invoker.invoke(
                self._trigger.function, event, kind="queue", label=label
            )
            late = self._clock.now() + pause > min(message.visible for message in batch) / 1000
            if not throttled(answer) or late:
                return answer
            await self._clock.sleep(pause)
            pause = min(pause * 2, 10)

    def _record(self, message: Message) -> Mapping[str, Any]:
        record: dict[str, Any] = {
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body,
            "attributes": system_attributes(message),
            "messageAttributes": event_attributes(message.attributes),
            "md5OfBody": md5_of(message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue.arn,
            "awsRegion": self._city.region,
        }
        if message.attributes:
            record["md5OfMessageAttributes"] = md5_of_attributes(message.attributes)
        return record
