"""kill -9 of the front, of workers and of the engine, while eight clients write and a file loads.

Nothing that was acknowledged is lost or done twice, nothing is half there, each change reaches
its trigger, the import ends with each row once, and no process stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import HOUSE, Running, User, extended_house, until
from tests.e2e.writers import everything, go_on, hold_to_account, witnessed, writing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROWS = 2_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    # A worker is killed more often here than a message or a change may fail.
    template, written = extended_house(tmp_path, visibility=10, attempts=100)
    running = Running(tmp_path, template, HOUSE / "collections").start()
    yield running, written
    running.close()


def kill_the_front(running: Running) -> None:
    before = running.family()
    running.crash()
    until(lambda: not [pid for pid in before if pid in running.leftovers()], "without orphans", 10)
    running.start()


def kill_workers(running: Running) -> None:
    workers = running.workers()
    assert len(workers) >= 3, "too few workers for eight writers"
    for pid in workers:
        running.kill(pid)
    until(lambda: set(running.workers()) - set(workers), "with new workers")


def kill_the_zygotes(running: Running) -> None:
    family = running.family()
    parents = {parent for parent in family.values() if parent != running.pid}
    assert parents
    for pid in sorted(parents, reverse=True):
        running.kill(pid)
    until(lambda: set(running.workers()) - set(family), "with new workers")


def kill_the_engine(running: Running) -> None:
    engine = running.engine()
    assert engine
    running.kill(engine)
    until(lambda: running.engine() not in {0, engine}, "with a new engine")


CRASHES = {
    "of the front": [kill_the_front, kill_the_front],
    "of workers and of their parents": [kill_workers, kill_the_zygotes],
    "of the engine": [kill_the_engine, kill_the_engine],
}


@pytest.mark.parametrize("crashes", CRASHES.values(), ids=CRASHES)
def test_a_crash_amid_writers_loses_and_doubles_nothing(
    crashes: list[Callable[[Running], None]], house: tuple[Running, Path]
) -> None:
    running, written = house
    ann = running.sign_up("ann@example.org")
    job = start_import(ann)
    with writing(running.url, ann) as writers:
        go_on(writers, 5)
        until(lambda: done_of(ann, job) > 0, "importing")
        for crash in crashes:
            crash(running)
            go_on(writers, 5)

    versions = hold_to_account(writers, ann)
    hold_import(ann, job)

    def all_told() -> bool:
        told = witnessed(written, "notes.")
        return all(
            set(range(1, version + 1)) <= told.get(record, set())
            for record, version in versions.items()
        )

    until(all_told, "told of every change")
    known = {one.id: one for writer in writers for one in writer.account.records.values()}
    ended = [one.id for one in known.values() if one.gone == "deleted"]
    until(
        lambda: all(0 in witnessed(written, "notes.").get(one, set()) for one in ended),
        "told of every end",
    )
    rows = [one["id"] for one in everything(ann, "rows")]
    until(lambda: set(rows) <= set(witnessed(written, "rows.")), "told of every row")
    assert running.messages("ChangesDeadLetters") == running.messages("ProbeDeadLetters") == []


def start_import(who: User) -> str:
    started = who.http.post("/records/rows/import", json={"format": "jsonl"}).json()
    upload = started["upload"]
    lines = [json.dumps({"number": number, "text": f"row {number}"}) for number in range(ROWS)]
    lines[ROWS // 2] = '{"number": "many"}'
    sent = httpx.request(
        upload["method"], upload["url"], headers=upload["headers"], content="\n".join(lines)
    )
    assert sent.status_code == 200, sent.text
    return str(started["job"]["id"])


def done_of(who: User, job: str) -> int:
    found: int = who.http.get(f"/jobs/{job}").json()["done"]
    return found


def hold_import(who: User, job: str) -> None:
    """The import ends, with a report of its one bad row and each other row exactly once."""
    told = until(
        lambda: (
            (now := who.http.get(f"/jobs/{job}").json())["status"] in {"done", "failed"} and now
        ),
        "through with the import",
        200,
    )
    assert (told["status"], told["done"], told["failed"]) == ("done", ROWS - 1, 1), told
    assert [(one["row"], one["code"]) for one in told["report"]] == [(ROWS // 2 + 1, "wrong_type")]
    numbers = sorted(one["number"] for one in everything(who, "rows"))
    assert numbers == [number for number in range(ROWS) if number != ROWS // 2]
