"""``covey backup s3://…`` and ``covey restore s3://…``, with a bucket of moto's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from covey.backups.checking import checked
from infra.cli.backups import backup, restore
from infra.cli.client import Client, ProblemError
from tests.layers.core.backups.test_blocks import WHOLE

NAME, DIGEST = "covey-2026.backup.gz", checked([WHOLE]).place.digest


class Deployment:
    """What a Covey answers to these commands."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.url = ""

    def job(self) -> dict[str, Any]:
        file = {"name": NAME, "size": len(WHOLE), "url": f"{self.url}/file"}
        result = {"file": file, "sha256": DIGEST}
        counts = {"done": 2, "failed": 0, "progress": 1.0}
        return {"id": "j1", "status": "done", "error": None, "result": result, **counts}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((method, path, json.loads(body) if body else None))
        if path.startswith("/file"):
            return 200, WHOLE
        return 200, json.dumps(self.job() if method == "GET" else self.begun()).encode()

    def begun(self) -> dict[str, Any]:
        return {"job": self.job(), "upload": {}}


def handler(deployment: Deployment) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            status, data = deployment.answer(self.command, self.path, self.rfile.read(size))
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def covey() -> Iterator[Deployment]:
    made = Deployment()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(made)) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@pytest.fixture
def client(covey: Deployment) -> Iterator[Client]:
    made = Client(covey.url)
    yield made
    made.close()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="kept")
        yield s3


@pytest.mark.parametrize(
    ("target", "key"), [("s3://kept", NAME), ("s3://kept/a/night/", f"a/night/{NAME}")]
)
def test_a_backup_is_put_into_a_bucket_and_restored_from_it(
    covey: Deployment, client: Client, bucket: Any, target: str, key: str
) -> None:
    job, where = backup(client, target)
    assert (job["id"], where) == ("j1", f"s3://kept/{key}")
    found = bucket.get_object(Bucket="kept", Key=key)
    assert found["Body"].read() == WHOLE
    assert found["ServerSideEncryption"] == "AES256"
    covey.asked.clear()
    assert restore(client, where, force=True, sha256=DIGEST)["id"] == "j1"
    assert covey.asked[0] == ("POST", "/admin/restore", {"force": True, "sha256": DIGEST})


@pytest.mark.parametrize("cut", [0, 20])
def test_what_is_not_the_backup_is_not_sent(
    covey: Deployment, client: Client, bucket: Any, cut: int
) -> None:
    bucket.put_object(Bucket="kept", Key="b.gz", Body=WHOLE[: len(WHOLE) - cut])
    digest = "0" * 64 if not cut else ""
    with pytest.raises(ProblemError):
        restore(client, "s3://kept/b.gz", force=False, sha256=digest)
    assert covey.asked == []


@pytest.mark.parametrize("source", ["s3://", "s3:///b.gz", "s3://nobody/b.gz", "s3://kept/gone.gz"])
def test_a_bucket_or_file_that_is_not_there_is_told(
    covey: Deployment, client: Client, bucket: Any, source: str
) -> None:
    with pytest.raises(ProblemError):
        restore(client, source, force=False, sha256="")
    assert covey.asked == []


@pytest.mark.parametrize("target", ["s3://", "s3://nobody/night"])
def test_a_bucket_that_is_not_there_takes_no_backup(
    client: Client, bucket: Any, target: str
) -> None:
    with pytest.raises(ProblemError):
        backup(client, target)
