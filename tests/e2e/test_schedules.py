"""kill -9 of the front while a schedule runs: each slot once, each run that was accepted done.

The team's layer here is one of its own, with a task that writes down each attempt.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import HOUSE, ROOT, Running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TASKS = """\
import os
import time

from covey import running, schedule, task


@schedule("every minute", catch_up="all", catch_up_limit=100)
@task("stamp", retries=5)
def stamp(pause=0):
    run = running()
    time.sleep(pause)
    with open({path!r}, "a") as out:
        out.write(run.id + "\\n")
    run.log(f"attempt {{run.attempt}}")
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    root, written = tmp_path / "house", tmp_path / "stamps"
    written.touch()
    team = root / "layers" / "team" / "python" / "team"
    team.mkdir(parents=True)
    (team / "__init__.py").write_text('"""The team of this test."""\n')
    (team / "tasks.py").write_text(TASKS.format(path=str(written)))
    for layer in (ROOT / "layers").iterdir():
        if layer.name != "team":
            (root / "layers" / layer.name).symlink_to(layer)
    (root / "functions").symlink_to(ROOT / "functions")
    (root / "template.yaml").write_text((ROOT / "template.yaml").read_text())
    running = Running(tmp_path, root / "template.yaml", HOUSE / "collections").start()
    yield running, written
    running.close()


def command(running: Running, token: str, *arguments: str) -> str:
    environment = {**os.environ, "COVEY_URL": running.url, "COVEY_TOKEN": token}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_slot_runs_once_and_each_accepted_run_is_done(house: tuple[Running, Path]) -> None:
    running, written = house
    root = running.administrator(running.token)
    body = {"task": "stamp", "every": "1 minute", "overlap": "allow", "catch_up": "all"}
    body |= {"arguments": {"pause": 0.3}}
    assert root.http.put("/jobs/schedules/s", json=body).status_code == 201
    accepted: list[str] = []
    over = threading.Event()

    def ask() -> None:
        with running.client(root.token) as client:
            while not over.is_set():
                try:
                    answer = client.post("/jobs/schedules/s/run")
                except httpx.HTTPError:
                    time.sleep(0.1)
                    continue
                if answer.status_code == 202:
                    accepted.append(answer.json()["job"]["id"])
                time.sleep(0.2)

    asker = threading.Thread(target=ask)
    asker.start()
    for _ in range(2):
        seen = len(accepted)
        until(lambda seen=seen: len(accepted) > seen + 8, "accepted more runs")
        running.crash()
        running.start()
    seen = len(accepted)
    until(lambda: len(accepted) > seen + 3, "accepted runs after the crashes")
    over.set()
    asker.join()

    def runs(name: str) -> list[dict[str, object]]:
        items: list[dict[str, object]] = root.http.get(
            f"/jobs/schedules/{name}/runs?limit=100"
        ).json()["items"]
        return items

    def all_done() -> bool:
        found = {one["id"]: one["status"] for one in runs("s")}
        return all(found.get(one) == "done" for one in accepted)

    until(all_done, "done with every accepted run", 60)
    until(lambda: all(len(slots(runs(name))) >= 1 for name in ("s", "stamp")), "ticked")
    until(lambda: all(one["status"] == "done" for one in runs("s")), "done with the slots")
    for name in ("s", "stamp"):
        found = slots(runs(name))
        assert len(found) == len(set(found))
        first, last = found[0], found[-1]
        assert found == [first + timedelta(minutes=n) for n in range(len(found))], (first, last)
    stamps = Counter(written.read_text().split())
    assert set(accepted) <= set(stamps)
    assert root.http.get("/jobs/dead-letters").json()["items"] == []
    # A run is begun again only where a crash met it: two crashes, some runs in each.
    assert sum(stamps.values()) - len(stamps) <= 16

    assert "every 1 minute" in command(running, root.token, "schedules", "list")
    assert len(command(running, root.token, "schedules", "next", "s").splitlines()) == 5
    told = command(running, root.token, "schedules", "run", "s")
    assert "done" in told
    job = told.split()[1]
    assert "INFO attempt 1" in command(running, root.token, "jobs", "logs", job)
    assert job in command(running, root.token, "jobs", "list", "--schedule", "s")
    assert "There are none." in command(running, root.token, "jobs", "list", "--dead")


def slots(runs: list[dict[str, object]]) -> list[datetime]:
    """The slots of runs by the clock, oldest first."""
    found = [json.loads(json.dumps(one["detail"]))["slot"] for one in runs]
    return sorted(datetime.fromisoformat(slot) for slot in found if slot)
