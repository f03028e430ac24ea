"""``/_files/{bucket}/{key}``: signed uploads and downloads of the directory store.

A link is the whole permission: it says method, object, type, size and expiry, and nothing else
is asked of the caller, so pages of any origin may use one. Answers never render: every
download is an attachment in a sandbox.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from covey.errors import BadRequest, NotFound
from covey.files.blobs import Blob
from covey.files.directory import CHUNK, Directory, Writer
from covey.files.links import PREFIX, SAFE_HEADERS, Link, LinkError, attachment, verified
from infra.gateway.asgi import Receive, Scope, Send, answer, answer_json, headers

_CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag, Content-Length, Content-Range, Content-Disposition",
}
_PREFLIGHT = {
    **_CORS,
    "access-control-allow-methods": "GET, HEAD, PUT",
    "access-control-allow-headers": "*",
    "access-control-max-age": "7200",
}
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_SLOWEST = 60.0  # seconds that an upload may pause


class RefusalError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code, self.detail = status, code, detail
        super().__init__(code)


class FilesApp:
    """An ASGI application over a `Directory`; ``stored`` is called after each upload."""

    def __init__(
        self,
        directory: Directory,
        *,
        secret: str,
        stored: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._secret = secret
        self._stored = stored
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._answer(scope, receive, send)
        except RefusalError as refusal:
            body = {
                "type": "about:blank",
                "title": refusal.detail,
                "status": refusal.status,
                "code": refusal.code,
                "detail": refusal.detail,
                "request_id": str(uuid.uuid4()),
                "errors": [],
            }
            # The rest of a refused upload is not read: the connection cannot be used again.
            extra = {**_CORS, "content-type": "application/problem+json", "connection": "close"}
            await answer_json(send, refusal.status, body, extra)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await answer(send, 204, b"", _PREFLIGHT)
            return
        if method not in {"GET", "HEAD", "PUT"}:
            raise RefusalError(405, "method_not_allowed", "This path answers GET, HEAD and PUT.")
        bucket, _, key = scope["path"].removeprefix(PREFIX).partition("/")
        query = scope["query_string"].decode("latin-1")
        try:
            link = verified(self._secret, method, bucket, key, query, now=self._now())
        except LinkError as error:
            raise RefusalError(403, "invalid_link", str(error)) from error
        if method == "PUT":
            blob = await self._upload(link, scope, receive)
            self._stored()
            await answer(send, 200, b"", {**_CORS, "etag": f'"{blob.etag}"'})
        else:
            await self._download(link, scope, send)

    # ── uploads ────────────────────────────────────────────────────────────────────────────

    async def _upload(self, link: Link, scope: Scope, receive: Receive) -> Blob:
        length = _announced(link, headers(scope))
        try:
            writer = await asyncio.to_thread(
                self._directory.write, link.bucket, link.key, link.type
            )
        except (BadRequest, NotFound) as error:
            raise RefusalError(error.status, error.code, error.detail) from error
        try:
            await _fill(writer, receive, length)
        except BaseException:
            writer.abort()
            raise
        # Shielded: a client that leaves now must not stop a commit half way.
        return await asyncio.shield(asyncio.to_thread(writer.commit))

    # ── downloads ──────────────────────────────────────────────────────────────────────────

    async def _download(self, link: Link, scope: Scope, send: Send) -> None:
        try:
            blob, path = await asyncio.to_thread(self._directory.open, link.bucket, link.key)
        except NotFound as error:
            raise RefusalError(404, "not_found", "No such file.") from error
        fields = {
            **_CORS,
            **SAFE_HEADERS,
            "etag": f'"{blob.etag}"',
            "last-modified": _http_date(blob.modified),
            "cache-control": "private, max-age=0, must-revalidate",
            "content-type": blob.content_type,
            "content-disposition": attachment(link.name),
            "accept-ranges": "bytes",
        }
        given = headers(scope)
        if fields["etag"] in given.get("if-none-match", ""):
            await answer(send, 304, b"", fields)
            return
        first, last = _span(given.get("range", ""), blob.size)
        partial = (first, last) != (0, blob.size - 1)
        if partial:
            fields["content-range"] = f"bytes {first}-{last}/{blob.size}"
        fields["content-length"] = str(last - first + 1)
        await send(
            {
                "type": "http.response.start",
                "status": 206 if partial else 200,
                "headers": [(k.encode(), v.encode("latin-1")) for k, v in fields.items()],
            }
        )
        if scope["method"] == "GET":
            await _pour(path, first, last, send)
        await send({"type": "http.response.body", "body": b""})


def _announced(link: Link, given: dict[str, str]) -> int:
    """The length of an upload that keeps to its link."""
    if given.get("content-type", "") != link.type:
        raise RefusalError(403, "wrong_type", f"This link takes {link.type}.")
    text = given.get("content-length", "")
    if not text.isascii() or not text.isdigit():
        raise RefusalError(411, "length_required", "Content-Length is required.")
    length = int(text[:18])
    if length > link.max:
        raise RefusalError(413, "too_large", f"This link takes at most {link.max} bytes.")
    if link.size is not None and length != link.size:
        raise RefusalError(400, "wrong_size", f"This link takes exactly {link.size} bytes.")
    return length


async def _fill(writer: Writer, receive: Receive, length: int) -> None:
    more = True
    while more:
        try:
            async with asyncio.timeout(_SLOWEST):
                event = await receive()
        except TimeoutError as error:
            raise RefusalError(408, "too_slow", "The upload paused for too long.") from error
        if event["type"] == "http.disconnect":
            raise RefusalError(400, "incomplete", "The upload was cut off.")
        chunk, more = event.get("body", b""), event.get("more_body", False)
        if writer.size + len(chunk) > length:
            raise RefusalError(400, "wrong_size", "The upload is longer than it said.")
        if chunk:
            await asyncio.to_thread(writer.write, chunk)
    if writer.size != length:
        raise RefusalError(400, "incomplete", "The upload is shorter than it said.")


async def _pour(path: Path, first: int, last: int, send: Send) -> None:
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:
        return  # replaced this instant: the short answer tells the client to ask again
    with file:
        file.seek(first)
        left = last - first + 1
        while left > 0:
            chunk = await asyncio.to_thread(file.read, min(CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _span(text: str, size: int) -> tuple[int, int]:
    """First and last byte of a single range; anything else asks for the whole (RFC 9110, 14.2)."""
    match = _RANGE.fullmatch(text)
    if match is None or match[1] == match[2] == "":
        return 0, size - 1
    if match[1] == "":
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
    if first >= size or first > last:
        raise RefusalError(416, "invalid_range", f"The file has {size} bytes.")
    return first, last


def _http_date(ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(ms / 1000, UTC), usegmt=True)
