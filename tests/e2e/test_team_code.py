"""A team's own code in a running house: hooks, made functions, and what was called."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.running import PASSWORD, ROOT, Running, until
from tests.infra.cli.new_function.test_new_function import copy_of_the_house, new

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
HOOKS = """
from covey import records
from covey.hooks import Refused, after, before


@before("posts", "create", "update")
def tidy(write):
    if "spam" in write.values["title"]:
        raise Refused("is not wanted here", field="title", code="spam")
    write.values["title"] = write.values["title"].strip()
    if write.values["title"] == "bug":
        raise RuntimeError("a fault of the team's")


@after("posts", "create", when="title == 'hello'")
def answer(change):
    everything = records("posts").as_function()
    if not everything.list(filter="title == 'seen'", sort="created").items:
        everything.create({"title": "seen", "published": True})


@after("posts", "create", when="title == 'poison'")
def choke(change):
    raise RuntimeError("cannot be swallowed")
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("team")
    copy = copy_of_the_house(folder)
    (copy / "layers").unlink()
    shutil.copytree(ROOT / "layers", copy / "layers", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "layers/team/python/team/hooks.py").write_text(HOOKS)
    new(copy, "greet", "http")
    new(copy, "follow", "change", "--kind", "created", "--when", "published")
    running = Running(folder, template=copy / "template.yaml")
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture(scope="module")
def root(house: Running) -> Any:
    return house.administrator(house.token).http


def command(house: Running, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    data = str(house.folder / "data")
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments, "--data", data],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


def events(house: Running, *arguments: str) -> list[dict[str, Any]]:
    done = command(house, "events", "--json", "-n", "500", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_hooks_change_refuse_and_fail_closed(house: Running, root: Any) -> None:
    made = root.post("/records/posts", json={"title": "  tidy  ", "published": False})
    assert made.json()["title"] == "tidy"
    refused = root.post("/records/posts", json={"title": "spam"})
    assert (refused.status_code, refused.json()["code"]) == (422, "spam")
    assert refused.json()["errors"][0]["field"] == "title"
    failed = root.post("/records/posts", json={"title": "bug"})
    assert (failed.status_code, failed.json()["code"]) == (500, "hooks_failed")
    assert "team's" not in failed.text
    until(lambda: "a fault of the team's" in house.log.read_text(), "the traceback")


def test_after_hooks_follow_and_a_poisonous_change_holds_nobody_up(
    house: Running, root: Any
) -> None:
    root.post("/records/posts", json={"title": "poison"})
    root.post("/records/posts", json={"title": "hello"})

    def seen() -> bool:
        found = root.get("/records/posts", params={"limit": 50}).json()["items"]
        return any(one["title"] == "seen" for one in found)

    until(seen, "the hook's answer", 20)


def test_a_made_function_follows_the_changes_that_it_wants(house: Running, root: Any) -> None:
    hidden = root.post("/records/posts", json={"title": "draft", "published": False}).json()["id"]
    shown = root.post("/records/posts", json={"title": "news", "published": True}).json()["id"]

    def followed() -> list[str]:
        told = events(house, "--function", "follow")
        return [line for entry in told for line in entry["logs"]]

    until(lambda: any(f"{shown} created" in line for line in followed()), "followed", 20)
    assert not any(hidden in line for line in followed())


def test_a_made_function_answers_as_its_caller(house: Running, root: Any) -> None:
    root.post("/records/posts", json={"title": "open", "published": True})
    with house.client() as guest:
        titles = {one["title"] for one in guest.get("/greet").json()["items"]}
        assert "open" in titles
        assert "tidy" not in titles


def test_what_was_called_is_shown_and_sent_again(house: Running, root: Any) -> None:
    root.get("/greet")

    def listed() -> list[dict[str, Any]]:
        return [one for one in events(house, "--function", "greet") if one["label"] == "GET /greet"]

    entry = until(listed, "in the journal")[-1]
    assert entry["status"] == 200
    assert "rru" in entry["cost"]
    assert "Bearer" not in json.dumps(entry["event"])
    for path in (house.folder / "data" / "events").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert PASSWORD not in path.read_text()
    again = command(house, "replay", entry["id"][:13])
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["statusCode"] == 200


def test_a_function_is_invoked_with_an_event_given_or_made_up(house: Running) -> None:
    done = command(house, "invoke", "greet")
    assert json.loads(done.stdout)["statusCode"] == 200
    done = command(house, "invoke", "follow")
    assert json.loads(done.stdout) == {"batchItemFailures": []}
    poison = {"Records": [{"messageId": "m", "body": "{}", "eventSource": "aws:sqs"}]}
    done = command(house, "invoke", "follow", "--event", "-", given=json.dumps(poison))
    assert json.loads(done.stdout)["batchItemFailures"] == [{"itemIdentifier": "m"}]
    failed = command(house, "invoke", "follow", "--event", "-", given='{"Records": 1}')
    assert failed.returncode == 1
    assert command(house, "invoke", "nothing").returncode == 1
    assert stat.S_IMODE((house.folder / "data" / "control").stat().st_mode) == 0o600
