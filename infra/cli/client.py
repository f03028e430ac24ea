"""A client of a running Covey, for the commands that talk to one over HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_POLL_SECONDS = 0.25
_IDLE_SECONDS = 30.0  # the server may hang up on a connection that is not used for longer
_TIMEOUT = 35.0  # a call ends after 29 s at the latest


class ProblemError(RuntimeError):
    """The server refused, or cannot be reached; the message says what it said."""

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    document: Any


class Client:
    """Calls one server over one kept-alive connection; not for two threads at once."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._link: http.client.HTTPConnection | None = None
        self._used = 0.0

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """The answer of a call, whatever its status; raises ProblemError when there is none."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        status, found, data = self._send(
            method, path, json.dumps(body).encode() if body is not None else None, headers
        )
        try:
            document = json.loads(data) if data else None
        except ValueError:
            document = data.decode("utf-8", "replace")
        return Answer(status, found, document)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The document of an answer that is a success; raises ProblemError for any other."""
        answer = self.ask(method, path, body)
        if answer.status >= 400:
            said = answer.document if isinstance(answer.document, dict) else {}
            detail = said.get("detail") or said.get("title") or f"status {answer.status}"
            raise ProblemError(
                f"{method} {path}: {detail}", status=answer.status, code=said.get("code", "")
            )
        return answer.document

    def load(
        self,
        collection: str,
        content: bytes,
        options: Mapping[str, Any],
        advanced: Callable[[Mapping[str, Any]], None] = lambda _job: None,
        patience: float = 60.0,
    ) -> Mapping[str, Any]:
        """Import a file and wait for its job, telling `advanced` how far it is.

        Raises ProblemError when the job fails, or shows no progress for `patience` seconds.
        """
        started = self.call("POST", f"/records/{collection}/import", dict(options))
        upload, path = started["upload"], f"/jobs/{started['job']['id']}"
        _put(upload["method"], upload["url"], content, upload["headers"])
        seen, moved = -1, time.monotonic()
        while True:
            job: dict[str, Any] = self.call("GET", path)
            advanced(job)
            if job["status"] in ("failed", "cancelled"):
                raise ProblemError(f"The import into {collection} {job['status']}: {job['error']}")
            if job["status"] == "done":
                return job
            if (taken := job["done"] + job["failed"]) != seen:
                seen, moved = taken, time.monotonic()
            elif time.monotonic() - moved > patience:
                raise ProblemError(f"The import into {collection} does not go on.")
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Hang up."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()
        if self._link is None:
            self._link = connection(self.url)
        self._used = time.monotonic()
        prefix = urlsplit(self.url).path
        try:
            self._link.request(method, prefix + path, body, dict(headers))
            response = self._link.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ProblemError(f"{self.url} does not answer: {error}") from error
        return response.status, {k.lower(): v for k, v in response.getheaders()}, data


def connection(url: str) -> http.client.HTTPConnection:
    """A connection to the server of an address; raises ProblemError for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProblemError(f"{url} is not an http or https address")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=_TIMEOUT)


def _put(method: str, url: str, content: bytes, headers: Mapping[str, str]) -> None:
    """Send a file to where its signed link says."""
    link = connection(url)
    try:
        parts = urlsplit(url)
        link.request(method, f"{parts.path}?{parts.query}", content, dict(headers))
        response = link.getresponse()
        said = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ProblemError(f"The upload failed: {error}") from error
    finally:
        link.close()
    if response.status >= 300:
        raise ProblemError(f"The upload was refused: {response.status} {said[:200]!r}")
