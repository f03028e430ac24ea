"""Dead letters taken up again: by themselves after a while, or when a person says so.

The consumer that failed gets the change once more, and nobody else. The record may have moved on
meanwhile: consumers bear changes that come late (`Consumer.apply`), so what is true stays true.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from covey.errors import Unavailable
from covey.jobs.queue import JobQueue
from covey.pipeline.letters import READING, DeadLetters, Letter, consumer_of
from covey.pipeline.run import Pipeline
from covey.pipeline.told import Told
from covey.records.time import now_ms

PAGE = 25
_log = logging.getLogger(__name__)


class UnknownConsumerError(Exception):
    """A letter names a consumer that is there no more."""


class Redriver:
    """Carries out orders of ``{"letter": id}`` and ``{"consumer": name, "after": id}``."""

    def __init__(
        self,
        pipeline: Pipeline,
        letters: DeadLetters,
        read: Callable[[Mapping[str, Any]], Told],
        queue: JobQueue | None,
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._pipeline = pipeline
        self._letters = letters
        self._read = read
        self._queue = queue
        self._now = now

    def order(self, order: Mapping[str, Any]) -> None:
        """Have an order carried out; at once where there is no queue."""
        if self._queue is None:
            self.carry_out(order, lambda: True)
        else:
            self._queue.send(order)

    def carry_out(self, order: Mapping[str, Any], time_left: Callable[[], bool]) -> None:
        """Take up a letter, or those of a consumer from a place on, the oldest change first."""
        if "letter" in order:
            self.redrive(str(order["letter"]))
            return
        consumer, after = str(order["consumer"]), str(order.get("after", ""))
        while letters := self._letters.oldest(consumer, after, PAGE):
            for letter in letters:
                if not time_left() and self._queue is not None:
                    self._queue.send({"consumer": consumer, "after": after})
                    return
                self.redrive(letter.id)
                after = letter.id

    def redrive(self, letter_id: str) -> bool:
        """Try one letter again; False where it is gone, or failed and stays."""
        letter = self._letters.get(letter_id) if consumer_of(letter_id) else None
        image = self._letters.image(letter) if letter is not None else None
        if letter is None or image is None:
            return False
        try:
            self._apply(letter, self._read(image))
        except Exception as error:  # noqa: BLE001 - whatever it is, the letter says it
            self._failed(letter.failed_again(error, self._now()))
            return False
        self._letters.remove(letter)
        return True

    def _apply(self, letter: Letter, told: Told) -> None:
        if told.fault is not None:
            raise told.fault
        if letter.consumer == READING:
            if self._pipeline.take([told], lambda: True) is not None:
                raise Unavailable("It was not settled.")
            return  # a consumer that failed has a letter of its own now
        consumer = self._pipeline.consumers.get(letter.consumer)
        if consumer is None:
            raise UnknownConsumerError(letter.consumer)
        collection = self._pipeline.collection(told.change) if told.change else None
        if told.change is not None and collection is not None and consumer.wants(collection):
            consumer.apply(collection, [told.change])

    def _failed(self, letter: Letter) -> None:
        _log.warning("dead letter %s failed again: %s", letter.id, letter.error)
        there = self._letters.save(letter)
        if there and letter.next_pause is not None and self._queue is not None:
            self._queue.send({"letter": letter.id}, delay_s=letter.next_pause)
