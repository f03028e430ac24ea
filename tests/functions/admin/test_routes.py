"""/admin: collections, for administrators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.jobs.backfills import Backfills
from covey.jobs.service import Jobs
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services

COLLECTION = {"name": "tags", "fields": {"label": {"type": "text"}}, "rules": {"read": "true"}}
ALL = [
    ("GET", "/admin/collections", {}),
    ("GET", "/admin/collections/posts", {}),
    ("GET", "/admin/collections/nowhere", {}),
    ("PUT", "/admin/collections/tags", {"body": COLLECTION}),
    ("PUT", "/admin/collections/tags", {"body": "{"}),
    ("DELETE", "/admin/collections/posts", {}),
    ("GET", "/admin/collections/posts/versions", {}),
    ("GET", "/admin/statistics", {}),
    ("GET", "/admin/outbox", {}),
    ("GET", "/admin/outbox/x", {}),
]


@pytest.fixture
def root(api: Any) -> str:
    return api.token("root", "admin")


@pytest.mark.parametrize(("method", "target", "options"), ALL)
def test_guests_and_users_are_refused_before_anything_else(
    api: Any, method: str, target: str, options: dict[str, Any]
) -> None:
    guest = api(method, target, **options)
    assert (guest.status, guest.code) == (401, "unauthenticated")
    user = api(method, target, token=api.token("ada", "editor"), **options)
    assert (user.status, user.code) == (403, "administrators_only")
    root = api.token("root", "admin")
    assert api("GET", "/admin/collections/tags", token=root).status == 404


def test_make_read_change(api: Any, root: str) -> None:
    path = "/admin/collections/tags"
    made = api("PUT", path, body=COLLECTION, token=root)
    assert (made.status, made.json["applied"]) == (201, True)
    assert [change["text"] for change in made.json["changes"]] == ["add collection tags"]
    read = api("GET", path, token=root)
    assert read.json == made.json["collection"]
    assert api("POST", "/records/tags", body={"label": "a"}, token=root).status == 201
    wider = {**COLLECTION, "fields": {"label": {"type": "text"}, "hue": {"type": "text"}}}
    etag = read.headers["ETag"]
    changed = api("PUT", path, body=wider, headers={"If-Match": etag}, token=root)
    assert changed.status == 200
    assert changed.headers["ETag"] != etag
    assert api("POST", "/records/tags", body={"hue": "red"}, token=root).status == 201
    stale = api("PUT", path, body=COLLECTION, headers={"If-Match": etag}, token=root)
    assert (stale.status, stale.code) == (412, "precondition_failed")
    names = [one["name"] for one in api("GET", "/admin/collections", token=root).json["items"]]
    assert names == ["ledger", "notes", "posts", "tags", "users"]


def test_the_same_document_again_changes_nothing(api: Any, root: str) -> None:
    document = api("GET", "/admin/collections/posts", token=root)
    again = api("PUT", "/admin/collections/posts", body=document.json, token=root)
    assert (again.status, again.json["changes"]) == (200, [])
    assert again.headers["ETag"] == document.headers["ETag"]


def test_a_dry_run_only_tells(api: Any, root: str) -> None:
    told = api("PUT", "/admin/collections/tags?dry_run=true", body=COLLECTION, token=root)
    assert (told.status, told.json["applied"]) == (200, False)
    assert api("GET", "/admin/collections/tags", token=root).status == 404


def test_losing_data_wants_to_be_confirmed(api: Any, root: str) -> None:
    path, less = "/admin/collections/notes", {"name": "notes", "ids": "custom", "fields": {}}
    refused = api("PUT", path, body=less, token=root)
    assert (refused.status, refused.code) == (409, "destructive_change")
    assert "text" in api("GET", path, token=root).json["fields"]
    assert api("PUT", f"{path}?confirm=true", body=less, token=root).status == 200
    assert api("GET", path, token=root).json["fields"] == {}


class Queue:
    """Where the function sends its jobs, as far as this test sees."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, body: Any, delay_s: int = 0) -> None:
        self.sent.append(body["job"])


@pytest.fixture
def queue() -> Queue:
    parts, queue = services(), Queue()
    parts.backfills = Backfills(Jobs(parts.job_store, queue))
    return queue


