"""Objects in a directory: S3's stand-in on a laptop and in a container.

An object of ``{root}/{bucket}`` is two files: its bytes under a name of their own, and
``…@meta``, which says which bytes are current. Renaming the latter into place is the commit,
so a reader sees the old object or the new one, and a crash leaves the old one.

Each change leaves a marker in ``{root}/.events``: written before the commit as ``.pending``,
renamed after it to ``.ready``. The gateway turns ready markers into S3 events; so an upload
that was answered is announced at least once, whoever made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from covey.errors import NotFound
from covey.files.blobs import (
    Blob,
    Received,
    SignedForm,
    SignedUpload,
    checked_key,
    checked_size,
    replaced_object,
)
from covey.files.directory_parts import Parts
from covey.files.links import PREFIX, Link
from covey.files.policies import Policy

CHUNK = 262_144
_PLAIN = re.compile(rb"[a-z0-9_.-]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LONGEST_NAME = 160  # of a file, encoded: leaves room for "@" and a token below 255
_LONGEST_PATH = 2000


class Directory:
    """The objects of all buckets under one root."""

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root)
        self.events = self._root / ".events"
        self.parts = Parts(self._root / ".parts")
        self._incoming = self._root / ".incoming"

    def write(self, bucket: str, key: str, content_type: str) -> Writer:
        """Begin an object; nothing is seen of it before `Writer.commit`."""
        return Writer(self, bucket, checked_key(key), content_type)

    def head(self, bucket: str, key: str) -> Blob:
        """What is known of an object; raises NotFound."""
        return _blob(key, self.meta(bucket, key))

    def meta(self, bucket: str, key: str) -> dict[str, Any]:
        """The commit record of an object; raises NotFound."""
        try:
            text = self._meta_path(bucket, checked_key(key)).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound("file") from error
        return dict(json.loads(text))

    def open(self, bucket: str, key: str) -> tuple[Blob, Path]:
        """An object and the file that holds its bytes; raises NotFound."""
        meta = self.meta(bucket, key)
        return _blob(key, meta), self._data_path(bucket, key, meta["token"])

    def read(self, bucket: str, key: str, start: int = 0, etag: str = "") -> Iterator[bytes]:
        """The bytes from an offset on; raises NotFound and Conflict at once."""
        self._expected(bucket, key, etag)
        return self._chunks(bucket, key, start, etag)

    def _expected(self, bucket: str, key: str, etag: str) -> Path:
        blob, path = self.open(bucket, key)
        if etag and blob.etag != etag:
            raise replaced_object()
        return path

    def _chunks(self, bucket: str, key: str, start: int, etag: str) -> Iterator[bytes]:
        # Opened here, at the first step: what nobody takes a step of would stay open.
        while True:
            path = self._expected(bucket, key, etag)
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue  # replaced between the two steps: the new one is there
            break
        with file:
            file.seek(start)
            while chunk := file.read(CHUNK):
                yield chunk

    def delete(self, bucket: str, key: str) -> None:
        """Forget an object, if it is there."""
        with suppress(NotFound):
            meta = self.meta(bucket, key)
            marker = self._announce("ObjectRemoved:Delete", bucket, key, meta)
            self._meta_path(bucket, key).unlink(missing_ok=True)
            _sync_folder(self._meta_path(bucket, key).parent)
            self._data_path(bucket, key, meta["token"]).unlink(missing_ok=True)
            _ready(marker)

    def settle(self) -> None:
        """After a crash: decide the changes that were cut off, and clear up what is left.

        Only when nobody writes, which is before the gateway starts its workers.
        """
        for marker in self.events.glob("*.pending"):
            about = json.loads(marker.read_bytes() or b"{}")
            if about and self._happened(about):
                _ready(marker)
            else:
                marker.unlink()
        for file in self._incoming.glob("*"):
            file.unlink()
        self.parts.sweep()

    def _happened(self, about: dict[str, Any]) -> bool:
        try:
            token = self.meta(about["bucket"], about["key"])["token"]
        except NotFound:
            token = None
        removed = str(about["event"]).startswith("ObjectRemoved")
        return token is None if removed else token == about["token"]

    def _announce(self, event: str, bucket: str, key: str, meta: dict[str, Any]) -> Path:
        self.events.mkdir(parents=True, exist_ok=True)
        about = {"event": event, "bucket": bucket, "key": key, "at": _now_ms(), **meta}
        # Ordered by time, so that the changes of one key are told in their order.
        name = f"{time.time_ns():020d}-{secrets.token_hex(6)}.pending"
        marker = self.events / name
        _write_synced(marker, json.dumps(about).encode())
        return marker

    def _folder(self, bucket: str, key: str) -> tuple[Path, str]:
        if not _BUCKET.fullmatch(bucket):
            raise NotFound("bucket")
        segments = [_encoded(segment) for segment in key.split("/")]
        if sum(len(segment) + 1 for segment in segments) > _LONGEST_PATH:
            segments = ["%k" + hashlib.sha256(key.encode()).hexdigest()]
        return self._root.joinpath(bucket, *segments[:-1]), segments[-1]

    def _meta_path(self, bucket: str, key: str) -> Path:
        folder, name = self._folder(bucket, key)
        return folder / f"{name}@meta"

    def _data_path(self, bucket: str, key: str, token: str) -> Path:
        folder, name = self._folder(bucket, key)
        return folder / f"{name}@{token}"

    def begin(self, token: str) -> Path:
        """Where the bytes of an unfinished object go."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming / token

    def commit(self, incoming: Path, bucket: str, key: str, meta: dict[str, Any]) -> None:
        """Make synced bytes the object."""
        place = self._meta_path(bucket, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        before: dict[str, Any] = {}
        with suppress(NotFound):
            before = self.meta(bucket, key)
        marker = self._announce("ObjectCreated:Put", bucket, key, meta)
        incoming.rename(self._data_path(bucket, key, meta["token"]))
        draft = self.begin(meta["token"] + ".meta")
        _write_synced(draft, json.dumps(meta).encode())
        draft.rename(place)
        _sync_folder(place.parent)
        _ready(marker)
        if before:
            self._data_path(bucket, key, before["token"]).unlink(missing_ok=True)


class Writer:
    """An object in the making; `commit` or `abort` ends it."""

    def __init__(self, directory: Directory, bucket: str, key: str, content_type: str) -> None:
        self._directory = directory
        self._bucket, self._key, self._type = bucket, key, content_type
        self._token = secrets.token_hex(8)
        self._path = directory.begin(self._token)
        self._file = self._path.open("wb")
        self._digest = hashlib.md5(usedforsecurity=False)  # S3's entity tag
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def commit(self) -> Blob:
        """Make it the object, durably."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        meta = {
            "token": self._token,
            "size": self.size,
            "type": self._type,
            "etag": self._digest.hexdigest(),
            "modified": _now_ms(),
        }
        self._directory.commit(self._path, self._bucket, self._key, meta)
        return _blob(self._key, meta)

    def abort(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class DirectoryBlobs:
    """`covey.files.blobs.Blobs` over a directory, with links that the gateway serves."""

    def __init__(
        self,
        root: Path | str,
        bucket: str,
        *,
        secret: str,
        public_url: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._directory = Directory(root)
        self._bucket = bucket
        self._secret = secret
        self._base = public_url.rstrip("/")
        self._now = now

    def put(self, key: str, data: bytes | Iterable[bytes], *, content_type: str) -> Blob:
        """Store the bytes durably."""
        writer = self._directory.write(self._bucket, key, content_type)
        try:
            for chunk in (data,) if isinstance(data, bytes) else data:
                writer.write(chunk)
        except BaseException:
            writer.abort()
            raise
        return writer.commit()

    def get(self, key: str) -> bytes:
        """All bytes."""
        return b"".join(self.stream(key))

    def stream(self, key: str, start: int = 0, *, etag: str = "") -> Iterator[bytes]:
        """The bytes from this offset on, in pieces."""
        return self._directory.read(self._bucket, key, start, etag)

    def copy(self, source: str, target: str, *, etag: str, content_type: str) -> Blob:
        """The same bytes under another key."""
        return self.put(target, self.stream(source, etag=etag), content_type=content_type)

    def head(self, key: str) -> Blob:
        """What is known of the object."""
        return self._directory.head(self._bucket, key)

    def delete(self, key: str) -> None:
        """Forget the object."""
        self._directory.delete(self._bucket, key)

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begin an object that is sent in parts."""
        return self._directory.parts.begin(self._bucket, checked_key(key), content_type)

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Keep a part."""
        return self._directory.parts.put(self._bucket, key, upload, number, data)

    def join_parts(self, key: str, upload: str, tags: Sequence[str]) -> Blob:
        """Make the parts the object."""
        parts = self._directory.parts
        content_type, files = parts.files(self._bucket, key, upload, tags)
        chunks = (chunk for file in files for chunk in _chunks(file))
        try:
            blob = self.put(key, chunks, content_type=content_type)
        except FileNotFoundError as error:  # another joined them first, and dropped them
            raise NotFound("upload") from error
        parts.drop(self._bucket, key, upload)
        return blob

    def drop_parts(self, key: str, upload: str) -> None:
        """Forget the parts."""
        self._directory.parts.drop(self._bucket, key, upload)

    def parts(self, key: str, upload: str) -> list[Received]:
        """The parts that are there."""
        return self._directory.parts.received(self._bucket, key, upload)

    def sign_part(
        self, key: str, upload: str, number: int, size: int, expires: int
    ) -> SignedUpload:
        """A PUT link to a part, which the gateway holds to its size."""
        link = Link(
            method="PUT",
            bucket=self._bucket,
            key=checked_key(key),
            expires=int(self._now()) + expires,
            max=size,
            size=size,
            upload=upload,
            part=number,
        )
        return {"method": "PUT", "url": link.url(self._secret, self._base), "headers": {}}

    def sign_form(self, key: str, content_type: str, size: int, expires: int) -> SignedForm:
        """A form that the gateway holds to its policy."""
        until = int(self._now()) + expires
        policy = Policy(self._bucket, checked_key(key), content_type, size, until)
        url = f"{self._base}{PREFIX}{self._bucket}/"
        return {"method": "POST", "url": url, "fields": policy.fields(self._secret)}

    def sign_upload(
        self, key: str, content_type: str, max_bytes: int, expires: int, *, size: int | None = None
    ) -> SignedUpload:
        """A PUT link that the gateway holds to type and size."""
        checked_size(max_bytes, size)
        link = Link(
            method="PUT",
            bucket=self._bucket,
            key=checked_key(key),
            expires=int(self._now()) + expires,
            type=content_type,
            max=max_bytes,
            size=size,
        )
        headers = {"Content-Type": content_type}
        return {"method": "PUT", "url": link.url(self._secret, self._base), "headers": headers}

    def sign_download(
        self,
        key: str,
        expires: int,
        *,
        filename: str | None = None,
        inline: bool = False,
        cache: str = "",
    ) -> str:
        """A GET link."""
        link = Link(
            method="GET",
            bucket=self._bucket,
            key=checked_key(key),
            expires=int(self._now()) + expires,
            name=filename or "",
            shown="inline" if inline else "",
            cache=cache,
        )
        return link.url(self._secret, self._base)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _encoded(segment: str) -> str:
    """A segment of a key as a file's name, one to one also where a disk ignores case."""
    data = segment.encode()
    if not data:
        return "%"
    name = "".join(
        chr(byte) if _PLAIN.match(bytes([byte])) and (at or byte != 46) else f"%{byte:02x}"
        for at, byte in enumerate(data)
    )
    return name if len(name) <= _LONGEST_NAME else "%h" + hashlib.sha256(data).hexdigest()


def _blob(key: str, meta: dict[str, Any]) -> Blob:
    return Blob(key, meta["size"], meta["type"], meta["etag"], meta["modified"])


def _ready(marker: Path) -> None:
    marker.rename(marker.with_suffix(".ready"))
    _sync_folder(marker.parent)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make renames in it durable, where the platform lets a folder be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
