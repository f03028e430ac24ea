"""What was sent is looked at before anybody gets it.

Bytes arrive where clients may write, and are kept where they may not: a form that is posted again
after that changes nothing. What is judged is what is kept, by its entity tag. Pictures are decoded
and written anew, so that of a file that is a picture and something else only the picture is left.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable
from dataclasses import replace

from covey.collections.model import Collection, Field
from covey.errors import Conflict, NotFound
from covey.files.blobs import Blob, Blobs
from covey.files.media import HEAD, PICTURES, agrees, is_text, with_extension
from covey.files.model import State, StoredFile, id_of, kept_key, upload_key
from covey.files.ports import FileStore, Pictures, RefusedError

ATTEMPTS = 5


class Verifier:
    """Takes what has arrived."""

    def __init__(
        self,
        store: FileStore,
        blobs: Blobs,
        pictures: Pictures,
        collection: Callable[[str], Collection],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._pictures = pictures
        self._collection = collection

    def arrived(self, key: str) -> State | None:
        """Judge the object of this key; what became of its file, None where it is nobody's.

        May be called again, late, or twice at once. Raises Conflict where the object or the file
        changes all the time.
        """
        file_id = id_of(key)
        if file_id is None:
            return None
        for _ in range(ATTEMPTS):
            file = self._store.get(file_id)
            if file is None or file.state not in (State.RESERVED, State.UPLOADED):
                self._blobs.delete(key)  # sent again after it was judged, or given up
                return None if file is None else file.state
            try:
                judged = self._judged(file)
            except Conflict:
                continue
            except NotFound:  # judged by another call, which then removed it
                continue
            if judged is not None:
                self._blobs.delete(key)
                return judged.state
        raise Conflict("The file keeps changing.")

    # ---- parts

    def _judged(self, file: StoredFile) -> StoredFile | None:
        """The file as it was found to be; None where it has moved on, and nothing was kept."""
        blob = self._blobs.head(upload_key(file.id))
        if file.state is State.RESERVED:
            seen = self._store.save(file, replace(file, state=State.UPLOADED))
            if seen is None:
                return None
            file = seen
        try:
            after = self._kept(file, blob)
        except RefusedError as refused:
            return self._store.save(file, replace(file, state=State.REFUSED, reason=refused.reason))
        saved = self._store.save(file, after)
        if saved is None:
            self._let_go(after)
        return saved

    def _let_go(self, after: StoredFile) -> None:
        """Remove what was kept, unless another call has kept the very same."""
        now = self._store.get(after.id)
        if now is None or now.token != after.token:
            for thumb in ("", *after.thumbs):
                self._blobs.delete(kept_key(after, thumb))

    def _kept(self, file: StoredFile, blob: Blob) -> StoredFile:
        """The file once its bytes are where nobody can change them; raises RefusedError."""
        field = self._field(file)
        if blob.size != file.size:
            raise RefusedError("wrong_size")
        named = replace(file, state=State.READY, name=with_extension(file.name, file.type))
        if file.type in PICTURES:
            return self._picture(named, blob, field)
        digest = self._read(file, blob)
        named = replace(named, sha256=digest, token=digest[:16])
        self._blobs.copy(
            blob.key, kept_key(named), etag=blob.etag, content_type=_served_type(file.type)
        )
        return named

    def _picture(self, file: StoredFile, blob: Blob, field: Field) -> StoredFile:
        data = b"".join(self._blobs.stream(blob.key, etag=blob.etag))
        if not agrees(file.type, data[:HEAD]):
            raise RefusedError("wrong_type")
        picture = self._pictures.process(data, file.type, field.options.get("thumbs", ()))
        file = replace(
            file,
            size=len(picture.data),
            sha256=hashlib.sha256(picture.data).hexdigest(),
            token=hashlib.sha256(data).hexdigest()[:16],
            width=picture.width,
            height=picture.height,
            thumbs=tuple(picture.thumbs),
        )
        for thumb, made in picture.thumbs.items():
            self._blobs.put(kept_key(file, thumb), made, content_type=file.type)
        self._blobs.put(kept_key(file), picture.data, content_type=file.type)
        return file

    def _read(self, file: StoredFile, blob: Blob) -> str:
        """The digest of all bytes, in one pass; raises RefusedError."""
        digest, text = hashlib.sha256(), _Text() if is_text(file.type) else None
        head = b""
        for chunk in self._blobs.stream(blob.key, etag=blob.etag):
            digest.update(chunk)
            if text is not None:
                text.take(chunk)
            if len(head) < HEAD:
                head = (head + chunk)[:HEAD]
                if len(head) == HEAD and not agrees(file.type, head):
                    raise RefusedError("wrong_type")
        if not agrees(file.type, head):
            raise RefusedError("wrong_type")
        if text is not None:
            text.take(b"", end=True)
        return digest.hexdigest()

    def _field(self, file: StoredFile) -> Field:
        """The field that it was reserved for; refused where that is gone."""
        try:
            collection = self._collection(file.collection)
        except NotFound as error:
            raise RefusedError("field_gone") from error
        found = next((one for one in collection.fields.values() if one.key == file.field), None)
        if found is None or found.type != "file" or collection.life != file.life:
            raise RefusedError("field_gone")
        return found


class _Text:
    """UTF-8 without NUL, chunk by chunk."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, chunk: bytes, *, end: bool = False) -> None:
        """Go on; raises RefusedError."""
        if b"\0" in chunk:
            raise RefusedError("not_text")
        try:
            self._decoder.decode(chunk, end)
        except UnicodeDecodeError as error:
            raise RefusedError("not_text") from error


def _served_type(declared: str) -> str:
    """The content type of answers: text says that it is UTF-8, so that nobody guesses."""
    return f"{declared}; charset=utf-8" if declared.startswith("text/") else declared
