"""Background work through the functions that run it: schedules, uploads, the queue, /jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from covey.collections.document import load
from covey.config import settings
from covey.records.ids import created_of
from covey.records.model import Record
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from functions.files.uploaded import handler as uploaded
from functions.jobs.run import handler as run
from functions.jobs.statistics import handler as statistics
from functions.jobs.sweep import handler as sweep

EXPIRING = {
    "name": "codes",
    "fields": {"until": {"type": "datetime", "expires": True}},
    "rules": {"read": "true", "create": "true"},
}
SLOT = {"time": "2026-01-01T00:00:00Z"}


class Invocation:
    aws_request_id = "r1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


HERE = Invocation()


@pytest.fixture
def root(api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An administrator's token; files lie in a folder, messages in memory."""
    monkeypatch.setenv("FILES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FILES_BUCKET", "files")
    monkeypatch.setenv("FILES_SECRET", "secret")
    settings.cache_clear()
    services.cache_clear()
    services().catalog.save(load(EXPIRING))
    services().__dict__["job_queue"] = MemoryJobQueue()
    yield api.token(_a_user("root@example.test", "admin"), "admin")


def _a_user(email: str, *roles: str) -> str:
    """The id of a new user."""
    users, store = services().catalog.get("users"), services().record_store
    id = store.new_id(users)
    created = created_of(id)
    values = {"email": email, "roles": list(roles)}
    store.create(users, Record(id, created, created, 1, values))
    return id


def _run(job: str, data: bytes) -> None:
    """Upload the file of an import, and run what that queues."""
    services().blobs.put(f"imports/{job}", data, content_type="text/csv")
    stored = {"bucket": {"name": "files"}, "object": {"key": f"imports/{job}", "size": len(data)}}
    uploaded({"Records": [{"s3": stored}]}, HERE)
    queue = services().job_queue
    assert isinstance(queue, MemoryJobQueue)
    message = {"messageId": "1", "receiptHandle": "h", "body": json.dumps(queue.take()[0])}
    assert run({"Records": [message]}, HERE) == {"batchItemFailures": []}


