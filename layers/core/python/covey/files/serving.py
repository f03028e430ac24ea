"""Files for those who may read them: a short link to the bytes, which the store itself sends.

Reading a file is reading the field of the record that holds it, under the same rules. A file that
no record has taken is its owner's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from covey.collections.model import Collection, Field
from covey.errors import BadRequest, FieldError, Invalid, NotFound
from covey.fields.file import sides
from covey.files.blobs import Blobs
from covey.files.media import INLINE
from covey.files.model import State, StoredFile, is_id, kept_key
from covey.files.ports import FileStore
from covey.identity.principal import Principal
from covey.records.holding import Holder
from covey.records.time import now_ms, rfc3339

SHORT_S = 300  # a link that is followed at once
LONGEST_S = 3_600  # a link that is handed on
PUBLIC_CACHE = "public, max-age=31536000, immutable"
PRIVATE_CACHE = "private, max-age=300"


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the bytes are to be had for `SHORT_S` seconds, and what a cache may think of that."""

    url: str
    etag: str
    public: bool


class Serving:
    """Describe, open, link."""

    def __init__(
        self,
        store: FileStore,
        blobs: Callable[[], Blobs],
        records: Callable[[], Holder],
        collection: Callable[[str], Collection],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._records = records
        self._collection = collection
        self._now = now

    def about(
        self, principal: Principal, file_id: str, *, request: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What is known of a file; raises NotFound."""
        file, field = self._seen(principal, file_id, request)
        return file.document(None if field is None else field.name)

    def open(
        self,
        principal: Principal,
        file_id: str,
        *,
        thumb: str | None = None,
        download: bool = False,
        request: Mapping[str, Any] | None = None,
    ) -> Opened:
        """Where a file, or a thumbnail of it, is; raises NotFound, BadRequest."""
        file, field = self._ready(principal, file_id, request)
        public = field is not None and bool(field.options.get("public"))
        url = self._url(file, thumb, SHORT_S, download=download, public=public)
        etag = file.etag if thumb is None else f'{file.etag[:-1]}-{thumb}"'
        return Opened(url, etag, public)

    def link(
        self,
        principal: Principal,
        file_id: str,
        body: Mapping[str, Any],
        *,
        request: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A link that anybody may follow until it ends; raises NotFound, BadRequest, Invalid."""
        seconds, thumb, download = _asked(body)
        file, _ = self._ready(principal, file_id, request)
        url = self._url(file, thumb, seconds, download=download, public=False)
        return {"url": url, "expires": rfc3339(self._now() + seconds * 1000)}

    # ---- parts

    def _seen(
        self, principal: Principal, file_id: str, request: Mapping[str, Any] | None
    ) -> tuple[StoredFile, Field | None]:
        """The file and the field that holds it, None of one that waits for its record."""
        file = self._store.get(file_id) if is_id(file_id) else None
        if file is None or file.state is State.GOING:
            raise NotFound("file")
        if not file.record:
            if file.owner != principal.scope:
                raise NotFound("file")
            return file, self._awaiting(file)
        try:
            there, field = self._records().reading(
                principal, file.collection, file.record, file.id, request=request
            )
        except NotFound as error:
            raise NotFound("file") from error
        if there.life != file.life:
            raise NotFound("file")
        return file, field

    def _ready(
        self, principal: Principal, file_id: str, request: Mapping[str, Any] | None
    ) -> tuple[StoredFile, Field | None]:
        file, field = self._seen(principal, file_id, request)
        if file.state is not State.READY:
            raise NotFound("file")
        return file, field if file.record else None

    def _awaiting(self, file: StoredFile) -> Field | None:
        try:
            fields = self._collection(file.collection).fields.values()
        except NotFound:
            return None
        return next((field for field in fields if field.key == file.field), None)

    def _url(
        self, file: StoredFile, thumb: str | None, seconds: int, *, download: bool, public: bool
    ) -> str:
        if thumb is not None and thumb not in file.thumbs:
            raise _unknown_thumb(thumb)
        return self._blobs().sign_download(
            kept_key(file, thumb or ""),
            seconds,
            filename=file.name,
            inline=file.type in INLINE and not download,
            cache=PUBLIC_CACHE if public else PRIVATE_CACHE,
        )


def _unknown_thumb(thumb: str) -> Exception:
    try:
        sides(thumb)
    except ValueError:
        why = "must be the size of a thumbnail, such as 200x200"
        fault = FieldError("thumb", "invalid_parameter", why)
        return BadRequest(f"thumb {why}.", code="invalid_parameter", errors=[fault])
    return NotFound("thumbnail of this file")


def _asked(body: Mapping[str, Any]) -> tuple[int, str | None, bool]:
    seconds = body.get("expires_in", SHORT_S)
    thumb, download = body.get("thumb"), body.get("download", False)
    faults = [
        FieldError(name[:64], "unknown_field", "is unknown")
        for name in sorted(body.keys() - {"expires_in", "thumb", "download"})
    ]
    if type(seconds) is not int or not 1 <= seconds <= LONGEST_S:
        faults.append(FieldError("expires_in", "invalid", f"must be from 1 to {LONGEST_S} seconds"))
    if not isinstance(thumb, str | None):
        faults.append(FieldError("thumb", "wrong_type", "must be the size of a thumbnail"))
    if not isinstance(download, bool):
        faults.append(FieldError("download", "wrong_type", "must be true or false"))
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
    return seconds, thumb, download
