"""Files to and from a running Covey: jobs followed, links downloaded and uploaded, all to resume.

A command that is ended and given again goes on: what it knows is kept beside its file, in a note
that only its owner can read, until the file is whole.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from infra.cli.client import Client, ProblemError, connection

POLL_SECONDS = 0.5
PATIENCE = 300.0  # seconds without any progress: a runner that died is replaced well before
CHUNK = 262_144
ATTEMPTS = 5  # of a download that breaks off
Job = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What a command keeps beside its file."""

    path: Path

    def read(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What was kept for the very same request, else nothing."""
        try:
            kept = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        same = isinstance(kept, dict) and kept.get("request") == request
        return kept if same else {}

    def write(self, request: Mapping[str, Any], **known: Any) -> None:
        """Keep it, for this user's eyes: it may hold a signed link."""
        with private(self.path) as file:
            file.write(json.dumps({"request": request, **known}).encode())

    def forget(self) -> None:
        """Nothing is left to resume."""
        self.path.unlink(missing_ok=True)


def private(path: Path, *, more: bool = False) -> BinaryIO:
    """A file that only its owner can read, from its first byte on; `more` adds to it."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if more else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), "ab" if more else "wb")


@contextmanager
def bars() -> Iterator[Progress]:
    """Progress bars on the terminal, if it is one."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]:>24}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress


def follow(client: Client, job_id: str, progress: Progress, words: str) -> Job:
    """The job when it is done, its progress shown.

    Raises ProblemError when it fails, cannot be seen any more, or stands still.
    """
    bar = progress.add_task(words, total=1.0, note="")
    began, seen, moved = time.monotonic(), "", time.monotonic()
    while True:
        job = look(client, job_id)
        rows = job["done"] + job["failed"]
        speed = rows / max(0.001, time.monotonic() - began)
        progress.update(bar, completed=job["progress"], note=f"{rows:,} rows, {speed:,.0f}/s")
        if job["status"] in ("failed", "cancelled"):
            raise ProblemError(f"Job {job_id} {job['status']}: {job['error'] or 'by somebody'}")
        if job["status"] == "done":
            return job
        if (now := f"{rows} {job['progress']}") != seen:
            seen, moved = now, time.monotonic()
        elif time.monotonic() - moved > PATIENCE:
            raise ProblemError(f"Job {job_id} does not go on; the same command looks again.")
        time.sleep(POLL_SECONDS)


def look(client: Client, job_id: str) -> Job:
    """The job as it is now; raises ProblemError that says what can be done."""
    try:
        job: Job = client.call("GET", f"/jobs/{job_id}")
    except ProblemError as problem:
        if problem.status == 401:
            raise ProblemError(
                "The token does not hold any more. The job goes on without it; give the same "
                "command with a fresh token (COVEY_TOKEN).",
                status=401,
            ) from problem
        raise
    return job


def download(
    link: Callable[[], str], path: Path, size: int, progress: Progress, words: str
) -> None:
    """The bytes of a link into a file, after those that it has of a try before.

    `link()` makes a fresh one. Raises ProblemError.
    """
    bar = progress.add_task(words, total=max(1, size), note="")
    for attempt in range(ATTEMPTS):
        there = path.stat().st_size if path.exists() else 0
        if there > size:
            path.unlink()
            there = 0
        if there == size and path.exists():
            break
        try:
            _fetch(
                link(),
                path,
                there,
                lambda n: progress.update(bar, completed=n, note=f"{n:,} bytes"),
            )
        except (OSError, http.client.HTTPException) as error:
            if attempt + 1 == ATTEMPTS:
                raise ProblemError(f"The download breaks off: {error}") from error
            time.sleep(POLL_SECONDS * 2**attempt)
    if path.stat().st_size != size:
        raise ProblemError(f"The download has {path.stat().st_size} bytes of {size}.")
    progress.update(bar, completed=max(1, size), note=f"{size:,} bytes")


def _fetch(url: str, path: Path, there: int, advanced: Callable[[int], None]) -> None:
    parts, link = urlsplit(url), connection(url)
    try:
        ranged = {"Range": f"bytes={there}-"} if there else {}
        link.request("GET", f"{parts.path}?{parts.query}", headers=ranged)
        answer = link.getresponse()
        if answer.status not in (200, 206):
            raise ProblemError(f"The download was refused: {answer.status} {answer.read(200)!r}")
        more = answer.status == 206
        done = there if more else 0
        with private(path, more=more) as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                advanced(done := done + len(chunk))
    finally:
        link.close()


def upload(signed: Mapping[str, Any], path: Path, progress: Progress, words: str) -> None:
    """Send a file by a signed link, never all of it in memory; raises ProblemError."""
    size = path.stat().st_size
    bar = progress.add_task(words, total=max(1, size), note="")
    parts, link = urlsplit(signed["url"]), connection(signed["url"])

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
                progress.advance(bar, len(chunk))

    headers = {**signed["headers"], "Content-Length": str(size)}
    try:
        link.request(signed["method"], f"{parts.path}?{parts.query}", pieces(), headers)
        answer = link.getresponse()
        said = answer.read(500)
    except (OSError, http.client.HTTPException) as error:
        raise ProblemError(
            f"The upload broke off: {error}; the same command tries again."
        ) from error
    finally:
        link.close()
    if answer.status >= 300:
        raise ProblemError(
            f"The upload was refused: {answer.status} {said.decode('utf-8', 'replace')}"
        )
    progress.update(bar, completed=max(1, size))
