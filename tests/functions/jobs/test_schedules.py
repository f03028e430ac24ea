"""Schedules and tasks through the functions that run them: the routes, the tick, the queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from covey.config import settings
from covey.testing.events import queue_event
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from functions.jobs.run import handler as run
from functions.jobs.run_task import handler as run_task
from functions.jobs.tick import handler as tick

NOTE = {"task": "note", "every": "1 minute"}


class Invocation:
    aws_request_id = "r1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


HERE = Invocation()


@pytest.fixture
def root(api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An administrator's token; messages in memory; a team with two tasks."""
    from covey.tasks.registry import Registry

    monkeypatch.setenv("FILES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FILES_BUCKET", "files")
    monkeypatch.setenv("FILES_SECRET", "secret")
    settings.cache_clear()
    services.cache_clear()
    registry = Registry()

    @registry.task("note")
    def note(what: Any = None) -> Any:
        return what

    @registry.task("fails", retries=0)
    def fails() -> None:
        raise ValueError("never mind")

    services().__dict__["job_queue"] = MemoryJobQueue()
    services().__dict__["task_registry"] = registry
    yield api.token("root", "admin")


def messages() -> list[dict[str, Any]]:
    queue = services().job_queue
    assert isinstance(queue, MemoryJobQueue)
    return queue.take()


def work() -> int:
    """Run what is queued, each by the function of its queue."""
    done = 0
    while found := messages():
        for body in found:
            handler = run_task if "lane" in body else run
            assert handler(queue_event(body), HERE) == {"batchItemFailures": []}
            done += 1
    return done


def made_earlier(name: str, minutes: int = 2) -> None:
    """Let a schedule be older than it is."""
    from dataclasses import replace

    store = services().schedule_store
    known = store.get(name)
    assert known is not None
    ago = known.since - minutes * 60_000
    assert store.save(known, replace(known, since=ago, looked=ago))


def test_a_schedule_is_made_read_changed_listed_and_removed(api: Any, root: str) -> None:
    target = "/jobs/schedules/nightly"
    body = {"task": "note", "cron": "30 2 * * *", "zone": "Europe/Zurich"}
    made = api("PUT", target, token=root, body=body)
    assert (made.status, made.headers["Location"]) == (201, target)
    assert made.json["name"] == "nightly"
    assert made.json["source"] == "api"
    assert made.json["next"]
    assert api("PUT", target, token=root, body={**body, "retries": 1}).status == 200
    patched = api("PATCH", target, token=root, body={"enabled": False, "retries": None})
    assert (patched.json["enabled"], patched.json["next"]) == (False, None)
    assert "retries" not in patched.json
    assert [one["name"] for one in api("GET", "/jobs/schedules", token=root).json["items"]] == [
        "nightly"
    ]
    assert api("GET", target, token=root).json == patched.json
    assert api("DELETE", target, token=root).status == 204
    assert api("GET", target, token=root).status == 404
    assert api("DELETE", target, token=root).status == 404


