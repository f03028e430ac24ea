"""What a change costs as more and more listen to others: ``python -m bench.topics --write``.

Within one process, over the data engine, frames going nowhere: processor time and read units of the
fan-out, which the load of the machine does not blur. Each change is wanted by five.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import yaml

from bench.engine import table
from bench.report import markdown, text
from covey.collections.document import load
from covey.insight import meter
from covey.realtime.model import Connection, Identity
from covey.records.model import Change, ChangeKind, Record
from covey.testing.sockets import MemorySockets
from covey.wiring import services

PAGE = Path(__file__).parent / "topics.md"
TICKS = Path(__file__).parent / "collections" / "ticks.yaml"
EACH = 5  # subscriptions to a topic, and of a socket
BATCHES, CHANGES = 20, 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.topics")
    parser.add_argument("--sizes", default="50,500,5000", help="subscriptions")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    rows = [["subscriptions", "by their topic, ms", "read units", "as if none had one, ms"]]
    with table():
        services().sockets = MemorySockets()  # type: ignore[misc]
        for size in map(int, asked.sizes.split(",")):
            found, every = (
                measured(f"found{size}", size, ""),
                measured(f"every{size}", size, '+ ""'),
            )
            rows.append([f"{size:,}", f"{found[0]:.2f}", f"{found[1]:.1f}", f"{every[0]:.2f}"])
    print(text(rows))
    if asked.write:
        PAGE.write_text(page(rows), encoding="utf-8")


def measured(name: str, size: int, more: str) -> tuple[float, float]:
    """Milliseconds of processor time and read units per change; `more` hides the value."""
    document = yaml.safe_load(TICKS.read_text(encoding="utf-8"))
    services().catalog.save(load({**document, "name": name, "rules": {"read": "true"}}))
    topics = max(1, size // EACH)
    for number in range(size):
        connection = f"{name}-{number // EACH}"
        if number % EACH == 0:
            end = int(time.time()) + 7200
            services().connections.open(Connection(connection, Identity(), end))
        wish = {"type": "subscribe", "id": str(number), "collection": name}
        wish["filter"] = f'topic {more} == "{number % topics}"'
        subscribe(connection, wish)
    tell(name, topics, 0)
    begun, units = time.process_time(), meter.read().rru
    for batch in range(BATCHES):
        tell(name, topics, batch)
    count = BATCHES * CHANGES
    spent = (time.process_time() - begun) * 1000 / count
    return spent, (meter.read().rru - units) / count


def subscribe(connection: str, wish: dict[str, Any]) -> None:
    found = services().connections.get(connection)
    assert found is not None
    answers = list(services().subscribing.subscribe(found, wish))
    assert answers[-1]["type"] == "ready", json.dumps(answers)


def tell(name: str, topics: int, batch: int) -> None:
    now = int(time.time() * 1000)
    changes = []
    for number in range(CHANGES):
        values = {"topic": str((batch * CHANGES + number) % topics), "text": "x" * 500}
        record = Record(f"{batch}-{number}", now, now, 1, values)
        changes.append(Change(name, record.id, 1, ChangeKind.CREATED, None, record, str(now)))
    services().fan_out.tell(changes)


def page(rows: list[list[str]]) -> str:
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return "\n\n".join(
        [
            "# Topics",
            f"Written by `python -m bench.topics --write`, on {machine}.",
            "Processor time and read units of the fan-out for each change, in batches of ten, "
            "while more and more subscriptions want other records. Five want each change; what it "
            "takes to post their frames is not in it. In the last column the filters say the same "
            "in words from which no topic is taken, so that each change is asked about with all of "
            "them. Where a batch has more changes than there are topics, they share what is read.",
            markdown(rows) + "\n",
        ]
    )


if __name__ == "__main__":
    main()