def test_the_sweep_deletes_what_is_due_and_a_slot_delivered_twice_runs_once(
    api: Any, root: str
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    due = api("POST", "/records/codes", body={"until": soon}).json["id"]
    kept = api("POST", "/records/codes", body={"until": later}).json["id"]
    collection = services().catalog.get("codes")
    deadline = time.monotonic() + 10
    while services().record_store.get(collection, due) and time.monotonic() < deadline:
        minute = datetime.now(UTC).isoformat()
        sweep({"time": minute}, HERE)
    assert services().record_store.get(collection, due) is None
    assert services().record_store.get(collection, kept) is not None
    assert sweep(SLOT, HERE) == {
        "deleted": 0,
        "failed": 0,
        "anonymous_deleted": 0,
        "anonymous_failed": 0,
    }
    assert sweep(SLOT, HERE) == {"repeated": True}
    runs = api("GET", "/jobs?system=true", token=root).json["items"]
    assert {one["kind"] for one in runs} == {"sweep"}
    assert sum(one["result"].get("deleted", 0) for one in runs) == 1


def test_statistics_count_every_collection(api: Any, root: str) -> None:
    for number in range(3):
        api("POST", "/records/posts", body={"title": str(number)}, token=api.token("ada"))
    assert statistics(SLOT, HERE)["records"]["posts"] == 3
    (night,) = api("GET", "/admin/statistics", token=root).json["items"]
    assert (night["slot"], night["records"]["posts"]) == ("2026-01-01T00:00:00.000Z", 3)


def test_an_import_goes_from_the_upload_to_the_report(api: Any, root: str) -> None:
    started = api("POST", "/records/posts/import", body={"format": "csv"}, token=root)
    assert started.status == 202
    job = started.json["job"]["id"]
    assert started.headers["Location"] == f"/jobs/{job}"
    assert api("GET", f"/jobs/{job}", token=root).json["status"] == "waiting"
    _run(job, b"title,views\nA,1\nB,many\n")
    done = api("GET", f"/jobs/{job}", token=root).json
    assert (done["status"], done["done"], done["failed"], done["progress"]) == ("done", 1, 1, 1)
    assert [(fault["row"], fault["field"]) for fault in done["report"]] == [(2, "views")]
    assert api("GET", f"/jobs/{job}", token=api.token("ada")).status == 404
    assert api("GET", "/jobs", token=root).json["items"][0]["id"] == job


def test_an_export_goes_from_the_request_to_a_file_with_a_link(api: Any, root: str) -> None:
    ada, ben = api.token(_a_user("ada@example.test")), api.token(_a_user("ben@example.test"))
    for number in range(3):
        api("POST", "/records/posts", body={"title": f"={number}"}, token=ada)
    api("POST", "/records/posts", body={"title": "another's"}, token=ben)
    target = "/records/posts/export?format=csv&fields=title"
    started = api("GET", target, token=ada)
    assert started.status == 202
    job = started.json["job"]["id"]
    assert started.headers["Location"] == f"/jobs/{job}"
    assert api("HEAD", target, token=ada).status == 405
    assert api("GET", target, token=ada).json["job"]["id"] == job
    assert api("GET", target).status == 401
    assert api("GET", "/records/ledger/export", token=ada).status == 404
    queue = services().job_queue
    assert isinstance(queue, MemoryJobQueue)
    message = {"messageId": "1", "receiptHandle": "h", "body": json.dumps(queue.take()[0])}
    assert run({"Records": [message]}, HERE) == {"batchItemFailures": []}
    done = api("GET", f"/jobs/{job}", token=ada).json
    assert (done["status"], done["done"], done["progress"]) == ("done", 3, 1)
    file = done["result"]["file"]
    assert (file["name"], file["content_type"]) == ("posts.csv", "text/csv")
    assert "/_files/files/exports/" in file["url"]
    stored = services().blobs.get(f"exports/{job}").decode()
    assert len(stored) == file["size"]
    header, *lines = stored.split("\r\n")
    assert header == "id,title"
    assert [line.split(",")[1] for line in lines if line] == ["'=2", "'=1", "'=0"]
    assert "url" not in api("GET", "/jobs", token=ada).json["items"][0]["result"]["file"]
    assert api("GET", f"/jobs/{job}", token=ben).status == 404


@pytest.mark.parametrize("how", ["deleted", "disabled"])
def test_an_import_of_a_user_who_is_gone_goes_no_further(api: Any, root: str, how: str) -> None:
    ada = _a_user("ada@example.test")
    started = api("POST", "/records/posts/import", body={}, token=api.token(ada))
    if how == "deleted":
        users = services().catalog.get("users")
        record = services().record_store.get(users, ada, consistent=True)
        assert record is not None
        services().record_store.delete(users, record)
    else:
        assert api("POST", f"/admin/users/{ada}/disable", token=root).status == 204
    job = started.json["job"]["id"]
    _run(job, b"title,views\nA,1\n")
    done = api("GET", f"/jobs/{job}", token=root).json
    assert (done["status"], done["done"]) == ("failed", 0)


def test_an_upload_of_something_else_starts_nothing(api: Any, root: str) -> None:
    for key in ("imports/unknown", "pictures/1"):
        stored = {"bucket": {"name": "files"}, "object": {"key": key, "size": 1}}
        uploaded({"Records": [{"s3": stored}]}, HERE)
    queue = services().job_queue
    assert isinstance(queue, MemoryJobQueue)
    assert queue.take() == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/jobs", 401),
        ("/jobs/unknown", 404),
        ("/jobs/" + "x" * 3000, 404),
        ("/jobs/%F0%9F%90%A6", 404),
    ],
)
def test_guests_see_no_jobs(api: Any, root: str, target: str, status: int) -> None:
    assert api("GET", target).status == status


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "what=1"])
def test_parameters_that_are_not_understood_are_refused(api: Any, root: str, query: str) -> None:
    assert api("GET", f"/jobs?{query}", token=root).status == 400
