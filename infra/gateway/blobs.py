"""``/_files/{bucket}/{key}``: signed uploads and downloads of the directory store.

A link, or the policy of a form, is the whole permission: it says method, object, type, size and
expiry, and nothing else is asked of the caller, so pages of any origin may use one. Answers never
run: every download is in a sandbox, and an attachment unless its link says that it may be shown.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from covey.errors import BadRequest, NotFound
from covey.files.blobs import Blob
from covey.files.directory import CHUNK, Directory, Writer
from covey.files.links import PREFIX, SAFE_HEADERS, Link, LinkError, verified
from covey.files.names import disposition
from covey.files.policies import PolicyError, allowed
from infra.gateway.asgi import Receive, Scope, Send, answer, answer_json, headers
from infra.gateway.forms import MAX_FIELDS, MAX_HEAD, Form, FormError, boundary_of

_CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag, Content-Length, Content-Range, Content-Disposition",
}
_PREFLIGHT = {
    **_CORS,
    "access-control-allow-methods": "GET, HEAD, POST, PUT",
    "access-control-allow-headers": "*",
    "access-control-max-age": "7200",
}
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_SLOWEST = 60.0  # seconds that an upload may pause


class RefusalError(Exception):
    """An answer other than success."""

    def __init__(
        self, status: int, code: str, detail: str, extra: dict[str, str] | None = None
    ) -> None:
        self.status, self.code, self.detail, self.extra = status, code, detail, extra or {}
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
            extra |= refusal.extra
            await answer_json(send, refusal.status, body, extra)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await answer(send, 204, b"", _PREFLIGHT)
            return
        if method not in {"GET", "HEAD", "POST", "PUT"}:
            why = "This path answers GET, HEAD, POST and PUT."
            raise RefusalError(405, "method_not_allowed", why)
        bucket, _, key = scope["path"].removeprefix(PREFIX).partition("/")
        if method == "POST":
            blob = await self._posted(bucket, scope, receive)
            self._stored()
            await answer(send, 204, b"", {**_CORS, "etag": f'"{blob.etag}"'})
            return
        query = scope["query_string"].decode("latin-1")
        try:
            link = verified(self._secret, method, bucket, key, query, now=self._now())
        except LinkError as error:
            raise RefusalError(403, "invalid_link", str(error)) from error
        if method == "PUT" and link.upload:
            tag = await self._part(link, scope, receive)
            await answer(send, 200, b"", {**_CORS, "etag": f'"{tag}"'})
        elif method == "PUT":
            blob = await self._upload(link, scope, receive)
            self._stored()
            await answer(send, 200, b"", {**_CORS, "etag": f'"{blob.etag}"'})
        else:
            await self._download(link, scope, send)

    # ── uploads ────────────────────────────────────────────────────────────────────────────

    async def _upload(self, link: Link, scope: Scope, receive: Receive) -> Blob:
        length = _announced(link, headers(scope))
        writer = await self._writer(link.bucket, link.key, link.type)
        return await _written(writer, _chunks(receive), length)

    async def _posted(self, bucket: str, scope: Scope, receive: Receive) -> Blob:
        """Store the file of a form that keeps to its policy."""
        given = headers(scope)
        length = _length(given)
        try:
            form = Form(_chunks(receive), boundary_of(given.get("content-type", "")))
            fields = await form.fields()
            policy = allowed(self._secret, bucket, fields, now=self._now())
            # The rest of the form is its fields and a few lines: a longer one is not begun.
            if length > policy.size + MAX_FIELDS + 4 * MAX_HEAD:
                raise RefusalError(400, "wrong_size", f"This form takes {policy.size} bytes.")
            writer = await self._writer(policy.bucket, policy.key, policy.type)
            return await _written(writer, form.file(), policy.size)
        except PolicyError as error:
            raise RefusalError(403, "invalid_policy", str(error)) from error
        except FormError as error:
            raise RefusalError(400, "invalid_form", str(error)) from error

    async def _part(self, link: Link, scope: Scope, receive: Receive) -> str:
        """Keep a part of an object in the making; it is as large as its link says."""
        length = _length(headers(scope))
        if length != link.size:
            raise RefusalError(400, "wrong_size", f"This link takes exactly {link.size} bytes.")
        data = bytearray()
        async for chunk in _chunks(receive):
            data += chunk
            if len(data) > length:
                raise RefusalError(400, "wrong_size", "The upload is longer than it said.")
        if len(data) != length:
            raise RefusalError(400, "incomplete", "The upload is shorter than it said.")
        parts = self._directory.parts
        try:
            return await asyncio.to_thread(
                parts.put, link.bucket, link.key, link.upload, link.part, bytes(data)
            )
        except NotFound as error:
            raise RefusalError(404, "not_found", "No such upload.") from error

    async def _writer(self, bucket: str, key: str, content_type: str) -> Writer:
        try:
            return await asyncio.to_thread(self._directory.write, bucket, key, content_type)
        except (BadRequest, NotFound) as error:
            raise RefusalError(error.status, error.code, error.detail) from error

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
            "cache-control": link.cache or "private, max-age=0, must-revalidate",
            "content-type": blob.content_type,
            "content-disposition": disposition(link.name, inline=link.shown == "inline"),
            "accept-ranges": "bytes",
        }
        given = headers(scope)
        if _holds(given.get("if-none-match", ""), fields["etag"]):
            await send(
                {
                    "type": "http.response.start",
                    "status": 304,
                    "headers": [(k.encode(), v.encode("latin-1")) for k, v in fields.items()],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return
        asked = given.get("range", "")
        if given.get("if-range", fields["etag"]) != fields["etag"]:
            asked = ""  # a part of what has changed is of no use (RFC 9110, 13.1.5)
        span = _span(asked, blob.size)
        partial = span is not None
        first, last = span or (0, blob.size - 1)
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
    length = _length(given)
    if length > link.max:
        raise RefusalError(413, "too_large", f"This link takes at most {link.max} bytes.")
    if link.size is not None and length != link.size:
        raise RefusalError(400, "wrong_size", f"This link takes exactly {link.size} bytes.")
    return length


def _length(given: dict[str, str]) -> int:
    text = given.get("content-length", "")
    if not text.isascii() or not text.isdigit():
        raise RefusalError(411, "length_required", "Content-Length is required.")
    return int(text[:18])


async def _written(writer: Writer, chunks: AsyncIterator[bytes], length: int) -> Blob:
    """Store exactly so many bytes, or nothing."""
    try:
        async for chunk in chunks:
            if writer.size + len(chunk) > length:
                raise RefusalError(400, "wrong_size", "The upload is longer than it said.")
            if chunk:
                await asyncio.to_thread(writer.write, chunk)
        if writer.size != length:
            raise RefusalError(400, "incomplete", "The upload is shorter than it said.")
    except BaseException:
        writer.abort()
        raise
    # Shielded: a client that leaves now must not stop a commit half way.
    return await asyncio.shield(asyncio.to_thread(writer.commit))


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes."""
    more = True
    while more:
        try:
            async with asyncio.timeout(_SLOWEST):
                event = await receive()
        except TimeoutError as error:
            raise RefusalError(408, "too_slow", "The upload paused for too long.") from error
        if event["type"] == "http.disconnect":
            raise RefusalError(400, "incomplete", "The upload was cut off.")
        yield event.get("body", b"")
        more = event.get("more_body", False)


def _holds(header: str, etag: str) -> bool:
    """Whether If-None-Match names the tag, weakly (RFC 9110, 13.1.2)."""
    named = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in named or etag in named


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


def _span(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range, None where the whole is answered (RFC 9110, 14.2).

    Several ranges, as from S3, are answered by the whole.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] and match[2] and int(match[1]) > int(match[2]):
        return None  # no range at all, so that it is passed over
    if match[1] == "":
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
    if first > last:
        why = f"The file has {size} bytes."
        raise RefusalError(416, "invalid_range", why, {"content-range": f"bytes */{size}"})
    return first, last


def _http_date(ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(ms / 1000, UTC), usegmt=True)
