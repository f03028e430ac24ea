"""Forms with a file at their end (multipart/form-data, RFC 7578), read as they come.

The fields before the file are small and kept; the file is handed on in pieces. What follows it is
not looked at, as Amazon S3 does not.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

MAX_FIELDS = 20_480  # bytes of all fields before the file, S3's own limit
MAX_HEAD = 4_096  # bytes of the headers of one part
FILE: Final = "file"
_BOUNDARY = re.compile(
    r"multipart/form-data\s*;\s*boundary=(\"?)([0-9A-Za-z'()+_,./:=? -]{1,70})\1"
)
_NAME = re.compile(
    rb"^content-disposition:\s*form-data\s*;.*?\bname=\"([^\"\r\n]{1,100})\"", re.I | re.M
)


class FormError(Exception):
    """A body that is no such form; the text says why."""


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names; raises FormError."""
    found = _BOUNDARY.fullmatch(content_type.strip())
    if found is None:
        raise FormError("Send a form as multipart/form-data.")
    return found[2].encode()


class Form:
    """One form: `fields` first, then `file` to its end."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._chunks = chunks
        self._mark = b"\r\n--" + boundary
        self._held = b"\r\n"  # the first boundary has no line before it

    async def fields(self) -> dict[str, str]:
        """The fields before the file; raises FormError where there is no file."""
        found: dict[str, str] = {}
        if await self._until(self._mark, MAX_HEAD):
            raise FormError("The form does not begin with its boundary.")
        left = MAX_FIELDS
        while True:
            name = await self._head()
            if name == FILE:
                return found
            value = await self._until(self._mark, left)
            left -= len(value) + len(name)
            if name in found:
                raise FormError(f"The field {name} is given twice.")
            try:
                found[name] = value.decode()
            except UnicodeDecodeError as error:
                raise FormError("The fields are not UTF-8.") from error

    async def file(self) -> AsyncIterator[bytes]:
        """The bytes of the file; raises FormError where its end is missing."""
        while True:
            at = self._held.find(self._mark)
            if at >= 0:
                yield self._held[:at]
                return
            # The end of what is held may be the beginning of the boundary.
            sure = len(self._held) - len(self._mark) + 1
            if sure > 0:
                yield self._held[:sure]
                self._held = self._held[sure:]
            await self._more()

    async def _head(self) -> str:
        """The name of the part that begins here."""
        start = await self._until(b"\r\n", 2)
        if start:  # "--" is the end of the form
            raise FormError("The form has no file.")
        head = await self._until(b"\r\n\r\n", MAX_HEAD)
        name = _NAME.search(head)
        if name is None:
            raise FormError("A part of the form has no name.")
        return name[1].decode("utf-8", "replace").lower().replace("content-type", "Content-Type")

    async def _until(self, mark: bytes, most: int) -> bytes:
        while (at := self._held.find(mark)) < 0:
            if len(self._held) > most + len(mark):
                raise FormError("The fields of the form are too long.")
            await self._more()
        if at > most:
            raise FormError("The fields of the form are too long.")
        found, self._held = self._held[:at], self._held[at + len(mark) :]
        return found

    async def _more(self) -> None:
        try:
            self._held += await anext(self._chunks)
        except StopAsyncIteration as error:
            raise FormError("The form is cut off.") from error
