"""Outcomes by key: the twin and the table alike."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from covey.records.idempotency import Hold, Outcome, OutcomeStore, Standing
from covey.store.faults import TransactionCancelled
from covey.store.idempotency import DynamoOutcomeStore
from covey.store.transport import transport
from covey.testing.idempotency import MemoryOutcomeStore

NOW = 1_800_000_000
DAY = 86_400
LEASE = NOW + 60
DONE = Outcome(201, {"ETag": '"1"', "Location": "/x"}, '{"title":"Füße \U0001f426"}')


@dataclass
class Kept:
    store: OutcomeStore
    commit: Callable[[Mapping[str, Any]], bool]


@pytest.fixture(params=["engine", "memory"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        memory = MemoryOutcomeStore()
        return Kept(memory, memory.commit)
    table: str = request.getfixturevalue("table")

    def commit(receipt: Mapping[str, Any]) -> bool:
        try:
            transport().call("TransactWriteItems", {"TransactItems": [receipt]})
        except TransactionCancelled:
            return False
        return True

    return Kept(DynamoOutcomeStore(transport(), table), commit)


def hold(fingerprint: str = "f", since: int = NOW, name: str = "n") -> Hold:
    return Hold(name, secrets.token_hex(8), fingerprint, since, since + DAY)


def test_the_first_takes_the_key_and_others_see_that_it_is_held(kept: Kept) -> None:
    assert kept.store.take(hold(), LEASE) is True
    assert kept.store.take(hold(), LEASE) == Standing("f", None)
    assert kept.store.take(hold("other"), LEASE) == Standing("f", None)
    assert kept.store.take(hold(name="another key"), LEASE) is True


@pytest.mark.parametrize("by", ["keep", "receipt"])
def test_an_outcome_is_read_back_as_it_was(kept: Kept, by: str) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    if by == "keep":
        assert kept.store.keep(first, DONE)
    else:
        assert kept.commit(kept.store.receipt(first, DONE))
    assert kept.store.take(hold(since=NOW + DAY - 1), LEASE + DAY) == Standing("f", DONE)
    assert kept.store.take(hold("other"), LEASE) == Standing("f", DONE)


def test_after_a_day_the_key_is_free_for_anything(kept: Kept) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    kept.store.keep(first, DONE)
    assert kept.store.take(hold("other", since=NOW + DAY), LEASE + DAY) is True


def test_a_lapsed_lease_is_taken_over_by_the_same_request_only(kept: Kept) -> None:
    kept.store.take(hold(), LEASE)
    assert kept.store.take(hold("other", since=LEASE), LEASE + 60) == Standing("f", None)
    assert kept.store.take(hold(since=LEASE - 1), LEASE + 59) == Standing("f", None)
    assert kept.store.take(hold(since=LEASE), LEASE + 60) is False


def test_whoever_was_overtaken_keeps_nothing(kept: Kept) -> None:
    slow, second = hold(), hold(since=LEASE)
    kept.store.take(slow, LEASE)
    kept.store.take(second, LEASE + 60)
    assert not kept.commit(kept.store.receipt(slow, DONE))
    assert not kept.store.keep(slow, DONE)
    kept.store.release(slow)
    kept.store.lapse(slow)
    assert kept.store.take(hold(since=LEASE), LEASE + 60) == Standing("f", None)
    assert kept.commit(kept.store.receipt(second, DONE))


def test_an_outcome_is_kept_once(kept: Kept) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    assert kept.store.keep(first, DONE)
    assert not kept.store.keep(first, replace(DONE, status=200))
    kept.store.release(first)
    assert kept.store.take(hold(), LEASE) == Standing("f", DONE)


def test_a_released_key_is_free_for_anything(kept: Kept) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    kept.store.release(first)
    assert kept.store.take(hold("other"), LEASE) is True


def test_a_lapse_lets_the_same_request_in_at_once(kept: Kept) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    kept.store.lapse(first)
    assert kept.store.take(hold("other"), LEASE) == Standing("f", None)
    assert kept.store.take(hold(), LEASE) is False


def test_parts_are_kept_once_and_found_by_who_takes_over(kept: Kept) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    assert kept.commit(kept.store.receipt(first, DONE, "0"))
    assert kept.commit(kept.store.receipt(first, DONE, "12"))
    assert not kept.commit(kept.store.receipt(first, DONE, "0"))
    second = hold(since=LEASE)
    assert kept.store.take(second, LEASE + 60) is False
    assert kept.store.parts(second) == {"0": DONE, "12": DONE}
    assert not kept.commit(kept.store.receipt(second, DONE, "12"))


def test_parts_of_another_day_or_request_are_in_nobodys_way(kept: Kept) -> None:
    first = hold()
    kept.store.take(first, LEASE)
    kept.commit(kept.store.receipt(first, DONE, "0"))
    later, other = hold(since=NOW + DAY), hold("other")
    assert kept.store.parts(later) == {}
    assert kept.store.parts(other) == {}
    assert kept.commit(kept.store.receipt(later, DONE, "0"))
    assert kept.commit(kept.store.receipt(other, DONE, "0"))


def test_one_of_many_takes_the_key(kept: Kept) -> None:
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: kept.store.take(hold(), LEASE), range(32)))
    assert taken.count(True) == 1
    assert taken.count(Standing("f", None)) == 31  # type: ignore[arg-type]


def test_an_answer_that_is_too_long_is_kept_without_its_body(kept: Kept) -> None:
    if isinstance(kept.store, MemoryOutcomeStore):
        pytest.skip("memory holds anything")
    first = hold()
    kept.store.take(first, LEASE)
    assert kept.store.keep(first, Outcome(200, {"ETag": '"2"'}, secrets.token_hex(400_000)))
    assert kept.store.take(hold(), LEASE) == Standing("f", Outcome(200, {"ETag": '"2"'}, None))
