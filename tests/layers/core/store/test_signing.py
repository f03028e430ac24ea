from __future__ import annotations

import os

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from covey.store import signing
from covey.store.signing import CONTENT_TYPE, TARGET, Credentials, Signer

MOMENT = 1_790_000_000.0


def botocore_signature(region: str, host: str, body: bytes, credentials: Credentials) -> str:
    """What botocore puts into Authorization for the same request at the same moment."""
    request = AWSRequest(
        method="POST",
        url=f"https://{host}/",
        data=body,
        headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"{TARGET}GetItem", "Host": host},
    )
    signer = SigV4Auth(
        BotocoreCredentials(
            credentials.access_key, credentials.secret_key, credentials.token or None
        ),
        "dynamodb",
        region,
    )
    stamp = stamp_of(Signer(region, host).headers("GetItem", body, credentials, MOMENT))
    request.context["timestamp"] = stamp
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    text = signer.string_to_sign(request, canonical)
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return str(request.headers["Authorization"])


def header(lines: str, name: str) -> str:
    return next(line.split(": ", 1)[1] for line in lines.split("\r\n") if line.startswith(name))


def stamp_of(lines: str) -> str:
    return header(lines, "X-Amz-Date")


@pytest.mark.parametrize("token", ["", "a/session+token=="])
@pytest.mark.parametrize("body", [b"{}", b'{"TableName":"t"}', '{"é": "\U0001f426"}'.encode()])
@pytest.mark.parametrize("host", ["dynamodb.eu-north-1.amazonaws.com", "127.0.0.1:8001"])
def test_signatures_are_those_of_botocore(host: str, body: bytes, token: str) -> None:
    credentials = Credentials("AKIAEXAMPLE", "secret/key+", token)
    lines = Signer("eu-north-1", host).headers("GetItem", body, credentials, MOMENT)
    assert header(lines, "Authorization") == botocore_signature(
        "eu-north-1", host, body, credentials
    )


def test_the_kept_key_gives_way_to_another_day_and_another_secret() -> None:
    signer = Signer("us-east-1", "h")
    old, new = Credentials("a", "one"), Credentials("a", "two")
    for credentials, moment in ((old, MOMENT), (new, MOMENT), (new, MOMENT + 90_000)):
        fresh = Signer("us-east-1", "h").headers("Query", b"{}", credentials, moment)
        assert signer.headers("Query", b"{}", credentials, moment) == fresh


def test_keys_of_the_environment_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert signing.credentials_source()() == Credentials("testing", "testing", "token")


def test_without_keys_in_the_environment_botocore_finds_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    profile = f"{tmp_path}/credentials"
    with open(profile, "w") as file:  # noqa: PTH123 - a path as botocore reads it
        file.write("[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", profile)
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert signing.credentials_source()() == Credentials("AKIATEAM", "s", "")
