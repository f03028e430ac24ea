"""Signature Version 4 for DynamoDB's one kind of request: a POST of JSON to ``/``.

After AWS's page "Create a signed AWS API request"; a test holds it equal to botocore's.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

CONTENT_TYPE = "application/x-amz-json-1.0"
TARGET = "DynamoDB_20120810."


class Credentials(NamedTuple):
    """An access key; `token` is empty for a lasting one."""

    access_key: str
    secret_key: str
    token: str = ""


class Signer:
    """Signs requests to one host of one region.

    The signing key depends on the day and the secret alone and is kept for as long as both
    stand: two HMACs per request instead of six.
    """

    def __init__(self, region: str, host: str) -> None:
        self._region = region
        self._host = host
        self._key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def headers(
        self, operation: str, body: bytes, credentials: Credentials, moment: float | None = None
    ) -> str:
        """The header lines of a request, each ended by CRLF, content length among them."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
        day = stamp[:8]
        token = credentials.token
        signed = "content-type;host;x-amz-date;x-amz-target"
        lines = (
            f"content-type:{CONTENT_TYPE}\nhost:{self._host}\nx-amz-date:{stamp}\n"
            f"x-amz-target:{TARGET}{operation}\n"
        )
        more = ""
        if token:
            signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
            lines = lines.replace(
                "x-amz-target:", f"x-amz-security-token:{token}\nx-amz-target:", 1
            )
            more = f"X-Amz-Security-Token: {token}\r\n"
        canonical = f"POST\n/\n\n{lines}\n{signed}\n{sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/dynamodb/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(
            self._signing_key(day, credentials.secret_key), text.encode(), "sha256"
        ).hex()
        return (
            f"Host: {self._host}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\n"
            f"X-Amz-Date: {stamp}\r\n"
            f"X-Amz-Target: {TARGET}{operation}\r\n{more}"
            f"Authorization: AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}\r\n"
            f"Content-Length: {len(body)}\r\n"
        )

    def _signing_key(self, day: str, secret: str) -> bytes:
        known, key = self._key
        if known != (day, secret):
            key = ("AWS4" + secret).encode()
            for part in (day, self._region, "dynamodb", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = ((day, secret), key)
        return key


def credentials_source() -> Callable[[], Credentials]:
    """Where credentials come from: a callable that is asked before each request.

    Keys in the environment stand for the life of a process and are read at once, as botocore
    would; that saves its import, a tenth of a second of every cold start. Else botocore's
    resolver finds them and renews them in time.
    """
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret and not os.environ.get("AWS_PROFILE"):
        fixed = Credentials(access, secret, os.environ.get("AWS_SESSION_TOKEN", ""))
        return lambda: fixed
    return _resolved_credentials()


def _resolved_credentials() -> Callable[[], Credentials]:
    import botocore.session  # only where it is needed: see above

    found: Any = botocore.session.get_session().get_credentials()
    if found is None:
        raise RuntimeError("no AWS credentials were found")

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    return current
