from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from covey.errors import Conflict, CoveyError, Invalid, NotFound
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.store.layout import layout_of
from covey.store.transport import transport
from tests.layers.core.store.samples import changed, collection, made

VALUES: dict[str, Any] = {
    "title": "Füße \0 and \U0001f426",
    "author": None,
    "published": True,
    "views": Decimal("1234567890123456789012345678.0123456789"),
    "due": "2026-01-31T09:30:00.000Z",
    "extra": {"B": {"B": "AA=="}, "n": [1, (1.5).as_integer_ratio()[0], None, {"": ""}], "e": []},
}


def test_what_is_created_is_read_back_equal(store: RecordStore) -> None:
    posts = collection("author, -created", "-views")
    record = made(store, posts, **VALUES)
    assert store.get(posts, record.id) == record
    assert store.get(posts, record.id, consistent=True) == record


def test_a_record_with_an_expiry_keeps_it_until_it_is_taken_away(store: RecordStore) -> None:
    posts = collection()
    record = made(store, posts, title="a", expires=2_000_000_000)
    assert store.get(posts, record.id) == record
    later = Record(record.id, record.created, record.updated, 2, record.values, None)
    store.update(posts, record, later)
    assert store.get(posts, record.id) == later
    assert store.expired(3_000_000_000, 10) == []


