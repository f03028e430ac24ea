"""Where endpoints, deliveries and turns are kept: the table and its twin in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from covey import json
from covey.records.model import ChangeKind
from covey.webhooks.model import (
    Attempt,
    Delivery,
    Endpoint,
    Health,
    Status,
    delivery_id,
    due_of,
)

KINDS = (ChangeKind.CREATED, ChangeKind.DELETED)
ONE = Endpoint("e1", "https://a.example/", ("posts",), KINDS, "sealed", headers={"A": "x"})
AT = 1_700_000_000_000


def delivery(number: int, *, endpoint: str = "e1", due: int = AT, sequence: str = "") -> Delivery:
    return Delivery(
        endpoint=endpoint,
        id=delivery_id(AT + number, endpoint, str(number)),
        type="covey.record.created",
        payload=json.encode({"n": number, "long": "é" * 200}),
        collection="posts",
        record=f"r{number}",
        sequence=sequence or str(number),
        created=AT + number,
        due=due,
    )


class TestEndpoints:
    def test_one_is_read_as_it_was_kept(self, stores: Any) -> None:
        stores.endpoints.add(ONE)
        assert stores.endpoints.get("e1") == ONE
        assert stores.endpoints.all() == [ONE]
        assert stores.endpoints.get("e2") is None

    def test_it_is_saved_by_who_has_seen_the_newest(self, stores: Any) -> None:
        stores.endpoints.add(ONE)
        saved = stores.endpoints.save(ONE, replace(ONE, enabled=False))
        assert saved == replace(ONE, enabled=False, revision=2)
        assert stores.endpoints.save(ONE, replace(ONE, description="late")) is None
        assert stores.endpoints.get("e1") == saved

    def test_what_is_gone_is_not_saved(self, stores: Any) -> None:
        stores.endpoints.add(ONE)
        assert stores.endpoints.remove("e1")
        assert not stores.endpoints.remove("e1")
        assert stores.endpoints.save(ONE, replace(ONE, description="late")) is None
        assert stores.endpoints.all() == []


class TestDeliveries:
    def test_one_is_read_as_it_was_kept_with_its_attempts(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        assert stores.deliveries.get("e1", one.id) == one
        attempt = Attempt(AT, 12, "https://a.example/", 500, "it", {"date": "x"}, "né", "too long")
        after = one.tried(attempt, Status.PENDING, AT + 5_000)
        assert stores.deliveries.settle(one, after, due_of(one))
        assert stores.deliveries.get("e1", one.id) == after
        assert stores.deliveries.get("e2", one.id) is None

    def test_what_comes_twice_is_kept_and_queued_once(self, stores: Any) -> None:
        several = [delivery(number) for number in range(30)]
        assert stores.deliveries.add(several) == 30
        assert stores.deliveries.add(several) == 0
        assert len(stores.deliveries.due("e1", 100)) == 30

    def test_one_that_was_delivered_is_not_queued_again(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        done = one.tried(Attempt(AT, 1, "u", 204), Status.DELIVERED)
        assert stores.deliveries.settle(one, done, due_of(one))
        assert stores.deliveries.add([one]) == 0
        assert stores.deliveries.due("e1", 10) == []
        assert stores.deliveries.get("e1", one.id) == done

    def test_a_pending_one_that_lost_its_place_has_it_again(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        stores.deliveries.drop(due_of(one))
        stores.deliveries.add([one])
        assert stores.deliveries.due("e1", 10) == [due_of(one)]

    def test_the_queue_is_by_time_then_by_sequence_as_a_number(self, stores: Any) -> None:
        several = [
            delivery(1, sequence="1000"),
            delivery(2, sequence="99"),
            delivery(3, due=AT - 1, sequence="5"),
            delivery(4, due=AT + 1, sequence="1"),
        ]
        stores.deliveries.add(several)
        stores.deliveries.add([delivery(9, endpoint="e2")])
        queued = [one.sequence for one in stores.deliveries.due("e1", 10)]
        assert queued == ["5", "99", "1000", "1"]
        assert [one.sequence for one in stores.deliveries.due("e1", 2)] == ["5", "99"]

    def test_a_place_is_claimed_once_until_its_time_is_over(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        (due,) = stores.deliveries.due("e1", 1)
        assert stores.deliveries.claim(due, AT, AT + 60)
        assert not stores.deliveries.claim(due, AT + 59, AT + 120)
        (claimed,) = stores.deliveries.due("e1", 1)
        assert claimed == replace(due, claimed=AT + 60)
        stores.deliveries.add([one])  # the batch comes again: the claim stays
        assert not stores.deliveries.claim(due, AT + 1, AT + 120)
        assert stores.deliveries.claim(claimed, AT + 60, AT + 120)
        stores.deliveries.drop(claimed)
        assert not stores.deliveries.claim(due, AT + 500, AT + 600)

    def test_of_many_who_claim_at_once_one_does(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        with ThreadPoolExecutor(8) as pool:
            won = list(
                pool.map(lambda _: stores.deliveries.claim(due_of(one), AT, AT + 60), range(16))
            )
        assert won.count(True) == 1

    def test_who_comes_late_settles_nothing(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        later = one.tried(Attempt(AT, 1, "u", 500), Status.PENDING, AT + 5)
        assert stores.deliveries.settle(one, later, due_of(one))
        assert not stores.deliveries.settle(one, replace(later, due=AT + 9), due_of(one))
        assert stores.deliveries.get("e1", one.id) == later
        assert stores.deliveries.due("e1", 10) == [due_of(later)]

    def test_asking_again_queues_it_anew_and_old_attempts_do_not_count(self, stores: Any) -> None:
        one = delivery(1)
        stores.deliveries.add([one])
        done = one.tried(Attempt(AT, 1, "u", 204), Status.DELIVERED)
        stores.deliveries.settle(one, done, due_of(one))
        again = done.again(AT + 99)
        assert stores.deliveries.again(done, again)
        assert not stores.deliveries.again(done, again)
        assert stores.deliveries.get("e1", one.id) == again
        assert stores.deliveries.due("e1", 10) == [due_of(again)]

    def test_they_are_listed_both_ways_between_bounds(self, stores: Any) -> None:
        several = [delivery(number) for number in range(12)]
        stores.deliveries.add(several)
        ids = [one.id for one in several]
        newest = stores.deliveries.newest("e1", "", "~", 5)
        assert [one.id for one in newest] == ids[:-6:-1]
        assert [one.id for one in stores.deliveries.newest("e1", "", ids[3], 9)] == ids[2::-1]
        assert [one.id for one in stores.deliveries.newest("e1", ids[2], ids[4], 9)] == ids[3:1:-1]
        assert [one.id for one in stores.deliveries.oldest("e1", ids[3], ids[6], 9)] == ids[4:6]
        assert [one.id for one in stores.deliveries.oldest("e1", "", "~", 2)] == ids[:2]
        assert stores.deliveries.newest("e1", "b", "a", 5) == []
        assert stores.deliveries.newest("e2", "", "~", 5) == []

    def test_one_that_waits_for_nothing_is_kept_without_a_place(self, stores: Any) -> None:
        one = delivery(1).tried(Attempt(AT, 1, "u", 204), Status.DELIVERED)
        stores.deliveries.keep(one)
        assert stores.deliveries.load("e1", [one.id, "none"]) == {one.id: one}
        assert stores.deliveries.due("e1", 5) == []


class TestTurns:
    def test_one_at_a_time(self, stores: Any) -> None:
        mine = stores.turns.take("e1", AT, AT + 60)
        assert mine == Health(lease=AT + 60)
        assert stores.turns.take("e1", AT + 1, AT + 99) is None
        assert stores.turns.take("e2", AT + 1, AT + 99) == Health(lease=AT + 99)

    def test_who_was_asked_meanwhile_does_not_leave_unseen(self, stores: Any) -> None:
        mine = stores.turns.take("e1", AT, AT + 60)
        after = replace(mine, failures=3, since=AT, not_before=AT + 5, pauses=1, wake_at=AT + 9)
        assert stores.turns.take("e1", AT + 1, AT + 99) is None
        assert not stores.turns.pass_on("e1", mine, after)
        seen = stores.turns.read("e1")
        assert (seen.lease, seen.wakes, seen.failures) == (AT + 60, 1, 0)
        assert stores.turns.pass_on("e1", seen, after)
        assert stores.turns.read("e1") == replace(after, lease=0, wakes=1)
        assert stores.turns.take("e1", AT, AT + 60) == replace(after, lease=AT + 60, wakes=1)

    def test_a_turn_that_was_never_given_back_ends(self, stores: Any) -> None:
        mine = stores.turns.take("e1", AT, AT + 60)
        other = stores.turns.take("e1", AT + 60, AT + 120)
        assert other == Health(lease=AT + 120)
        assert not stores.turns.pass_on("e1", mine, mine)
        assert stores.turns.pass_on("e1", other, other)

    def test_healing_forgets_failures_and_is_seen_by_who_has_the_turn(self, stores: Any) -> None:
        mine = stores.turns.take("e1", AT, AT + 60)
        ill = replace(mine, failures=9, since=AT, not_before=AT + 5, pauses=4)
        assert stores.turns.pass_on("e1", mine, ill)
        mine = stores.turns.take("e1", AT, AT + 60)
        stores.turns.heal("e1")
        assert not stores.turns.pass_on("e1", mine, ill)
        assert stores.turns.read("e1") == Health(lease=AT + 60, wakes=1)

    def test_what_is_forgotten_is_as_new(self, stores: Any) -> None:
        stores.turns.take("e1", AT, AT + 60)
        stores.turns.forget("e1")
        assert stores.turns.read("e1") == Health()


def test_ids_are_the_same_for_the_same_and_in_the_order_of_time() -> None:
    assert delivery_id(AT, "e", "x") == delivery_id(AT, "e", "x")
    assert len({delivery_id(AT, "e", str(n)) for n in range(1_000)}) == 1_000
    assert delivery_id(AT, "e", "x") < delivery_id(AT + 1, "e", "x")
    assert delivery_id(AT, "ab", "c") != delivery_id(AT, "a", "bc")


@pytest.mark.parametrize("kept", [14, 15, 16, 40])
def test_of_many_attempts_the_first_and_the_newest_are_kept(kept: int) -> None:
    one = delivery(1)
    for number in range(kept):
        one = one.tried(Attempt(number, 1, "u", 500), Status.PENDING, AT)
    assert one.made == kept
    assert len(one.attempts) == min(kept, 15)
    assert (one.attempts[0].at, one.attempts[-1].at) == (0, kept - 1)
