"""Many deliveries sent again, also by a job that died on its way."""

from __future__ import annotations

from typing import Any

import pytest

from covey.identity.principal import SYSTEM
from covey.jobs.model import Job
from covey.records.model import ChangeKind
from covey.webhooks.model import Attempt, Delivery, Endpoint, Status, delivery_id, due_of
from covey.webhooks.replaying import KIND, Replaying

AT = 1_700_000_000_000
ENDPOINT = Endpoint("e1", "https://a.example/", ("posts",), (ChangeKind.CREATED,), "sealed")
JOB = Job(
    "j1", KIND, "", detail={"webhook": "e1", "status": "failed", "since": 0, "until": AT + 99}
)


class One:
    """The one endpoint that there is."""

    def get(self, who: Any, endpoint: str) -> Endpoint:
        return ENDPOINT


def failed(store: Any, number: int) -> Delivery:
    made = Delivery(
        endpoint="e1",
        id=delivery_id(AT + number, "e1", str(number)),
        type="covey.record.created",
        payload="{}",
        collection="posts",
        record=f"r{number}",
        sequence=str(number),
        created=AT + number,
        due=AT,
    )
    after = made.tried(Attempt(AT, 1, "u", 500), Status.FAILED)
    store.add([made])
    assert store.settle(made, after, due_of(made))
    return after


def replay(store: Any) -> None:
    work: Any = Replaying(
        One(),  # type: ignore[arg-type]
        store,
        lambda scope: SYSTEM,
        lambda endpoint: None,
        now=lambda: AT + 500,
    )
    work(JOB, lambda job: job, lambda: True)


def test_one_that_was_asked_for_by_who_then_died_is_queued(
    stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = failed(stores.deliveries, 1), failed(stores.deliveries, 2)

    def dies(delivery: Delivery) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stores.deliveries, "requeue", dies)
        with pytest.raises(KeyboardInterrupt):
            replay(stores.deliveries)
    assert stores.deliveries.due("e1", 9) == []
    replay(stores.deliveries)
    again = [due_of(known.again(AT + 500)) for known in (one, two)]
    assert stores.deliveries.due("e1", 9) == again
    replay(stores.deliveries)
    assert stores.deliveries.due("e1", 9) == again
