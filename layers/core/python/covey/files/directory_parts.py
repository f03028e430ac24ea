"""Objects in the making, in a directory: one folder for each, a file for each part.

A part's file is named by its number and a tag of its own, so that a runner that was thought dead
cannot write over what another one goes on from. The folder's ``about`` says for which object it is.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from covey.errors import NotFound
from covey.files.blobs import Received, replaced_part

KEPT = 86_400 * 2  # seconds since the last part, until what was never joined is swept
_NAME = re.compile(r"[0-9a-f]{16}")


class Parts:
    """The unfinished objects of all buckets."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, bucket: str, key: str, content_type: str) -> str:
        """The id of a new one."""
        upload = secrets.token_hex(8)
        folder = self._root / upload
        folder.mkdir(parents=True)
        about = {"bucket": bucket, "key": key, "type": content_type}
        _write(folder / "about", json.dumps(about).encode())
        return upload

    def put(self, bucket: str, key: str, upload: str, number: int, data: bytes) -> str:
        """Keep a part; its tag. Raises NotFound."""
        self._about(bucket, key, upload)
        tag = secrets.token_hex(8)
        _write(self._root / upload / f"{number}-{tag}", data)
        return tag

    def files(
        self, bucket: str, key: str, upload: str, tags: Sequence[str]
    ) -> tuple[str, list[Path]]:
        """The content type, and where the parts of these tags lie; NotFound, Conflict."""
        content_type = self._about(bucket, key, upload)
        files = [self._root / upload / f"{number}-{tag}" for number, tag in enumerate(tags, 1)]
        if not all(_NAME.fullmatch(tag) for tag in tags) or not all(map(Path.is_file, files)):
            raise replaced_part()
        return content_type, files

    def received(self, bucket: str, key: str, upload: str) -> list[Received]:
        """The last one kept of each number; NotFound."""
        self._about(bucket, key, upload)
        found: dict[int, tuple[int, Received]] = {}
        for path in (self._root / upload).glob("[0-9]*-*"):
            number, _, tag = path.name.partition("-")
            about = path.stat()
            part = Received(int(number), about.st_size, tag)
            if about.st_mtime_ns >= found.get(part.number, (0, part))[0]:
                found[part.number] = about.st_mtime_ns, part
        return [part for _, (_, part) in sorted(found.items())]

    def drop(self, bucket: str, key: str, upload: str) -> None:
        """Forget one, if it is there."""
        try:
            self._about(bucket, key, upload)
        except NotFound:
            return
        shutil.rmtree(self._root / upload, ignore_errors=True)

    def sweep(self) -> None:
        """Forget those that nobody has added to for days."""
        for folder in self._root.glob("*"):
            if time.time() - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)

    def _about(self, bucket: str, key: str, upload: str) -> str:
        """The content type; NotFound unless it was begun for this very object."""
        if not _NAME.fullmatch(upload):
            raise NotFound("upload")
        try:
            about = json.loads((self._root / upload / "about").read_bytes())
        except (OSError, ValueError) as error:
            raise NotFound("upload") from error
        if (about["bucket"], about["key"]) != (bucket, key):
            raise NotFound("upload")
        return str(about["type"])


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