def test_the_slots_to_come_are_told_in_its_zone(api: Any, root: str) -> None:
    body = {"task": "note", "cron": "0 9 * * *", "zone": "Asia/Kolkata"}
    api("PUT", "/jobs/schedules/s", token=root, body=body)
    slots = api("GET", "/jobs/schedules/s/next?count=3", token=root).json["items"]
    assert len(slots) == 3
    assert all(one["slot"].endswith("T03:30:00.000Z") for one in slots)
    assert all(one["local"].endswith("T09:00:00+05:30") for one in slots)
    assert api("GET", "/jobs/schedules/s/next?count=0", token=root).code == "invalid_parameter"
    assert api("GET", "/jobs/schedules/s/next?count=101", token=root).status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "task"),
        ({"task": "note"}, "cron"),
        ({"task": "note", "job": "backup", "every": "1 hour"}, "task"),
        ({"task": "note", "cron": "* * * * *", "every": "1 hour"}, "cron"),
        ({"task": "note", "cron": "61 * * * *"}, "cron"),
        ({"task": "note", "cron": "0 0 30 2 *"}, "cron"),
        ({"task": "note", "cron": 5}, "cron"),
        ({"task": "note", "cron": "0 * * * *", "zone": "../etc"}, "zone"),
        ({"task": "note", "cron": "0 * * * *", "zone": ["UTC"]}, "zone"),
        ({"task": "note", "every": "1 hour", "zone": "UTC"}, "zone"),
        ({"task": "note", "every": "now and then"}, "every"),
        ({"task": "nope", "every": "1 hour"}, "task"),
        ({**NOTE, "what": 1}, "what"),
        ({**NOTE, "name": "other"}, ""),
        ({**NOTE, "enabled": "yes"}, "enabled"),
        ({**NOTE, "catch_up": "some"}, "catch_up"),
        ({**NOTE, "catch_up": {}}, "catch_up"),
        ({**NOTE, "catch_up": "all", "overlap": "skip"}, "overlap"),
        ({**NOTE, "catch_up_limit": 101}, "catch_up_limit"),
        ({**NOTE, "retries": True}, "retries"),
        ({**NOTE, "retries": 11}, "retries"),
        ({**NOTE, "timeout": 271}, "timeout"),
        ({**NOTE, "priority": "now"}, "priority"),
        ({**NOTE, "arguments": [1]}, "arguments"),
        ({**NOTE, "arguments": {"x": "y" * 40_000}}, "arguments"),
        ({**NOTE, "description": "x" * 501}, "description"),
        ({"job": "drop", "every": "1 day"}, "job"),
        ({"job": "export", "every": "1 day"}, "arguments.collection"),
        ({"job": "backup", "every": "1 day", "arguments": {"to": "x"}}, "arguments.to"),
        ({"job": "backup", "every": "1 day", "retries": 2}, "retries"),
    ],
)
def test_what_is_no_schedule_is_refused_and_nothing_kept(
    api: Any, root: str, body: dict[str, Any], field: str
) -> None:
    refused = api("PUT", "/jobs/schedules/s", token=root, body=body)
    assert (refused.status, refused.code) == (422, "invalid_schedule")
    if field:
        assert field in [one["field"] for one in refused.json["errors"]]
    assert api("GET", "/jobs/schedules", token=root).json["items"] == []


@pytest.mark.parametrize("name", ["Nightly", "a%20b", "-x", "%00", "x" * 64, "..%2f"])
def test_a_schedule_has_a_name_of_its_kind(api: Any, root: str, name: str) -> None:
    target = f"/jobs/schedules/{name}"
    assert api("PUT", target, token=root, body=NOTE).status in (404, 422)
    assert api("GET", target, token=root).status == 404
    assert api("GET", "/jobs/schedules", token=root).json["items"] == []


ALL = [
    ("GET", "/jobs/schedules"),
    ("GET", "/jobs/schedules/s"),
    ("PUT", "/jobs/schedules/s"),
    ("PATCH", "/jobs/schedules/s"),
    ("DELETE", "/jobs/schedules/s"),
    ("GET", "/jobs/schedules/s/next"),
    ("GET", "/jobs/schedules/s/runs"),
    ("POST", "/jobs/schedules/s/run"),
    ("GET", "/jobs?task=note"),
    ("GET", "/jobs/dead-letters"),
    ("POST", "/jobs/dead-letters/x/redrive"),
    ("DELETE", "/jobs/dead-letters/x"),
]


@pytest.mark.parametrize(("method", "target"), ALL)
def test_schedules_and_dead_letters_are_for_administrators(
    api: Any, root: str, method: str, target: str
) -> None:
    api("PUT", "/jobs/schedules/s", token=root, body=NOTE)
    body = NOTE if method in ("PUT", "PATCH") else None
    assert api(method, target, body=body).status == 401
    assert api(method, target, body=body, token=api.token("ada")).status == 403
    assert api("GET", "/jobs/schedules/s", token=root).status == 200
    assert messages() == []


