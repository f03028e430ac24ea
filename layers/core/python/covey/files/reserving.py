"""Reserving files: a place to send bytes to, for whoever may write the field that is to hold them.

What may be sent is said beforehand, type and size to the byte, and signed. A large file is sent in
parts, each signed for its size; which ones arrived is asked of the store, so that a client that
lost its place goes on. Nothing here looks at bytes: see `covey.files.verifying`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from covey.collections.model import Field
from covey.errors import Conflict, FieldError, Invalid, NotFound
from covey.fields.file import DEFAULT_SIZE
from covey.files.blobs import Blobs, SignedForm, SignedUpload
from covey.files.keeping import Keeping
from covey.files.media import PICTURES, admitted, media_type
from covey.files.model import (
    KEPT_S,
    MOST_PICTURE,
    PART,
    WHOLE,
    State,
    StoredFile,
    is_id,
    new_id,
    upload_key,
)
from covey.files.names import clean_name
from covey.files.ports import FileStore
from covey.identity.principal import Principal
from covey.records.holding import Holder
from covey.records.time import now_ms, rfc3339

LINK_S = 3_600  # how long a form or the link of a part is good for
MAX_NAME = 1_024
MAX_LINKS = 100  # of parts, for one call
KNOWN = ("collection", "field", "record", "name", "type", "size", "parts")

_Shapes: Mapping[str, tuple[type, str]] = {
    "collection": (str, "must be the name of a collection"),
    "field": (str, "must be the name of a field"),
    "name": (str, f"must be a text of at most {MAX_NAME} characters"),
    "type": (str, "must be a media type such as image/png"),
    "size": (int, "must be how many bytes it has"),
}


class Reservations:
    """Reserve, send in parts, give up."""

    def __init__(
        self,
        store: FileStore,
        blobs: Callable[[], Blobs],
        records: Callable[[], Holder],
        keeping: Callable[[], Keeping],
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._records = records
        self._keeping = keeping
        self._now = now

    def reserve(
        self,
        principal: Principal,
        body: Mapping[str, Any],
        *,
        request: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A new file and how to send its bytes.

        Raises Invalid for every fault of the body, and what a write of the field raises.
        """
        _check_shapes(body)
        collection, field = self._records().reserving(
            principal, body["collection"], body["field"], body.get("record"), request=request
        )
        declared = _declared(body, field)
        now = self._now()
        file = StoredFile(
            id=new_id(),
            collection=collection.name,
            life=collection.life,
            field=field.key,
            owner=principal.scope,
            name=clean_name(body["name"]),
            type=declared,
            size=body["size"],
            created=now,
            due=now // 1000 + KEPT_S,
        )
        if body.get("parts") or file.size > WHOLE:
            begun = self._blobs().begin_parts(upload_key(file.id), file.type)
            file = replace(file, upload=begun)
        self._store.reserve(file)
        return {"file": file.document(field.name), "upload": self._upload(file)}

    def links(
        self, principal: Principal, file_id: str, numbers: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Requests that send these parts; raises Invalid, NotFound."""
        file = self._in_parts(principal, file_id)
        count = _count(file)
        shaped = isinstance(numbers, list) and 1 <= len(numbers) <= MAX_LINKS
        if not shaped or any(type(n) is not int or not 1 <= n <= count for n in numbers):
            why = f"must list 1 to {MAX_LINKS} numbers of parts, from 1 to {count}"
            raise _invalid([FieldError("numbers", "invalid", why)])
        return [self._link(file, number) for number in dict.fromkeys(numbers)]

    def received(self, principal: Principal, file_id: str) -> dict[str, Any]:
        """Which parts have arrived whole, to go on after a loss."""
        file = self._in_parts(principal, file_id)
        parts = self._blobs().parts(upload_key(file.id), file.upload)
        arrived = [one.number for one in parts if one.size == _size(file, one.number)]
        return {
            "part_size": PART,
            "count": _count(file),
            "size": file.size,
            "received": arrived,
            "expires": rfc3339(file.due * 1000),
        }

    def complete(self, principal: Principal, file_id: str) -> StoredFile:
        """Make the parts the file; again is no error.

        Raises Conflict ``parts_missing``, naming the first that are.
        """
        file = self._owned(principal, file_id)
        if not file.upload:
            raise NotFound("upload")
        key, blobs = upload_key(file.id), self._blobs()
        try:
            parts = {one.number: one for one in blobs.parts(key, file.upload)}
            count = _count(file)
            missing = [
                number
                for number in range(1, count + 1)
                if number not in parts or parts[number].size != _size(file, number)
            ]
            if missing:
                shown = ", ".join(map(str, missing[:10]))
                raise Conflict(f"Parts are missing: {shown}.", code="parts_missing")
            blobs.join_parts(key, file.upload, [parts[n].tag for n in range(1, count + 1)])
        except NotFound:  # joined by another call: what became of it, the file says
            return self._owned(principal, file_id)
        return file

    def give_up(self, principal: Principal, file_id: str) -> None:
        """Remove a file that no record holds; raises Conflict ``file_attached``, NotFound."""
        file = self._owned(principal, file_id)
        if file.record:
            raise Conflict("A record has taken this file: change the record.", code="file_attached")
        self._keeping().remove(file)

    # ---- parts

    def _owned(self, principal: Principal, file_id: str) -> StoredFile:
        file = self._store.get(file_id) if is_id(file_id) else None
        if file is None or file.owner != principal.scope or file.state is State.GOING:
            raise NotFound("file")
        return file

    def _in_parts(self, principal: Principal, file_id: str) -> StoredFile:
        file = self._owned(principal, file_id)
        if not file.upload or file.state is not State.RESERVED:
            raise NotFound("upload")
        return file

    def _upload(self, file: StoredFile) -> dict[str, Any]:
        if file.upload:
            told = {"part_size": PART, "count": _count(file)}
            return {"parts": told, "expires": rfc3339(file.due * 1000)}
        form: SignedForm = self._blobs().sign_form(
            upload_key(file.id), file.type, file.size, LINK_S
        )
        return {**form, "expires": rfc3339(self._now() + LINK_S * 1000)}

    def _link(self, file: StoredFile, number: int) -> dict[str, Any]:
        size = _size(file, number)
        left = max(1, min(LINK_S, file.due - self._now() // 1000))
        signed: SignedUpload = self._blobs().sign_part(
            upload_key(file.id), file.upload, number, size, left
        )
        return {"number": number, "size": size, **signed}


def _count(file: StoredFile) -> int:
    return -(-file.size // PART)


def _size(file: StoredFile, number: int) -> int:
    return min(PART, max(0, file.size - (number - 1) * PART))


def _check_shapes(body: Mapping[str, Any]) -> None:
    faults = [
        FieldError(
            str(name)[:64].encode("utf-8", "replace").decode(), "unknown_field", "is unknown"
        )
        for name in body
        if name not in KNOWN
    ]
    for name, (kind, why) in _Shapes.items():
        if name not in body:
            faults.append(FieldError(name, "required", "must be given"))
        elif type(body[name]) is not kind:
            faults.append(FieldError(name, "wrong_type", why))
    if not isinstance(body.get("record", ""), str | None):
        faults.append(FieldError("record", "wrong_type", "must be the id of a record"))
    if not isinstance(body.get("parts", False), bool):
        faults.append(FieldError("parts", "wrong_type", "must be true or false"))
    if len(str(body.get("name", ""))) > MAX_NAME:
        faults.append(FieldError("name", "too_long", _Shapes["name"][1]))
    if faults:
        raise _invalid(faults[:20])


def _declared(body: Mapping[str, Any], field: Field) -> str:
    """The media type, once type and size are those of the field; raises Invalid."""
    faults = []
    declared = media_type(body["type"]) or ""
    patterns = field.options.get("types", ())
    if not declared:
        faults.append(FieldError("type", "invalid_media_type", _Shapes["type"][1]))
    elif not admitted(declared, patterns):
        listed = ", ".join(patterns)
        faults.append(FieldError("type", "type_not_allowed", f"must be one of {listed}"))
    most = field.options.get("max_size", DEFAULT_SIZE)
    if declared in PICTURES:
        most = min(most, MOST_PICTURE)
    if body["size"] < 1:
        faults.append(FieldError("size", "too_small", "must be at least 1"))
    elif body["size"] > most:
        faults.append(FieldError("size", "too_large", f"must be at most {most}"))
    if faults:
        raise _invalid(faults)
    return declared


def _invalid(faults: Sequence[FieldError]) -> Invalid:
    return Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