def test_an_index_over_records_is_built_by_a_job(api: Any, root: str, queue: Queue) -> None:
    path = "/admin/collections/notes"
    document = {**api("GET", path, token=root).json, "indexes": [["text", "-created"]]}
    api("PUT", "/records/notes/n1", body={"text": "a"})
    pushed = api("PUT", path, body=document, token=root)
    [job] = queue.sent
    [build] = pushed.json["collection"]["builds"]
    assert build == {"part": "index [text, -created]", "state": "building", "job": job}
    read = api("GET", path, token=root)
    assert read.json == pushed.json["collection"]
    assert read.headers["ETag"] == pushed.headers["ETag"]
    assert api("GET", f"/jobs/{job}", token=root).json["kind"] == "backfill"
    again = api("PUT", path, body=read.json, token=root)
    assert (again.status, again.json["changes"], queue.sent) == (200, [], [job, job])


def test_without_a_queue_an_index_is_added_only_while_no_record_would_be_missing_from_it(
    api: Any, root: str
) -> None:
    path = "/admin/collections/notes"
    document = {**api("GET", path, token=root).json, "indexes": [["text", "-created"]]}
    api("PUT", "/records/notes/n1", body={"text": "a"})
    refused = api("PUT", path, body=document, token=root)
    assert (refused.status, refused.code) == (409, "backfill_required")
    api("DELETE", "/records/notes/n1")
    assert api("PUT", path, body=document, token=root).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"fields": {"label": {"type": "txt"}}}, "fields.label.type"),
        ({"fields": {"label": {"type": "relation", "to": "nowhere"}}}, "tags.fields.label.to"),
        ({"fields": {}, "rules": {"read": "labl == 1"}}, "rules.read"),
        ({"fields": {}, "rulez": {}}, "rulez"),
    ],
)
def test_every_fault_is_named_by_its_place(
    api: Any, root: str, body: dict[str, Any], field: str
) -> None:
    answer = api("PUT", "/admin/collections/tags", body=body, token=root)
    assert (answer.status, answer.code) == (422, "invalid_collection")
    assert [fault["field"] for fault in answer.json["errors"]] == [field]


@pytest.mark.parametrize("name", ["Tags", "_tags", "a-b", "a" * 64, "%21catalog"])
def test_names_that_no_collection_can_have(api: Any, root: str, name: str) -> None:
    answer = api("PUT", f"/admin/collections/{name}", body={"fields": {}}, token=root)
    assert (answer.status, answer.code) == (422, "invalid_collection")


def test_the_name_is_that_of_the_path(api: Any, root: str) -> None:
    answer = api("PUT", "/admin/collections/tags", body={**COLLECTION, "name": "x"}, token=root)
    assert answer.code == "invalid_collection"


def test_versions_are_kept_and_a_collection_is_removed(api: Any, root: str) -> None:
    path = "/admin/collections/tags"
    api("PUT", path, body=COLLECTION, token=root)
    api("PUT", path, body={**COLLECTION, "description": "labels"}, token=root)
    items = api("GET", f"{path}/versions", token=root).json["items"]
    assert [one["version"] for one in items] == [2, 1]
    assert items[1]["document"] == {"name": "tags", **items[1]["document"]}
    target = f"{path}/versions?before={items[0]['number']}&limit=1"
    assert api("GET", target, token=root).json["items"] == items[1:]
    for query in ("limit=0", "limit=101", "before=x"):
        assert api("GET", f"{path}/versions?{query}", token=root).code == "invalid_parameter"
    assert api("GET", "/admin/collections/nowhere/versions", token=root).status == 404
    assert api("DELETE", path, token=root).code == "destructive_change"
    services().settings = replace(services().settings, jobs_queue_url="queue")
    services().jobs = Jobs(services().job_store, MemoryJobQueue())
    gone = api("DELETE", f"{path}?confirm=true", token=root)
    assert (gone.status, gone.headers["Location"]) == (202, f"/jobs/{gone.json['job']}")
    assert api("GET", path, token=root).status == 404
    assert api("PUT", path, body=COLLECTION, token=root).code == "collection_ending"
    assert api("GET", f"{path}/versions", token=root).status == 200
