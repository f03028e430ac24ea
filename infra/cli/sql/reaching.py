"""A running Covey as an import or export reaches it: exact numbers, patience, a fresh token."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import simplejson

from infra.cli.client import Answer, Client, ProblemError
from infra.cli.sql.faults import SqlFaultError

ATTEMPTS = 12  # their pauses add up to about a minute
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_PASSING = frozenset((429, 500, 502, 503, 504))


class ExactClient(Client):
    """As `Client`, with every number as the decimal that it is."""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """The answer of a call, whatever its status; raises ProblemError when there is none."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = encoded(body)
        status, found, raw = self._send(method, path, data, headers)
        try:
            document = simplejson.loads(raw, use_decimal=True) if raw else None
        except ValueError:
            document = raw.decode("utf-8", "replace")
        return Answer(status, found, document)


def encoded(body: Any) -> bytes:
    """The bytes of a JSON document."""
    text: str = simplejson.dumps(body, use_decimal=True, ensure_ascii=False, allow_nan=False)
    return text.encode()


class Reach:
    """Calls as an administrator, from any thread: each has a connection of its own.

    With `email` and `password` it signs in, and again when the token has ended; else `token` is
    all there is.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        email: str = "",
        password: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._email = email
        self._password = password
        self._pause = pause
        self._lock = threading.Lock()
        self._local = threading.local()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """The answer, asked for again while the server is away, busy, or the token has ended.

        Only for calls that may be done twice. Raises SqlFaultError when that does not end.
        """
        last = ""
        for attempt in range(ATTEMPTS):
            client = self._client()
            try:
                answer = client.ask(method, path, body)
            except ProblemError as error:
                last = str(error)
            else:
                if answer.status == 401:
                    self._renew(client.token)
                    continue
                if answer.status not in _PASSING:
                    return answer
                last = problem(answer.document, answer.status)
            self._pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))
        raise SqlFaultError(f"{self.url} does not do it: {last}")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The document of a success; raises SqlFaultError for any other answer."""
        answer = self.ask(method, path, body)
        if answer.status >= 400:
            said = problem(answer.document, answer.status)
            raise SqlFaultError(f"{method} {path.partition('?')[0]}: {said}")
        return answer.document

    def _client(self) -> ExactClient:
        client: ExactClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = ExactClient(self.url)
        with self._lock:
            if not self._token and self._email:
                self._sign_in()
            client.token = self._token
        return client

    def _renew(self, old: str) -> None:
        with self._lock:
            if self._token != old:
                return  # another thread was faster
            if not self._email:
                raise SqlFaultError(
                    "The token is not taken, or has ended. Run the same command again with another "
                    "(COVEY_TOKEN), or with --email, which signs in anew: it goes on where it was."
                )
            self._sign_in()

    def _sign_in(self) -> None:
        body = {"email": self._email, "password": self._password}
        try:
            self._token = Client(self.url).call("POST", "/auth/sign-in", body)["access_token"]
        except ProblemError as error:
            raise SqlFaultError(str(error)) from error


def problem(document: Any, status: int) -> str:
    """What a problem document says, its first faults included."""
    if not isinstance(document, dict):
        return f"status {status}"
    said = str(document.get("detail") or document.get("title") or f"status {status}")
    faults = [f"{one.get('field')}: {one.get('message')}" for one in document.get("errors") or ()]
    return "; ".join([said, *faults[:5]])
