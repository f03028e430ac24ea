"""``.covey``: the folder that holds everything that lasts; one gateway at a time works in it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any


class InUseError(RuntimeError):
    """Another gateway works in this folder; the message says which, and what to do."""


class Folder:
    """The data folder, locked for this process until it ends, however it ends.

    A new one is its owner's alone: it holds password hashes and the keys that sign tokens.
    """

    def __init__(self, path: Path) -> None:
        """Make and lock it; raises InUseError."""
        self.path = path.resolve()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock: IO[str] = (self.path / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            self._lock.close()
            raise InUseError(
                f"Covey already runs on {path}{_where(holder)}.\n"
                "Stop it first, or work on other data: make run PORT=8001 DATA=.covey-2"
            ) from error

    def _holder(self) -> dict[str, Any]:
        try:
            self._lock.seek(0)
            holder = json.loads(self._lock.read())
        except ValueError:
            return {}
        return holder if isinstance(holder, dict) else {}

    def announce(self, url: str) -> None:
        """Write who holds the lock, for those who find it taken."""
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(json.dumps({"pid": os.getpid(), "url": url}))
        self._lock.flush()

    @property
    def files(self) -> Path:
        """Where stored files are."""
        folder = self.path / "files"
        folder.mkdir(exist_ok=True)
        return folder

    def secret(self) -> str:
        """What signs links to stored files; made once, as links outlive a restart."""
        path = self.path / "secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if text := path.read_text().strip():
                return text
            descriptor = os.open(path, os.O_WRONLY)  # cut off between making and writing
        text = secrets.token_urlsafe(32)
        with os.fdopen(descriptor, "w") as out:
            out.write(text)
        return text

    def release(self) -> None:
        """Let another have it."""
        self._lock.close()


def _where(holder: dict[str, Any]) -> str:
    return f" (process {holder['pid']}, {holder['url']})" if "pid" in holder else ""
