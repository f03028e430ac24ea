"""`covey push` and `covey diff`, where there are records that a change must reach."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from covey.identity.principal import SYSTEM
from covey.jobs.backfill import Backfill, Pace
from covey.jobs.backfills import Backfills
from covey.jobs.runner import Runner
from covey.jobs.service import Jobs
from covey.store.rebuilding import DynamoRebuilder
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from infra.cli.command import main

NOTES = """\
name: notes
fields:
  kind: {type: text}
  slug: {type: text}
"""
INDEXED = NOTES + "indexes:\n  - [kind, -created]\n"
UNIQUE = INDEXED + "unique: [[slug]]\n"


class House:
    """A folder of collections, and whoever runs the jobs."""

    def __init__(self, folder: Path, table: str) -> None:
        self._folder = folder
        self.queue = MemoryJobQueue()
        self._table = table

    def say(self, document: str) -> None:
        (self._folder / "notes.yaml").write_text(document)

    def ask(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--collections", str(self._folder)])

    def create(self, **values: str) -> str:
        return services().records.create(SYSTEM, "notes", values).id

    def have_a_queue(self) -> None:
        services().backfills = Backfills(Jobs(services().job_store, self.queue))

    def run_jobs(self, stop: threading.Event) -> None:
        parts = services()
        rebuilder = DynamoRebuilder(parts.transport, self._table)
        work = Backfill(parts.catalog, parts.record_store, rebuilder, Pace(0, 1_000))
        runner = Runner(parts.job_store, self.queue, {"backfill": work})
        while not stop.wait(0.05):
            for body in self.queue.take():
                runner.run(body["job"], lambda: True)


@pytest.fixture
def house(table: str, tmp_path: Path) -> Iterator[House]:
    services.cache_clear()
    made = House(tmp_path, table)
    made.say(NOTES)
    assert made.ask("push").exit_code == 0
    yield made
    services.cache_clear()


def test_without_a_queue_it_says_what_to_do_and_changes_nothing(house: House) -> None:
    house.create(kind="a", slug="s")
    house.say(INDEXED)
    answer = house.ask("push")
    assert answer.exit_code == 1
    assert "notes: A job must bring this to the records: add index" in answer.output
    assert "JOBS_QUEUE_URL" in answer.output
    assert "would add index notes [kind, -created] (backfills)" in house.ask("diff").output


def test_it_says_that_it_is_building_and_diff_says_so_too(house: House) -> None:
    house.create(kind="a", slug="s")
    house.have_a_queue()
    house.say(INDEXED)
    answer = house.ask("push")
    assert answer.exit_code == 0
    [sent] = house.queue.take()
    line = f"notes: index [kind, -created] is being built (job {sent['job']})"
    assert line in answer.output
    assert "covey push --wait" in answer.output
    assert line in house.ask("diff").output


def test_waiting_ends_when_everything_is_ready(house: House) -> None:
    for number in range(5):
        house.create(kind="a", slug=f"s{number}")
    house.have_a_queue()
    house.say(UNIQUE)
    stop = threading.Event()
    worker = threading.Thread(target=house.run_jobs, args=(stop,))
    worker.start()
    answer = house.ask("push", "--wait")
    stop.set()
    worker.join()
    assert answer.exit_code == 0, answer.output
    assert answer.output.endswith("Everything is ready.\n")
    assert "being built" not in house.ask("diff").output


def test_waiting_tells_what_clashes_and_fails(house: House) -> None:
    ids = [house.create(kind="a", slug="same") for _ in range(2)]
    pairs = [ids, ids[::-1]]
    house.have_a_queue()
    house.say(UNIQUE)
    stop = threading.Event()
    worker = threading.Thread(target=house.run_jobs, args=(stop,))
    worker.start()
    answer = house.ask("push", "--wait")
    stop.set()
    worker.join()
    assert answer.exit_code == 1
    assert "1 record stands against unique [slug] of notes" in answer.output
    # Which of the two claims the value first is the builders' race, and no promise.
    assert any(f"Records {a} and {b} have the same slug." in answer.output for a, b in pairs)
    assert "unique [slug] could not be built" in house.ask("diff").output
