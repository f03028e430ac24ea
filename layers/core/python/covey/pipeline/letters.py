"""Dead letters: changes that a consumer could not take, with the reason.

One is made when the attempts are over that the consumer had in the stream; then it is tried again
by itself after the `PAUSES`, and after those it stays, for a person to re-drive or drop, until it
is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Protocol

from covey.pipeline.told import Told

PAUSES = (30, 300, 900)  # seconds before each try by itself: 900 is the most that a queue waits
KEPT_S = 14 * 86_400  # as long as AWS's own dead-letter queues keep theirs
READING = "reading"  # stands for all consumers: a record that could not even be read
MAX_ERROR, MAX_TRACE = 500, 4_000
_SEQUENCE_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Letter:
    """What failed, where, and why; times in milliseconds.

    `id` rises with the change: letters sort by when they were written and by their sequence, and
    a change that comes again to the same consumer gets the same one. `attempts` counts the tries
    after it was made; `resting` says that no further one comes by itself.
    """

    id: str
    consumer: str
    collection: str
    record: str
    sequence: str
    kind: str
    version: int
    at: int
    failed: int
    error: str
    trace: str = ""
    attempts: int = 0

    @property
    def resting(self) -> bool:
        """Whether it waits for a person."""
        return self.attempts >= len(PAUSES)

    @property
    def next_pause(self) -> int | None:
        """Seconds until it is tried again by itself."""
        return None if self.resting else PAUSES[self.attempts]

    def failed_again(self, error: BaseException, now: int) -> Letter:
        """The letter after another try."""
        what, trace = described(error)
        return replace(self, attempts=self.attempts + 1, failed=now, error=what, trace=trace)


class DeadLetters(Protocol):
    """Where they are kept; `covey.store.models.dead_letter` and `covey.testing.pipeline`."""

    def bury(self, letter: Letter, image: Mapping[str, Any]) -> None:
        """Keep a letter and its image; a letter of that id is replaced."""
        ...

    def save(self, letter: Letter) -> bool:
        """Replace a letter that is there, its image stays; False where it is gone."""
        ...

    def get(self, letter_id: str) -> Letter | None:
        """One of them."""
        ...

    def image(self, letter: Letter) -> Mapping[str, Any] | None:
        """The stream's record of a letter."""
        ...

    def newest(self, consumer: str, before: str, limit: int) -> Sequence[Letter]:
        """Letters of a consumer, the newest changes first, from below an id ("" for all)."""
        ...

    def oldest(self, consumer: str, after: str, limit: int) -> Sequence[Letter]:
        """Letters of a consumer, the oldest changes first, from above an id."""
        ...

    def count(self, consumer: str, most: int) -> int:
        """How many letters a consumer has, counted up to `most`."""
        ...

    def remove(self, letter: Letter) -> bool:
        """Forget a letter and its image; False where it was gone."""
        ...


def letter_of(told: Told, consumer: str, error: BaseException, now: int) -> Letter:
    """The letter of a change that this consumer could not take."""
    change = told.change
    collection = change.collection if change else told.collection
    record = change.id if change else told.record
    text = f"{consumer}\0{collection}\0{record}\0{told.sequence}".encode()
    digest = blake2b(text, digest_size=8).hexdigest()
    what, trace = described(error)
    return Letter(
        id=f"{told.at:013d}.{told.sequence:0>{_SEQUENCE_DIGITS}}.{digest}.{consumer}",
        consumer=consumer,
        collection=collection,
        record=record,
        sequence=told.sequence,
        kind=str(change.kind) if change else "",
        version=change.version if change else 0,
        at=told.at,
        failed=now,
        error=what,
        trace=trace,
    )


def consumer_of(letter_id: str) -> str | None:
    """The consumer that an id names; None for text that is no id."""
    parts = letter_id.split(".")
    usable = len(parts) == 4 and len(letter_id) <= 200 and letter_id.isascii()
    return parts[3] if usable and all(parts) else None


def described(error: BaseException) -> tuple[str, str]:
    """An error in a line, and where it came from."""
    import traceback

    line = f"{type(error).__name__}: {error}"[:MAX_ERROR]
    return line, "".join(traceback.format_exception(error))[-MAX_TRACE:]
