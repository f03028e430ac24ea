from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from covey.errors import Conflict, CoveyError, TooLarge, Unavailable
from covey.records.model import Record
from covey.store.faults import (
    ConditionFailed,
    Contended,
    Reason,
    RequestRefused,
    ServiceDown,
    ServiceFault,
    Throttled,
    TransactionCancelled,
)
from covey.store.layout import layout_of
from covey.store.records import DynamoRecordStore
from tests.layers.core.store.samples import changed, collection, made


class Failing:
    """A transport whose every call fails in one way."""

    def __init__(self, fault: ServiceFault) -> None:
        self.fault = fault

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        raise self.fault


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Throttled("ThrottlingException"), Unavailable, "unavailable"),
        (ServiceDown("Connection", "refused"), Unavailable, "unavailable"),
        (Contended("TransactionConflictException"), Conflict, "conflict"),
        (
            RequestRefused("ValidationException", "Item size to update"),
            TooLarge,
            "record_too_large",
        ),
        (
            TransactionCancelled("T", reasons=[Reason("ValidationError", None, "Item size has")]),
            TooLarge,
            "record_too_large",
        ),
    ],
)
def test_faults_of_the_service_become_the_domains_errors(
    fault: ServiceFault, error: type[CoveyError], code: str
) -> None:
    store, posts = DynamoRecordStore(Failing(fault), "t"), collection()
    with pytest.raises(error) as raised:
        made(store, posts, title="a")
    assert raised.value.code == code
    assert raised.value.__cause__ is fault
    if error is Unavailable:
        assert raised.value.headers["Retry-After"] == "1"


def test_another_refusal_is_nobodys_but_ours() -> None:
    store = DynamoRecordStore(Failing(RequestRefused("ValidationException", "bad")), "t")
    with pytest.raises(RequestRefused):
        store.get(collection(), store.new_id(collection()))


BEFORE = Record("home", 1, 1, 1, {"title": "a"})
PAGES = collection(ids="custom")

Write = Callable[[DynamoRecordStore], None]


def create(store: DynamoRecordStore) -> None:
    store.create(PAGES, BEFORE)


def update(store: DynamoRecordStore) -> None:
    store.update(PAGES, BEFORE, changed(BEFORE, title="b"))


def delete(store: DynamoRecordStore) -> None:
    store.delete(PAGES, BEFORE)


@pytest.mark.parametrize(
    ("write", "found"),
    [(create, BEFORE), (update, changed(BEFORE, title="b")), (delete, None)],
)
def test_a_repeated_send_that_meets_its_own_work_succeeds(
    write: Write, found: Record | None
) -> None:
    item = None if found is None else layout_of(PAGES).item(found)
    fault = ConditionFailed("ConditionalCheckFailedException", item=item)
    fault.uncertain = True
    write(DynamoRecordStore(Failing(fault), "t"))
    fault.uncertain = False
    with pytest.raises(CoveyError):
        write(DynamoRecordStore(Failing(fault), "t"))


@pytest.mark.parametrize("write", [create, update, delete])
def test_a_repeated_send_that_meets_anothers_work_fails(write: Write) -> None:
    other = layout_of(PAGES).item(changed(BEFORE, title="of another"))
    fault = ConditionFailed("ConditionalCheckFailedException", item=other)
    fault.uncertain = True
    with pytest.raises(Conflict):
        write(DynamoRecordStore(Failing(fault), "t"))


def test_a_repeated_update_that_was_overtaken_is_not_done_again() -> None:
    """It may have been done before the others came: an increment would count twice."""
    ours = changed(BEFORE, title="b")
    fault = ConditionFailed(
        "ConditionalCheckFailedException", item=layout_of(PAGES).item(changed(ours, title="c"))
    )
    fault.uncertain = True
    with pytest.raises(Unavailable):
        update(DynamoRecordStore(Failing(fault), "t"))
    fault.uncertain = False
    with pytest.raises(Conflict):
        update(DynamoRecordStore(Failing(fault), "t"))


def test_a_repeated_transaction_that_is_refused_is_not_done_again() -> None:
    pages = collection(ids="custom", unique=(("title",),))
    reasons = [Reason("ConditionalCheckFailed", layout_of(pages).item(BEFORE)), Reason("None")]
    fault = TransactionCancelled("TransactionCanceledException", reasons=reasons)
    fault.uncertain = True
    with pytest.raises(Unavailable):
        DynamoRecordStore(Failing(fault), "t").create(pages, BEFORE)
    fault.uncertain = False
    with pytest.raises(Conflict):
        DynamoRecordStore(Failing(fault), "t").create(pages, BEFORE)