def test_ids_rise_and_tell_their_time(store: RecordStore) -> None:
    posts = collection()
    ids = [store.new_id(posts) for _ in range(2_000)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("wanted", ["", "x", "0" * 19, "z" * 20, "A" * 20, "../posts", "é" * 20])
def test_an_id_of_another_shape_is_no_record(store: RecordStore, wanted: str) -> None:
    posts = collection()
    assert store.get(posts, wanted) is None
    assert store.get_many(posts, [wanted]) == {}
    with pytest.raises(NotFound):
        store.create(posts, Record(wanted, 0, 0, 1))


@pytest.mark.parametrize("wanted", ["", "x" * 257, "a\nb", "\ud800"])
def test_a_custom_id_is_short_printable_text(store: RecordStore, wanted: str) -> None:
    airports = collection(ids="custom")
    assert store.get(airports, wanted) is None
    with pytest.raises(NotFound):
        store.create(airports, Record(wanted, 0, 0, 1))


def test_many_are_read_at_once_and_duplicates_once(store: RecordStore) -> None:
    posts = collection(schedule=((0, 3),))
    records = [made(store, posts, title=str(number)) for number in range(150)]
    wanted = [record.id for record in records]
    found = store.get_many(posts, [*wanted, wanted[0], store.new_id(posts), "nonsense"])
    assert found == {record.id: record for record in records}


def test_an_id_that_exists_is_not_created_again(store: RecordStore) -> None:
    for posts in (collection(), collection(unique=(("title",),))):
        record = made(store, posts, title="a")
        with pytest.raises(Conflict) as refused:
            store.create(posts, record)
        assert refused.value.code == "exists"
        store.delete(posts, record)


def test_a_custom_id_is_kept_and_may_hold_anything_printable(store: RecordStore) -> None:
    airports = collection(ids="custom")
    record = made(store, airports, "JFK/é.=1", created=5_000, title="Kennedy")
    assert store.get(airports, "JFK/é.=1") == record


def test_update_changes_adds_and_removes_fields(store: RecordStore) -> None:
    posts = collection("author, -views")
    before = made(store, posts, title="a", author="ann", extra={"a": 1})
    after = Record(before.id, before.created, 9, 2, {"title": "a", "views": 3, "author": "bob"})
    store.update(posts, before, after)
    assert store.get(posts, before.id) == after


def test_update_of_an_older_version_is_refused(store: RecordStore) -> None:
    for posts in (collection(), collection(unique=(("title",),))):
        before = made(store, posts, title="a")
        store.update(posts, before, changed(before, title="b"))
        with pytest.raises(Conflict) as refused:
            store.update(posts, before, changed(before, title="c"))
        assert refused.value.code == "conflict"
        with pytest.raises(Conflict):
            store.delete(posts, before)
        current = store.get(posts, before.id, consistent=True)
        assert current is not None
        assert current.values["title"] == "b"
        store.delete(posts, current)


def test_what_is_gone_is_neither_updated_nor_deleted(store: RecordStore) -> None:
    for posts in (collection(), collection(unique=(("title",),))):
        before = made(store, posts, title="a")
        store.delete(posts, before)
        assert store.get(posts, before.id, consistent=True) is None
        with pytest.raises(NotFound):
            store.update(posts, before, changed(before, title="b"))
        with pytest.raises(NotFound):
            store.delete(posts, before)


class TestUnique:
    def test_a_taken_value_is_refused_and_says_which_fields(self, store: RecordStore) -> None:
        posts = collection(unique=(("title",), ("author", "views")))
        made(store, posts, title="a", author="ann", views=1)
        with pytest.raises(Conflict) as refused:
            made(store, posts, title="b", author="ann", views=Decimal("1.0"))
        assert refused.value.code == "unique_violation"
        assert [error.field for error in refused.value.errors] == ["author", "views"]
        assert store.find_unique(posts, ("title",), ("b",)) is None

    def test_missing_values_claim_nothing(self, store: RecordStore) -> None:
        posts = collection(unique=(("title", "author"),))
        made(store, posts, title="a")
        made(store, posts, title="a", author=None)
        assert store.find_unique(posts, ("title", "author"), ("a", None)) is None

    def test_values_are_freed_by_update_and_delete(self, store: RecordStore) -> None:
        posts = collection(unique=(("title",),))
        first = made(store, posts, title="a")
        second = changed(first, title="b")
        store.update(posts, first, second)
        other = made(store, posts, title="a")
        assert store.find_unique(posts, ("title",), ("a",)) == other.id
        assert store.find_unique(posts, ("title",), ("b",)) == first.id
        with pytest.raises(Conflict):
            store.update(posts, second, changed(second, title="a"))
        store.delete(posts, second)
        assert store.find_unique(posts, ("title",), ("b",)) is None
        made(store, posts, title="b")

    def test_a_failed_change_moves_no_claim(self, store: RecordStore) -> None:
        posts = collection(unique=(("title",), ("author",)))
        made(store, posts, title="a", author="ann")
        mine = made(store, posts, title="b", author="bob")
        with pytest.raises(Conflict):
            store.update(posts, mine, changed(mine, title="c", author="ann"))
        assert store.find_unique(posts, ("title",), ("b",)) == mine.id
        assert store.find_unique(posts, ("title",), ("c",)) is None

    def test_the_same_value_in_another_collection_is_free(self, store: RecordStore) -> None:
        for name in ("posts", "pages"):
            made(store, collection(name=name, unique=(("title",),)), title="a")

    def test_a_text_and_a_number_that_look_alike_differ(self, store: RecordStore) -> None:
        posts = collection(unique=(("extra",),))
        made(store, posts, extra="1")
        made(store, posts, extra=1)
        made(store, posts, extra=True)

    def test_of_many_at_once_one_wins(self, store: RecordStore) -> None:
        posts = collection("author, -created", unique=(("title",),))

        def attempt(number: int) -> str:
            try:
                return made(store, posts, title="one", author=str(number)).id
            except Conflict as error:
                return error.code

        with ThreadPoolExecutor(50) as pool:
            outcomes = list(pool.map(attempt, range(50)))
        winners = [outcome for outcome in outcomes if len(outcome) == 20]
        assert len(winners) == 1
        assert set(outcomes) - set(winners) == {"unique_violation"}
        assert store.find_unique(posts, ("title",), ("one",)) == winners[0]


def test_of_many_updates_of_one_version_one_wins(store: RecordStore) -> None:
    posts = collection("author, -created")
    before = made(store, posts, views=0)
    start = threading.Barrier(20)

    def attempt(number: int) -> bool:
        start.wait()
        try:
            store.update(posts, before, changed(before, views=number))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == 1


class TestExpiry:
    def test_what_is_due_is_found_and_no_more(self, store: RecordStore) -> None:
        posts, pages = collection(), collection(name="pages", ids="custom")
        due = {("posts", made(store, posts, expires=1_000 + number).id) for number in range(9)}
        due.add(("pages", made(store, pages, "home", expires=1_500).id))
        made(store, posts, expires=2_001)
        made(store, posts)
        assert set(store.expired(2_000, 100)) == due
        assert len(store.expired(2_000, 4)) == 4
        assert set(store.expired(2_000, 4)) <= due


class TestSingleUse:
    def test_a_value_is_taken_once(self, store: RecordStore) -> None:
        assert store.put_once("ticket", {"user": "ann", "n": [1, None]}, 4_000_000_000)
        assert not store.put_once("ticket", {"user": "eve"}, 4_000_000_000)
        assert store.take("ticket") == {"user": "ann", "n": [1, None]}
        assert store.take("ticket") is None
        assert store.put_once("ticket", {}, 4_000_000_000)

    def test_a_late_value_is_gone_and_its_key_free(self, store: RecordStore) -> None:
        assert store.put_once("ticket", {"user": "ann"}, 1_000)
        assert store.take("ticket") is None
        assert store.put_once("ticket", {"user": "bob"}, 1_000)
        assert store.put_once("ticket", {"user": "cy"}, 4_000_000_000)
        assert store.take("ticket") == {"user": "cy"}

    def test_of_many_takers_one_gets_it(self, store: RecordStore) -> None:
        assert store.put_once("ticket", {"a": 1}, 4_000_000_000)
        with ThreadPoolExecutor(20) as pool:
            taken = list(pool.map(lambda _: store.take("ticket"), range(20)))
        assert [value for value in taken if value is not None] == [{"a": 1}]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"title": "x" * 1_100, "views": 1}, "index_value_too_long"),
        ({"title": "\0" * 520}, "index_value_too_long"),
        ({"views": Decimal("1e126")}, "number_out_of_range"),
        ({"views": 10**38 + 1}, "number_out_of_range"),
        ({"views": Decimal("NaN")}, "number_out_of_range"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_it_is_written(
    store: RecordStore, values: dict[str, Any], code: str
) -> None:
    posts = collection("-title")
    record_id = store.new_id(posts)
    with pytest.raises(Invalid) as refused:
        made(store, posts, record_id, **values)
    assert refused.value.code == code
    assert store.get(posts, record_id, consistent=True) is None


def test_values_nest_as_deep_as_the_service_takes(store: RecordStore) -> None:
    posts = collection()
    deep: Any = "leaf"
    for _ in range(30):
        deep = [deep]
    record = made(store, posts, extra=deep)
    assert store.get(posts, record.id) == record
    with pytest.raises(Invalid) as refused:
        made(store, posts, extra=[deep])
    assert refused.value.code == "too_deep"


def test_created_must_be_the_time_of_an_auto_id(store: RecordStore) -> None:
    posts = collection()
    with pytest.raises(ValueError, match="created"):
        store.create(posts, Record(store.new_id(posts), 5, 5, 1))


@pytest.mark.parametrize("store", ["lean", "botocore"], indirect=True)
def test_a_record_of_over_400_kb_is_too_large(store: RecordStore) -> None:
    for posts in (collection(), collection(unique=(("author",),))):
        with pytest.raises(CoveyError) as refused:
            made(store, posts, title="x" * 410_000, author="ann")
        assert refused.value.code == "record_too_large"


@pytest.mark.parametrize("store", ["lean"], indirect=True)
def test_a_claim_that_expired_and_went_to_another_does_not_keep_its_record(
    store: Any, table: str
) -> None:
    posts = collection(unique=(("title",),))
    old = made(store, posts, title="a", expires=1_000)
    pk, sk = layout_of(posts).claim_key(("title",), ("a",))
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    transport().call("DeleteItem", {"TableName": table, "Key": key})  # as DynamoDB's expiry does
    new = made(store, posts, title="a")
    store.delete(posts, old)
    assert store.get(posts, old.id, consistent=True) is None
    assert store.find_unique(posts, ("title",), ("a",)) == new.id
