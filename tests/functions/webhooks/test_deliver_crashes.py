"""kill -9 of whoever sends, at each of its calls: every delivery arrives, and is known to have."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from covey.config import settings
from covey.records.time import now_ms
from covey.testing.events import queue_event
from covey.testing.receiver import Receiver
from covey.webhooks.model import Delivery, Status, delivery_id
from covey.wiring import services
from tests.functions.dying import zygote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DELIVER = "functions.webhooks.deliver"
LEASE_MS = 61_000


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("WEBHOOK_REACH", "loopback")
    settings.cache_clear()
    with Receiver() as found:
        yield found


def queued(endpoint: str, call: int) -> list[str]:
    """Deliveries of two records, as two changes of each made them; their ids."""
    now = now_ms()
    made = [
        Delivery(
            endpoint=endpoint,
            id=delivery_id(now, endpoint, f"{call}/{number}"),
            type="covey.record.updated",
            payload=f'{{"call": {call}, "number": {number}}}',
            collection="posts",
            record=f"r{number % 2}",
            sequence=f"{call * 10 + number}",
            created=now,
            due=now,
        )
        for number in range(4)
    ]
    services().delivery_store.add(made)
    return [one.id for one in made]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sender_killed_at_any_call_loses_nothing(receiver: Receiver, api: Any, when: str) -> None:
    root = api.token("root", "admin")
    services().__dict__["_webhook_waker"] = type("Quiet", (), {"wake": lambda *_: None})()
    wanted = {"url": f"{receiver.url}/in", "collections": ["posts"]}
    endpoint = api("POST", "/webhooks", body=wanted, token=root).json["id"]
    message, killed, ahead = queue_event({"endpoint": endpoint}), 0, 0
    with zygote(DELIVER) as processes:
        for call in range(1, 100):
            ids = queued(endpoint, call)
            end = processes.run(DELIVER, message, call, when, ahead)
            if end != 0:
                assert end == -signal.SIGKILL
                killed += 1
                ahead += LEASE_MS
                assert processes.run(DELIVER, message, ahead=ahead) == 0
            known = services().delivery_store.load(endpoint, ids)
            assert {one.status for one in known.values()} == {Status.DELIVERED}
            seen = [one.headers["webhook-id"] for one in receiver.received]
            assert {f"msg_{one}" for one in ids} <= set(seen)
            if end == 0:
                break
    assert killed > 8, "it should take more calls than that"
    assert services().delivery_store.due(endpoint, 10) == []
