"""What a run said: the first lines and the last, so that a job stays small."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable

from covey.records.time import rfc3339

FIRST, LAST = 30, 70
LONGEST = 300  # bytes of a line: each save of a job writes all of them


class Lines:
    """Lines with their time; any thread may add."""

    def __init__(self, now: Callable[[], int], before: Iterable[str] = ()) -> None:
        """`before` is what earlier attempts said."""
        self._now = now
        self._lock = threading.Lock()
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST)
        self._dropped = 0
        for line in before:
            self._keep(line)

    def add(self, text: object, level: str = "INFO") -> None:
        """Keep what was said, a line each."""
        for line in str(text).splitlines()[:LAST] or [""]:
            self._keep(f"{rfc3339(self._now())} {level} {line}")

    def _keep(self, line: str) -> None:
        cut = shortened(line, LONGEST)
        with self._lock:
            if len(self._first) < FIRST:
                self._first.append(cut)
                return
            self._dropped += len(self._last) == LAST
            self._last.append(cut)

    def kept(self) -> tuple[str, ...]:
        """The first and the last, and how many were between."""
        with self._lock:
            gap = [f"… {self._dropped} lines more"] if self._dropped else []
            return (*self._first, *gap, *self._last)


class Listener(logging.Handler):
    """Gives what is logged to the run that logs it."""

    def __init__(self, lines: Lines, mine: Callable[[], bool]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines
        self._mine = mine

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of this run's own."""
        if self._mine():
            self._lines.add(self.format(record), record.levelname)


def shortened(text: str, most: int) -> str:
    """A text of at most so many bytes that can be kept, whatever it was."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data.decode()
    return data[: most - 3].decode("utf-8", "ignore") + "…"
