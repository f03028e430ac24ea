"""What cannot be taken lands in its dead letters, and its neighbours go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import Running, User, until
from tests.e2e.writers import witnessed

pytestmark = pytest.mark.timeout(180)


def letters(covey: Running, queue: str) -> list[dict[str, Any]]:
    return [json.loads(one["body"]) for one in covey.messages(queue)]


def write(who: User, key: str) -> str:
    answer = who.http.post("/records/notes", json={"key": key})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_poison_change_is_put_aside_and_its_neighbours_are_told(covey: Running, ann: User):
    listening = {"type": "subscribe", "id": "1", "collection": "notes"}
    with ann.socket(covey.socket_url) as listener:
        assert listener.ask(listening)["type"] == "ready"
        keys = [*(f"before {n}" for n in range(5)), "poison", *(f"after {n}" for n in range(5))]
        made = {key: write(ann, key) for key in keys}
        # The other function on the stream is not held up, and knows no poison.
        assert [listener.hear(60)["record"]["key"] for _ in keys] == keys

    neighbours = {one for key, one in made.items() if key != "poison"}
    until(lambda: neighbours <= set(witnessed(witness(covey), "notes.")), "told of the neighbours")
    found = until(lambda: letters(covey, "ProbeDeadLetters"), "put aside")
    assert made["poison"] not in witnessed(witness(covey), "notes.")
    assert [one["requestContext"]["condition"] for one in found] == ["RetryAttemptsExhausted"]
    assert found[0]["DDBStreamBatchInfo"]["batchSize"] == 1
    assert found[0]["responseContext"]["functionError"] == "Unhandled"


def test_a_change_that_the_fan_out_cannot_read_is_put_aside(covey: Running, ann: User):
    broken = {
        "pk": {"S": "notes.99"},
        "sk": {"S": "broken"},
        "u": {"N": "1"},
        "v": {"S": "not a number"},
    }
    listening = {"type": "subscribe", "id": "1", "collection": "notes"}
    with ann.socket(covey.socket_url) as listener:
        assert listener.ask(listening)["type"] == "ready"
        write(ann, "ahead of what is broken")
        with covey.client() as door:
            put = door.post("/probe", json={"item": broken})
            assert put.status_code == 204, put.text
        write(ann, "behind what is broken")
        heard = [listener.hear(60)["record"]["key"] for _ in range(2)]
    assert heard == ["ahead of what is broken", "behind what is broken"]
    (letter,) = until(lambda: letters(covey, "ChangesDeadLetters"), "put aside")
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_change_that_nobody_can_read_is_kept_with_its_reason(
    covey: Running, administrator: User, ann: User
):
    letters = "/admin/pipeline/dead-letters"
    broken = {
        "pk": {"S": "notes.98"},
        "sk": {"S": "unreadable"},
        "u": {"N": "1"},
        "v": {"S": "not a number"},
    }
    with covey.client() as door:
        assert door.post("/probe", json={"item": broken}).status_code == 204
    root = administrator.http

    def kept() -> dict[str, Any] | None:
        found = root.get(letters, params={"consumer": "reading"}).json()["items"]
        return next((one for one in found if one["record"] == "unreadable"), None)

    letter = until(kept, "kept")
    assert letter["collection"] == "notes"
    read = root.get(f"{letters}/{letter['id']}").json()
    assert read["image"]["dynamodb"]["NewImage"]["v"] == {"S": "not a number"}

    # Through the queue, by the function that may touch what consumers need; it fails again.
    assert root.post(f"{letters}/{letter['id']}/redrive").status_code == 202
    until(lambda: (now := kept()) and now["attempts"] > 0, "tried again")
    assert root.delete(f"{letters}/{letter['id']}").status_code == 204
    assert kept() is None

    write(ann, "behind what nobody can read")

    def applied() -> bool:
        states = root.get("/admin/pipeline").json()["consumers"]
        return any(one["changes"] and one["newest"] for one in states)

    until(applied, "going on")
    assert covey.messages("ChangesApplyDeadLetters") == []


def test_a_poison_message_is_put_aside_and_jobs_go_on(covey: Running, ann: User):
    poison = ["not JSON", "[]", '{"work": "unknown"}', '{"job": null}'][:3]
    with covey.client() as door:
        for body in poison:
            assert door.post("/probe", json={"message": body}).status_code == 204
    started = ann.http.post("/records/rows/import", json={"format": "jsonl"}).json()
    upload = started["upload"]
    rows = "\n".join(json.dumps({"number": n, "text": "beside poison"}) for n in range(20))
    httpx.request(upload["method"], upload["url"], headers=upload["headers"], content=rows)
    path = f"/jobs/{started['job']['id']}"

    done = until(lambda: (now := ann.http.get(path).json())["status"] == "done" and now, "done")
    assert (done["done"], done["failed"]) == (20, 0)
    until(lambda: len(covey.messages("JobsDeadLetters")) == len(poison), "put aside")
    found = covey.messages("JobsDeadLetters")
    assert sorted(one["body"] for one in found) == sorted(poison)
    assert all(one["source"].rpartition(":")[2].count("JobsQueue") for one in found)


def witness(covey: Running) -> Path:
    return covey.folder / "probe.jsonl"