def test_the_tick_begins_a_slot_once_and_its_run_is_seen(api: Any, root: str) -> None:
    api("PUT", "/jobs/schedules/s", token=root, body={**NOTE, "arguments": {"what": "it"}})
    made_earlier("s", 1)
    event = {"time": datetime.now(UTC).isoformat()}
    assert tick(event, HERE)["begun"] == 1
    assert tick(event, HERE)["begun"] == 0
    assert work() == 1
    (run,) = api("GET", "/jobs/schedules/s/runs", token=root).json["items"]
    assert (run["status"], run["attempt"], run["result"]) == ("done", 1, {"returned": "it"})
    assert run["seconds"] >= 0
    assert run["cost"]["wru"] > 0
    assert "log" not in run
    whole = api("GET", f"/jobs/{run['id']}", token=root)
    assert (whole.status, whole.json["log"]) == (200, [])
    assert api("GET", f"/jobs/{run['id']}", token=api.token("ada")).status == 404
    assert api("GET", "/jobs?system=true", token=root).json["items"] == []


def test_a_schedule_runs_when_asked_to_and_not_beside_itself(api: Any, root: str) -> None:
    api("PUT", "/jobs/schedules/s", token=root, body={**NOTE, "enabled": False})
    started = api("POST", "/jobs/schedules/s/run", token=root)
    assert started.status == 202
    assert started.headers["Location"] == f"/jobs/{started.json['job']['id']}"
    again = api("POST", "/jobs/schedules/s/run", token=root)
    assert (again.status, again.code) == (409, "run_under_way")
    work()
    assert api("POST", "/jobs/schedules/s/run", token=root).status == 202
    assert api("POST", "/jobs/schedules/other/run", token=root).status == 404


def test_a_schedule_makes_a_backup_and_an_export(api: Any, root: str) -> None:
    api("POST", "/records/posts", token=api.token("ada"), body={"title": "one"})
    for name, body in {
        "backup": {"job": "backup", "every": "1 day"},
        "export": {"job": "export", "every": "1 day", "arguments": {"collection": "posts"}},
    }.items():
        assert api("PUT", f"/jobs/schedules/{name}", token=root, body=body).status == 201
        job = api("POST", f"/jobs/schedules/{name}/run", token=root).json["job"]["id"]
        for _ in range(5):
            work()
        done = api("GET", f"/jobs/{job}", token=root).json
        assert (done["status"], done["error"]) == ("done", None)
        assert done["result"]["file"]["url"]


def test_a_run_that_failed_lies_among_the_dead_letters_until_it_is_redriven_or_dropped(
    api: Any, root: str
) -> None:
    job = services().tasks.enqueue("fails", {})
    other = services().tasks.enqueue("fails", {})
    work()
    letters = api("GET", "/jobs/dead-letters", token=root).json["items"]
    assert {one["id"] for one in letters} == {job, other}
    assert letters[0]["error"] == "ValueError: never mind"
    shown = api("GET", f"/jobs/{job}", token=root).json
    assert shown["detail"] == {"task": "fails", "arguments": {}}
    assert shown["log"][0].endswith("ERROR ValueError: never mind")
    assert {one["id"] for one in api("GET", "/jobs?task=fails", token=root).json["items"]} == {
        job,
        other,
    }
    again = api("POST", f"/jobs/dead-letters/{job}/redrive", token=root)
    assert (again.status, again.json["status"]) == (202, "waiting")
    assert api("POST", f"/jobs/dead-letters/{job}/redrive", token=root).code == "job_not_failed"
    work()
    assert api("DELETE", f"/jobs/dead-letters/{job}", token=root).status == 204
    assert api("DELETE", f"/jobs/dead-letters/{other}", token=root).status == 204
    assert api("GET", "/jobs/dead-letters", token=root).json["items"] == []
    assert api("DELETE", "/jobs/dead-letters/unknown", token=root).status == 404


def test_a_job_is_cancelled_by_its_owner_and_not_by_another(api: Any, root: str) -> None:
    ada = api.token("ada")
    job = api("GET", "/records/posts/export", token=ada).json["job"]["id"]
    assert api("POST", f"/jobs/{job}/cancel").status == 404
    assert api("POST", f"/jobs/{job}/cancel", token=api.token("ben")).status == 404
    cancelled = api("POST", f"/jobs/{job}/cancel", token=ada)
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    work()
    assert api("GET", f"/jobs/{job}", token=ada).json["status"] == "cancelled"
    again = api("POST", f"/jobs/{job}/cancel", token=ada)
    assert (again.status, again.code) == (409, "job_finished")
    assert api("POST", "/jobs/unknown/cancel", token=root).status == 404


