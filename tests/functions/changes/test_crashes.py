"""kill -9 of the function on the stream at each of its calls, while there are writes.

Each time the batch comes again, as after a crash. Then totals are exact, each word finds its
records, each past version is kept, each change has one delivery for each receiver.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from covey.collections.document import load
from covey.config import settings
from covey.identity.principal import SYSTEM
from covey.records.model import ChangeKind
from covey.webhooks.model import Endpoint
from covey.wiring import services
from infra.gateway.stream_source import EngineStreams
from infra.gateway.streams import event_record
from tests.functions.dying import zygote
from tests.layers.core.aggregates.world import counted, recount

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
APPLY = "functions.changes.apply"
WORDS = ["amber", "basalt", "cobalt", "dune"]
SALES = {
    "name": "sales",
    "ids": "custom",
    "fields": {
        "text": {"type": "text"},
        "shop": {"type": "text"},
        "amount": {"type": "integer"},
    },
    "rules": dict.fromkeys(("read", "create", "update", "delete"), "true"),
    "search": ["text"],
    "aggregates": {
        "by_shop": {"group": ["shop"], "count": True, "sum": ["amount"], "max": ["amount"]}
    },
    "history": "90d",
}


class Stream:
    """The table's stream, read on from where it was."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._after = ""
        self.told: list[Any] = []

    def event(self) -> dict[str, Any]:
        """What is new, of records alone, as Lambda would hand it on."""

        async def read() -> list[Any]:
            streams = EngineStreams(self._engine, region="us-east-1", credentials=None)
            stream = await streams.latest(settings().table_name)
            assert stream is not None
            [shard] = await streams.shards(stream)
            found = list((await streams.reader(stream, shard.id, self._after).read()).records)
            streams.close()
            return found

        with ThreadPoolExecutor(1) as aside:  # a browser's tests leave a loop in this thread
            found = aside.submit(asyncio.run, read()).result()
        if found:
            self._after = found[-1]["dynamodb"]["SequenceNumber"]
        mine = [
            event_record(one, "arn:aws:dynamodb:::table/t", "us-east-1")
            for one in found
            if one["dynamodb"]["Keys"]["pk"]["S"].startswith("sales.")
        ]
        self.told += mine
        return {"Records": mine}


def write(dice: random.Random) -> None:
    """A few writes of records that are written often."""
    for _ in range(4):
        record = f"r{dice.randrange(8)}"
        there = services().record_store.get(services().catalog.get("sales"), record)
        if there is not None and dice.random() < 0.3:
            services().records.delete(SYSTEM, "sales", record)
            continue
        values = {
            "text": " ".join(dice.choices(WORDS, k=3)),
            "shop": dice.choice("ab"),
            "amount": dice.randrange(100),
        }
        services().records.replace(SYSTEM, "sales", record, values)


def assert_all(told: list[Any]) -> None:
    collection = services().catalog.get("sales")
    items = services().records.list(SYSTEM, "sales", {"limit": "200"}).items
    ids = [one["id"] for one in items]
    there = services().record_store.get_many(collection, ids, consistent=True)
    totals = services().totals
    assert counted(collection, "by_shop", totals) == recount(collection, "by_shop", there.values())
    for word in WORDS:
        hits = services().finder.search(SYSTEM, "sales", {"q": word, "limit": "200"}).items
        wanted = {one["id"] for one in items if word in one["text"].split()}
        assert {one["id"] for one in hits} == wanted, word
    changes = [one for image in told if (one := services().change_of(image)) is not None]
    versions: Counter[str] = Counter()
    for one in {(c.id, c.before.created, c.before.version) for c in changes if c.before}:
        versions[one[0]] += 1
    for record, number in versions.items():
        kept = services().archive.versions(collection, record, since=0, before=None, limit=1000)
        assert len(kept) == number
    deliveries = services().delivery_store.newest("e1", "", "~", 10_000)
    assert len(deliveries) == len(changes)
    assert len(services().delivery_store.due("e1", 10_000)) == len(changes)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_function_killed_at_any_call_loses_and_doubles_nothing(
    engine: str, api: Any, when: str
) -> None:
    services().catalog.save(load(SALES))
    kinds = tuple(ChangeKind)
    services().webhook_store.add(
        Endpoint("e1", "https://a.example/", ("sales",), kinds, "sealed", created=1)
    )
    dice, stream, killed = random.Random(7), Stream(engine), 0
    stream.event()
    with zygote(APPLY) as processes:
        for call in range(1, 200):
            write(dice)
            event = stream.event()
            end = processes.run(APPLY, event, call, when)
            if end == 0:
                break
            assert end == -signal.SIGKILL
            killed += 1
            assert processes.run(APPLY, event) == 0  # it comes again
            if call % 10 == 0:
                assert processes.run(APPLY, event) == 0  # and once more for good measure
                assert_all(stream.told)
    assert_all(stream.told)
    assert killed > 10, "it should take more calls than that"
    assert not services().dead_letters.newest("aggregates", "", 9)
