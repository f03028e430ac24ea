"""`covey.realtime.sockets.Sockets` over API Gateway's management API.

A lean signed client in place of boto3's: one fan-out posts to many connections, and a post
must cost little more than its signature. Connections are kept alive; threads may share one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.session
import urllib3
from botocore.credentials import Credentials

from covey.aws.signing import Signer
from covey.errors import TooLarge, Unavailable
from covey.realtime.sockets import Gone

_ATTEMPTS = 3
_PAUSE = 0.05  # seconds before the second attempt, doubled before the third
_TIMEOUT = urllib3.Timeout(connect=1, read=2)  # two of them are within PATIENCE


class ApiGatewaySockets:
    """Posts to the connections of one WebSocket stage, by its https (locally http) URL."""

    def __init__(
        self,
        url: str,
        *,
        region: str = "",
        credentials: Credentials | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._region = region
        self._credentials = credentials
        self._sleep = sleep
        self._pool = urllib3.PoolManager(maxsize=32, retries=False, timeout=_TIMEOUT)

    @cached_property
    def _session(self) -> Any:
        return botocore.session.get_session()

    @cached_property
    def _signer(self) -> Signer:
        region = self._region or self._session.get_config_variable("region") or "us-east-1"
        return Signer(region, "execute-api")

    @cached_property
    def _keys(self) -> Credentials:
        found = self._credentials or self._session.get_credentials()
        if found is None:
            raise RuntimeError("no AWS credentials were found")
        return found

    def post(self, connection_id: str, data: bytes) -> None:
        """Send one text frame, at most 128 KB; raises Gone, TooLarge or Unavailable."""
        status = self._tried("POST", connection_id, data)
        if status == 410:
            raise Gone(connection_id)
        if status == 413:
            raise TooLarge("A message to a socket has at most 128 KB.")
        if not 200 <= status < 300:
            raise Unavailable(f"The socket's gateway answered {status or 'nothing'}.")

    def close(self, connection_id: str) -> None:
        """End a connection, if it is still there; raises Unavailable."""
        status = self._tried("DELETE", connection_id, b"")
        if not 200 <= status < 300 and status != 410:
            raise Unavailable(f"The socket's gateway answered {status or 'nothing'}.")

    def _tried(self, method: str, connection_id: str, data: bytes) -> int:
        """The status of the last attempt; 0 when there was no answer."""
        # Identifiers end in "=": the path is sent quoted, and signed quoted once more.
        url = f"{self._url}/@connections/{quote(connection_id, safe='')}"
        status = 0
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(_PAUSE * 2 ** (attempt - 1))
            status = self._send(method, url, data)
            if status and status != 429 and status < 500:
                break
            if not status and attempt:  # twice without an answer: others are waiting
                break
        return status

    def _send(self, method: str, url: str, data: bytes) -> int:
        host, path = self._place(url)
        keys = self._keys.get_frozen_credentials()
        headers = self._signer.headers(method, host, path, data, keys, content_type="text/plain")
        try:
            answer = self._pool.request(method, url, body=data, headers=headers)
        except urllib3.exceptions.HTTPError:
            return 0
        return int(answer.status)

    def _place(self, url: str) -> tuple[str, str]:
        parts = urlsplit(url)
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        host = parts.hostname or ""
        return host if parts.port in (None, usual) else f"{host}:{parts.port}", parts.path
