"""What listening costs: the table of docs/decisions/0018-subscriptions-by-topic.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from covey.insight import meter
from covey.testing.sockets import MemorySockets
from covey.wiring import services
from functions.realtime.connect import handler as connect
from functions.realtime.fan_out import handler as fan_out
from tests.functions.realtime.test_realtime import created, event


@pytest.fixture
def sockets(api: Any) -> Iterator[MemorySockets]:
    kept = MemorySockets()
    services().__dict__["sockets"] = kept
    yield kept


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Read and write units of some work."""
    before = replace(meter.read())
    work()
    now = meter.read()
    return now.rru - before.rru, now.wru - before.wru


def say(connection: str, **body: Any) -> None:
    answers = list(services().conversation.answers(connection, json.dumps(body)))
    assert answers[-1]["type"] in ("ready", "unsubscribed"), answers


def subscribe(connection: str, name: str, **more: Any) -> None:
    say(connection, type="subscribe", id=name, collection="posts", **more)


def test_listening_costs_what_the_table_says(api: Any, sockets: MemorySockets) -> None:
    ada = api.token("ada")
    headers = {"Authorization": f"Bearer {ada}"}
    for name in ("a", "b"):
        connect(event(name, headers=headers), None)
    by_title = {"filter": 'published && title == "T"'}
    for _ in range(2):  # what is read once: keys, the catalog, who listens
        subscribe("a", "1", **by_title)
    pace = spent(lambda: services().pacing.take("a"))
    reads, writes = spent(lambda: subscribe("a", "2", **by_title))
    assert (reads - pace[0], writes - pace[1]) == (3, 3)
    reads, writes = spent(lambda: subscribe("a", "3", filter='title in ["T", "U"]'))
    assert (reads - pace[0], writes - pace[1]) == (3, 5)
    reads, writes = spent(lambda: say("a", type="unsubscribe", id="2"))
    assert (reads - pace[0], writes - pace[1]) == (1, 3)

    public = created(api, ada, title="T", published=True)
    other = created(api, ada, title="Other", published=True)
    fan_out({"Records": [public]}, None)
    told = spent(lambda: fan_out({"Records": [public]}, None))
    assert told == (5, 1)  # who listens; the heads of two topics; ada and her session
    assert spent(lambda: fan_out({"Records": [other]}, None)) == (3, 1)
    assert spent(lambda: fan_out({"Records": [other] * 50}, None))[0] == 3
