"""The last invocations, on disk: event, answer, logs, time and cost, to look at and to send again.

For whoever develops on this machine: the files are this user's alone, secrets are taken out before
anything is written (`redaction`), and there are never more than `FILES` of `FILE_BYTES`. Serving
does not wait for it: the front only puts a finished call down, and a thread takes what lies there
each second. What lies there then is all that is written, so that under load it is the newest
calls and the failed ones.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.gateway.pool import Invocation, Observer
from infra.gateway.redaction import HIDDEN, redacted, text

FILES, FILE_BYTES = 4, 4 * 1024 * 1024
NEWEST = 25  # calls of each kind, well ended and failed, that one turn writes
TURN_SECONDS = 1.0
_BREATH = 0.001  # after each call, so that the front never waits for more than one of them
MOST_EVENT, MOST_ANSWER = 256 * 1024, 64 * 1024  # bytes; larger ones are told by their size
MOST_LINES, MOST_LINE = 100, 2_000
# On-demand prices of us-east-1 in US dollars, from AWS's page "AWS Lambda pricing" (x86).
USD_PER_GB_SECOND, USD_PER_CALL = 0.0000166667, 0.0000002
_log = logging.getLogger("covey.gateway.journal")

_Put = tuple[int, float, Invocation, list[str]]  # in their order, when they ended


class Journal:
    """An observer of invocations that keeps the last ones in a folder."""

    def __init__(
        self,
        folder: Path,
        memory_mb: Callable[[str], int],
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`memory_mb` is what a function has: its time is priced by it."""
        self._folder = folder
        self._memory = memory_mb
        self._now = now
        self._pause = pause
        self._lines: dict[str, list[str]] = {}
        self._well: deque[_Put] = deque(maxlen=NEWEST)
        self._failed: deque[_Put] = deque(maxlen=NEWEST)
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._writing = threading.Lock()

    def start(self) -> None:
        """Write from now on."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what lies there, and end."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(5)

    # ---- as an observer, in the front: nothing here may take time

    def printed(self, function: str, request_id: str, line: str) -> None:
        """Put down a line of a call that runs."""
        lines = self._lines.setdefault(request_id, [])
        if len(lines) < MOST_LINES:
            lines.append(line[:MOST_LINE])

    def finished(self, invocation: Invocation) -> None:
        """Put down a call."""
        answer = invocation.answer
        lines = self._lines.pop(answer.request_id, [])
        if invocation.kind == "setup":
            return
        failed = answer.error is not None or b'"statusCode":5' in (answer.payload or b"")[:200]
        kept = self._failed if failed else self._well
        kept.append((next(self._numbers), self._now(), invocation, lines))
        if len(self._lines) > 10_000:  # of calls that were given up
            self._lines.clear()

    # ---- in the thread

    def _run(self) -> None:
        while not self._over.wait(TURN_SECONDS):
            self.write()
        self.write()

    def write(self) -> None:
        """Write what lies there."""
        waiting: list[_Put] = []
        for kept in (self._well, self._failed):
            with contextlib.suppress(IndexError):
                while True:
                    waiting.append(kept.popleft())
        if not waiting:
            return
        waiting.sort(key=lambda one: one[0])
        try:
            with self._writing:
                self._append("".join(self._lines_of(waiting)))
        except OSError as error:  # a full disk stops nobody
            _log.warning("the journal of invocations cannot be written: %s", error)

    def _lines_of(self, waiting: list[_Put]) -> Iterator[str]:
        for one in waiting:
            yield self._line(*one[1:])
            self._pause(_BREATH)

    def _line(self, at: float, invocation: Invocation, lines: list[str]) -> str:
        entry = self.entry(at, invocation, lines)
        return json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"

    def entry(self, at: float, invocation: Invocation, lines: list[str]) -> dict[str, Any]:
        """A call as it is kept."""
        answer = invocation.answer
        seconds, memory = answer.duration_ms / 1000, self._memory(invocation.function) / 1024
        entry: dict[str, Any] = {
            "id": answer.request_id,
            "at": round(at, 3),
            "function": invocation.function,
            "kind": invocation.kind,
            "label": text(invocation.label),
            "duration_ms": round(answer.duration_ms, 2),
            "waited_ms": round(invocation.waited_ms, 2),
            "compute_usd": round(USD_PER_CALL + USD_PER_GB_SECOND * seconds * memory, 12),
            "event": _kept(invocation.event, MOST_EVENT),
            "logs": [text(line) for line in lines],
        }
        if answer.error is not None:
            entry["error"] = redacted(dict(answer.error))
        elif answer.payload is not None:
            entry["answer"] = _kept(answer.payload, MOST_ANSWER)
            entry |= _said(entry["answer"])
        return entry

    def _append(self, text: str) -> None:
        files = sorted(self._folder.glob("*.jsonl"))
        last = files[-1] if files else self._folder / f"{0:08d}.jsonl"
        if files and last.stat().st_size >= FILE_BYTES:
            last = self._folder / f"{int(last.stem) + 1:08d}.jsonl"
            for old in files[: max(0, len(files) + 1 - FILES)]:
                old.unlink(missing_ok=True)
        descriptor = os.open(last, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as out:
            out.write(text)


class Observers:
    """Several observers as one."""

    def __init__(self, *each: Observer) -> None:
        self._each = each

    def printed(self, function: str, request_id: str, line: str) -> None:
        """Tell each."""
        for one in self._each:
            one.printed(function, request_id, line)

    def finished(self, invocation: Invocation) -> None:
        """Tell each."""
        for one in self._each:
            one.finished(invocation)


def _kept(document: bytes, most: int) -> Any:
    """A JSON document without secrets; of one that is too large its size, and nothing of it."""
    if len(document) > most:
        return {"too_large": len(document)}
    try:
        return redacted(json.loads(document))
    except (ValueError, RecursionError):
        return HIDDEN


def _said(answer: Any) -> Mapping[str, Any]:
    """Status and cost, where an answer is one of HTTP."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return {}
    headers = answer.get("headers") or {}
    cost = headers.get("Covey-Cost") if isinstance(headers, dict) else None
    return {"status": answer["statusCode"]} | ({"cost": cost} if cost else {})
