"""Totals and hits while eight clients write and what keeps them is killed: in the end all agree."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import Running, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SALES = """\
name: sales
ids: custom
fields:
  shop: {type: text}
  amount: {type: integer}
  text: {type: text}
rules: {read: "true", create: "true", update: "true", delete: "true"}
search: [text]
aggregates:
  by_shop: {group: [shop], count: true, sum: [amount], min: [amount], max: [amount]}
"""
ASKED = {
    "group": ["shop"],
    "count": True,
    "sum": ["amount"],
    "min": ["amount"],
    "max": ["amount"],
}
CLIENTS = 8
WORDS = ["amber", "basalt", "cobalt", "dune", "ember"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    collections = tmp_path / "collections"
    collections.mkdir()
    (collections / "sales.yaml").write_text(SALES)
    running = Running(tmp_path, collections=collections).start()
    yield running
    running.close()


def write(running: Running, seed: int, stop: threading.Event) -> None:
    dice = random.Random(seed)
    with running.client() as http:
        while not stop.is_set():
            path = f"/records/sales/r{dice.randrange(40)}"
            try:
                if dice.random() < 0.3:
                    http.delete(path)
                else:
                    body = {
                        "shop": dice.choice("abc"),
                        "amount": dice.randrange(-9, 99),
                        "text": " ".join(dice.sample(WORDS, 2)),
                    }
                    http.put(path, json=body)
            except httpx.TransportError:  # of a worker or a front that was just killed
                stop.wait(0.05)


def recount(http: httpx.Client) -> dict[str, Any]:
    groups: dict[str, list[int]] = {}
    for one in http.get("/records/sales", params={"limit": 200}).json()["items"]:
        groups.setdefault(one["shop"], []).append(one["amount"])
    return {
        shop: (len(found), sum(found), min(found), max(found)) for shop, found in groups.items()
    }


def has_words(http: httpx.Client) -> dict[str, set[str]]:
    items = http.get("/records/sales", params={"limit": 200}).json()["items"]
    return {word: {one["id"] for one in items if word in one["text"]} for word in WORDS}


def hits(http: httpx.Client) -> dict[str, set[str]]:
    return {
        word: {
            one["id"]
            for one in http.get("/records/sales/search", params={"q": word, "limit": 200}).json()[
                "items"
            ]
        }
        for word in WORDS
    }


def counted(http: httpx.Client) -> dict[str, Any]:
    answer = http.post("/records/sales/aggregate", json=ASKED).json()
    assert answer["source"] == "declared"
    return {
        one["group"]["shop"]: (
            one["count"],
            *(one[word]["amount"] for word in ("sum", "min", "max")),
        )
        for one in answer["items"]
    }


def test_totals_are_exact_after_workers_and_front_were_killed(own: Running) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=write, args=(own, n, stop)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            stop.wait(2.0)
            for pid in own.workers():
                own.kill(pid)
        stop.wait(1.0)
        own.crash()
        own.start()
        stop.wait(2.0)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    with own.client() as http:
        expected = recount(http)
        assert expected
        until(lambda: counted(http) == expected, "counted exactly")
        wanted = has_words(http)
        until(lambda: hits(http) == wanted, "found exactly")
    assert own.messages("ChangesApplyDeadLetters") == []
