"""Many writers at once, over the data engine: nothing is lost, doubled or told wrongly."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.errors import Conflict, CoveyError, PreconditionFailed, Unavailable
from covey.records.batch import Batches
from covey.records.conditions import Conditions
from covey.records.operations import parse_batch
from covey.records.service import Records
from covey.store.faults import Throttled
from covey.store.records import DynamoRecordStore
from covey.store.transport import LeanTransport, transport
from covey.testing.catalog import MemoryCatalogStore
from tests.layers.core.records.world import ADMIN

ACCOUNTS = {
    "name": "accounts",
    "ids": "custom",
    "fields": {
        "balance": {"type": "integer", "default": 0},
        "owner": {"type": "text"},
    },
    "unique": [["owner"]],
    "indexes": [["-balance"]],
}
SEED, TRANSFERS, HOLDERS = 7, 120, 6


@pytest.fixture
def store(table: str) -> DynamoRecordStore:
    return DynamoRecordStore(transport(), table)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(MemoryCatalogStore([load(ACCOUNTS)]))


@pytest.fixture
def records(store: DynamoRecordStore, catalog: Catalog) -> Records:
    return Records(store, catalog)


def at_once(work: Callable[[int], Any], count: int, threads: int) -> list[Any]:
    """What each call answered or raised."""

    def one(number: int) -> Any:
        try:
            return work(number)
        except CoveyError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(count)))


def test_of_fifty_creates_of_one_unique_value_one_succeeds(records: Records) -> None:
    def create(number: int) -> Any:
        return records.create(ADMIN, "accounts", {"owner": "ann", "balance": number})

    answers = at_once(create, 50, 50)
    lost = [one for one in answers if isinstance(one, CoveyError)]
    assert len(lost) == 49
    assert {type(one) for one in lost} == {Conflict}
    assert {one.code for one in lost} <= {"unique_violation", "conflict"}
    assert sum(one.code == "unique_violation" for one in lost) >= 40
    assert len(records.list(ADMIN, "accounts").items) == 1


def test_five_hundred_increments_are_exact(records: Records) -> None:
    one = records.create(ADMIN, "accounts", {"id": "a"}).id

    def increment(_: int) -> Any:
        while True:  # told to try again, a caller does
            try:
                return records.update(ADMIN, "accounts", one, {"balance": {"$inc": 1}})
            except Conflict as conflict:
                assert conflict.code == "conflict"

    at_once(increment, 500, 20)
    document = records.get(ADMIN, "accounts", one).document
    assert (document["balance"], document["version"]) == (500, 501)


def test_transfers_in_atomic_batches_keep_the_total(
    records: Records, store: DynamoRecordStore, catalog: Catalog
) -> None:
    batches = Batches(records, store, catalog)
    for number in range(HOLDERS):
        records.create(ADMIN, "accounts", {"id": f"h{number}", "balance": 1_000})
    chance = random.Random(SEED)
    plans = [
        (*chance.sample(range(HOLDERS), 2), chance.randrange(1, 100)) for _ in range(TRANSFERS)
    ]
    totals: list[int] = []

    def transfer(number: int) -> Any:
        source, target, amount = plans[number]
        if number % 10 == 0:
            totals.append(_total(batches, records))
        batch = parse_batch(
            {
                "operations": [
                    _change(f"h{source}", -amount),
                    _change(f"h{target}", amount),
                ]
            }
        )
        return batches.atomic(ADMIN, batch.operations, request={})

    answers = at_once(transfer, TRANSFERS, 12)
    refused = [one for one in answers if isinstance(one, CoveyError)]
    assert {(type(one), one.code) for one in refused} <= {(Conflict, "conflict")}
    balances = [1_000] * HOLDERS
    for answer, (source, target, amount) in zip(answers, plans, strict=True):
        if not isinstance(answer, CoveyError):
            balances[source] -= amount
            balances[target] += amount
    kept = [records.get(ADMIN, "accounts", f"h{n}").document["balance"] for n in range(HOLDERS)]
    assert kept == balances
    assert sum(kept) == 1_000 * HOLDERS
    assert len(refused) < TRANSFERS / 4


def _change(holder: str, amount: int) -> dict[str, Any]:
    body = {"balance": {"$inc": amount}}
    return {"method": "update", "collection": "accounts", "id": holder, "body": body}


def _total(batches: Batches, records: Records) -> int:
    return sum(item["balance"] for item in records.list(ADMIN, "accounts").items)


# ---- told apart: overtaken, refused by a condition, throttled


class Throttling:
    """A transport that throttles writes for ever."""

    def __init__(self, inner: LeanTransport | Any) -> None:
        self._inner = inner

    def call(self, operation: str, request: Any) -> Any:
        if operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
            raise Throttled("ProvisionedThroughputExceededException")
        return self._inner.call(operation, request)


def test_conflict_condition_and_throttle_are_told_apart(
    table: str, records: Records, catalog: Catalog
) -> None:
    records.create(ADMIN, "accounts", {"id": "a", "owner": "ann"})
    records.create(ADMIN, "accounts", {"id": "b", "owner": "ben"})
    throttled = Records(DynamoRecordStore(Throttling(transport()), table), catalog)
    stale = Conditions.parse('"7"', None)
    refusals: dict[str, Callable[[], object]] = {
        "409 exists": lambda: records.create(ADMIN, "accounts", {"id": "a"}),
        "409 unique_violation": lambda: records.update(ADMIN, "accounts", "a", {"owner": "ben"}),
        "412 precondition_failed": lambda: records.update(
            ADMIN, "accounts", "a", {"balance": 1}, conditions=stale
        ),
        "503 unavailable": lambda: throttled.update(ADMIN, "accounts", "a", {"balance": 1}),
    }
    told = {}
    for name, work in refusals.items():
        with pytest.raises(CoveyError) as caught:
            work()
        told[f"{caught.value.status} {caught.value.code}"] = name
        assert ("Retry-After" in caught.value.headers) == isinstance(caught.value, Unavailable)
    assert told == {name: name for name in refusals}
    assert isinstance(_raised(refusals["412 precondition_failed"]), PreconditionFailed)


def _raised(work: Callable[[], object]) -> BaseException:
    with pytest.raises(CoveyError) as caught:
        work()
    return caught.value
