"""/admin/backup and /admin/restore through the functions, from one table to another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from covey.config import settings
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from functions.files.uploaded import handler as uploaded
from functions.jobs.run import handler as run

PASSWORD = "three small ducks swim"


class Invocation:
    aws_request_id = "r1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


HERE = Invocation()


@pytest.fixture
def files(api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("FILES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FILES_BUCKET", "files")
    monkeypatch.setenv("FILES_SECRET", "secret")
    monkeypatch.setenv("WRITE_TIME", "0.1")
    monkeypatch.setenv("CATALOG_TTL", "0.1")
    settings.cache_clear()
    services.cache_clear()
    services().__dict__["job_queue"] = MemoryJobQueue()
    yield api


def work() -> None:
    """Run what is queued."""
    queue = services().job_queue
    assert isinstance(queue, MemoryJobQueue)
    for body in queue.take():
        message = {"messageId": "1", "receiptHandle": "h", "body": json.dumps(body)}
        assert run({"Records": [message]}, HERE) == {"batchItemFailures": []}


def test_a_backup_is_made_and_restored_over_what_was_lost(files: Any) -> None:
    api, root = files, files.token("root", "admin")
    signed_up = {"email": "ada@example.test", "password": PASSWORD}
    assert api("POST", "/auth/sign-up", body=signed_up).status in {200, 201}
    made = api("POST", "/records/posts", body={"title": "A", "slug": "a"}, token=root).json
    started = api("POST", "/admin/backup", token=root)
    assert (started.status, started.headers["Location"]) == (
        202,
        f"/jobs/{started.json['job']['id']}",
    )
    work()
    job = api("GET", started.headers["Location"], token=root).json
    assert (job["status"], job["result"]["records"]["posts"]) == ("done", 1)
    assert job["result"]["file"]["url"]
    data = services().blobs.get(f"backups/{job['id']}")
    assert api("GET", started.headers["Location"], token=api.token("bob")).status == 404

    assert api("DELETE", f"/records/posts/{made['id']}", token=root).status == 204
    refused = api("POST", "/admin/restore", body={}, token=root)
    assert (refused.status, refused.code) == (409, "not_empty")
    options = {"force": True, "sha256": job["result"]["sha256"]}
    begun = api("POST", "/admin/restore", body=options, token=root).json
    key = f"restores/{begun['job']['id']}"
    assert f"/_files/files/{key}?" in begun["upload"]["url"]
    services().blobs.put(key, data, content_type="application/gzip")
    stored = {"bucket": {"name": "files"}, "object": {"key": key, "size": len(data)}}
    uploaded({"Records": [{"s3": stored}]}, HERE)
    work()
    done = api("GET", f"/jobs/{begun['job']['id']}", token=root).json
    assert (done["status"], done["failed"]) == ("done", 0), done
    assert api("GET", f"/records/posts/{made['id']}", token=root).json == made
    assert api("POST", "/records/posts", body={"title": "B", "slug": "a"}, token=root).status == 409
    assert api("POST", "/auth/sign-in", body=signed_up).status == 200


@pytest.mark.parametrize("path", ["/admin/backup", "/admin/restore"])
def test_others_neither_back_up_nor_restore(files: Any, path: str) -> None:
    assert files("POST", path, body={}).status == 401
    assert files("POST", path, body={}, token=files.token("bob")).status == 403


@pytest.mark.parametrize("body", [{"force": 1}, {"sha256": "abc"}, {"other": True}, []])
def test_options_without_sense_are_refused(files: Any, body: Any) -> None:
    answer = files("POST", "/admin/restore", body=body, token=files.token("root", "admin"))
    assert answer.status == 400
