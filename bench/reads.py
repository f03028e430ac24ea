"""Fifty gets, one after the other and all at once: ``python -m bench.reads --write``.

On the data engine of this machine, which answers at once, and with the time that a call takes to
a database a network away added to each. Rounds are interleaved; the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.engine import table
from bench.report import markdown, text
from covey import records
from covey.collections.document import load
from covey.data.asynchronous import AT_ONCE
from covey.wiring import services

PAGE = Path(__file__).parent / "reads.md"
COUNT = 50
AWAY_MS = (0.0, 1.0, 3.0, 10.0)
ITEMS = {"name": "items", "fields": {"text": {"type": "text"}}}


class Away:
    """The transport, each call by some seconds later."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.seconds = 0.0

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if self.seconds:
            time.sleep(self.seconds)
        answer: dict[str, Any] = self._inner.call(operation, request)
        return answer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reads")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    with table():
        rows = measure(asked.rounds)
    print(text(rows))
    if asked.write:
        PAGE.write_text(page(rows, asked.rounds), encoding="utf-8")


def measure(rounds: int) -> list[list[str]]:
    """The table, its head first."""
    away = services().transport = Away(services().transport)
    services().catalog.save(load(ITEMS))
    items = records("items").as_function()
    ids = [items.create({"text": "x" * 800})["id"] for _ in range(COUNT)]

    def serial() -> None:
        for one in ids:
            items.get(one)

    def parallel() -> None:
        async def ask() -> None:
            await asyncio.gather(*(items.aio.get(one) for one in ids))

        asyncio.run(ask())

    rows = [["each call later by", "one by one ms", "at once ms", "times as fast"]]
    for milliseconds in AWAY_MS:
        away.seconds = milliseconds / 1000
        serial(), parallel()
        pairs = [(timed(serial), timed(parallel)) for _ in range(rounds)]
        one, all_of_them = (statistics.median(side) for side in zip(*pairs, strict=True))
        rows.append(
            [
                f"{milliseconds:.0f} ms",
                f"{one:.1f}",
                f"{all_of_them:.1f}",
                f"{one / all_of_them:.1f}",
            ]
        )
    return rows


def timed(work: Callable[[], None]) -> float:
    """Milliseconds that it takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def page(rows: list[list[str]], rounds: int) -> str:
    return f"""# Many reads at once

Written by `python -m bench.reads --write`: {COUNT} gets of records of 0.8 KB by
`records("items").as_function()`, one after the other and awaited together by `aio.get`, which has
{AT_ONCE} threads. The median of {rounds} rounds of both in turns, on the data engine of this
machine. The first column is what is added to each call, as a network would: from a function to
DynamoDB in its region it takes a few milliseconds.

{markdown(rows)}
"""


if __name__ == "__main__":
    main()