def test_what_code_declares_is_kept_by_the_tick_and_changed_only_there(api: Any, root: str) -> None:
    registry = services().task_registry

    @registry.schedule("0 9 * * 1-5", zone="Europe/Zurich")
    def send_report() -> None: ...

    tick({}, HERE)
    target = "/jobs/schedules/send-report"
    shown = api("GET", target, token=root).json
    assert (shown["source"], shown["cron"], shown["task"]) == ("code", "0 9 * * 1-5", "send-report")
    assert api("PUT", target, token=root, body=NOTE).code == "declared_in_code"
    assert api("DELETE", target, token=root).code == "declared_in_code"
    assert api("PATCH", target, token=root, body={"cron": "* * * * *"}).code == "declared_in_code"
    assert api("PATCH", target, token=root, body={"enabled": False}).status == 200
    tick({}, HERE)
    assert api("GET", target, token=root).json["enabled"] is False
    registry.fault = "team.tasks cannot be imported"
    registry.schedules.clear()
    tick({}, HERE)
    assert api("GET", target, token=root).status == 200
    registry.fault = ""
    tick({}, HERE)
    assert api("GET", target, token=root).status == 404


def test_a_schedule_that_code_gets_wrong_is_left_and_holds_up_no_other(api: Any, root: str) -> None:
    registry = services().task_registry
    api("PUT", "/jobs/schedules/s", token=root, body=NOTE)
    made_earlier("s", 1)

    @registry.schedule("99 * * * *")
    def wrong() -> None: ...

    @registry.schedule("every 1 hour")
    def right() -> None: ...

    assert tick({}, HERE)["begun"] == 1
    names = [one["name"] for one in api("GET", "/jobs/schedules", token=root).json["items"]]
    assert names == ["right", "s"]
    registry.schedules["right"].document["every"] = "often"
    tick({}, HERE)
    assert api("GET", "/jobs/schedules/right", token=root).json["every"] == "1 hour"


def test_a_schedule_that_cannot_be_any_more_is_shown_and_paused(api: Any, root: str) -> None:
    from dataclasses import replace

    api("PUT", "/jobs/schedules/s", token=root, body=NOTE)
    known = services().schedule_store.get("s")
    assert known is not None
    broken = replace(known, every="", cron="0 0 * * *", zone="Atlantis/City", task="gone")
    services().schedule_store.save(known, broken)
    assert api("GET", "/jobs/schedules", token=root).json["items"][0]["next"] is None
    assert api("GET", "/jobs/schedules/s/next", token=root).json["items"] == []
    assert tick({}, HERE)["begun"] == 0
    paused = api("PATCH", "/jobs/schedules/s", token=root, body={"enabled": False})
    assert (paused.status, paused.json["enabled"]) == (200, False)
    assert api("PATCH", "/jobs/schedules/s", token=root, body={"enabled": "no"}).status == 422


def test_code_queues_a_task_by_one_import(api: Any, root: str) -> None:
    from covey import enqueue
    from covey.errors import Invalid

    job = enqueue("note", what={"a": 1}, delay=timedelta(seconds=30), unique=True, priority="low")
    assert enqueue("note", what={"a": 1}, unique=True) == job
    assert enqueue("note", what={"a": 2}, unique=True) != job
    assert [body["lane"] for body in messages()] == ["low", "normal"]
    with pytest.raises(Invalid):
        enqueue("note", what=object(), unique=True)
    shown = api("GET", f"/jobs/{job}", token=root).json
    assert shown["detail"] == {"task": "note", "arguments": {"what": {"a": 1}}}


def test_a_message_that_is_no_order_is_handed_back(api: Any, root: str) -> None:
    event = queue_event({"job": "unknown"}, {"nothing": 1})
    event["Records"].append({**event["Records"][0], "messageId": "bad", "body": json.dumps([1])})
    failures = run_task(event, HERE)["batchItemFailures"]
    assert {one["itemIdentifier"] for one in failures} == {"message-1", "bad"}
