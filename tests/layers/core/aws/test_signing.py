"""The lean signature is botocore's."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from covey.aws.signing import Signer


@pytest.mark.parametrize("token", [None, "session token/+="])
@pytest.mark.parametrize("connection", ["abc=", "L0SM9cOFvHcCIhw=", "a b/é~-_.", "x"])
@pytest.mark.parametrize(("method", "body"), [("POST", b'{"a":"\xc3\xa9"}'), ("DELETE", b"")])
@pytest.mark.parametrize("port", ["", ":8080"])
def test_requests_are_signed_as_botocore_signs_them(
    token: str | None, connection: str, method: str, body: bytes, port: str
) -> None:
    credentials = Credentials("AKID", "secret", token)
    host = f"abc.execute-api.eu-north-1.amazonaws.com{port}"
    path = f"/realtime/@connections/{quote(connection, safe='')}"
    request = AWSRequest(
        method, f"https://{host}{path}", data=body, headers={"Content-Type": "text/plain"}
    )
    SigV4Auth(credentials, "execute-api", "eu-north-1").add_auth(request)
    stamp = request.context["timestamp"]
    moment = time.mktime(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) - time.timezone
    mine = Signer("eu-north-1", "execute-api").headers(
        method, host, path, body, credentials, content_type="text/plain", moment=moment
    )
    assert mine["Authorization"] == request.headers["Authorization"]
