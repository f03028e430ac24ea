"""Where files are known: the table and its twin answer alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.collections.document import load
from covey.errors import Conflict
from covey.files.model import State, StoredFile, is_id, new_id
from covey.files.ports import FileStore, Loose
from covey.records.ids import created_of
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.store.files import DynamoFileStore
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.files import MemoryFileStore
from covey.testing.records import MemoryRecordStore

POSTS = load({"name": "posts", "fields": {"photo": {"type": "file"}}})


@pytest.fixture(params=["memory", "table"])
def stores(request: pytest.FixtureRequest) -> tuple[FileStore, RecordStore]:
    if request.param == "memory":
        records = MemoryRecordStore()
        return MemoryFileStore(records), records
    table = request.getfixturevalue("table")
    return DynamoFileStore(transport(), table), DynamoRecordStore(transport(), table)


def made(**more: Any) -> StoredFile:
    known = {"collection": "posts", "life": "posts", "field": "f0", "owner": "user:ada"}
    about = {"name": "ü.png", "type": "image/png", "size": 9, "created": 1, "due": 100}
    return StoredFile(**{"id": new_id(), **known, **about, **more})


class TestFileStore:
    def test_what_was_reserved_is_got(self, stores: tuple[FileStore, RecordStore]) -> None:
        files, _ = stores
        file = made(thumbs=("1x1",), upload="u")
        files.reserve(file)
        assert files.get(file.id) == file
        assert files.get(new_id()) is None

    def test_a_save_is_conditional(self, stores: tuple[FileStore, RecordStore]) -> None:
        files, _ = stores
        file = made()
        files.reserve(file)
        ready = files.save(file, replace(file, state=State.READY, width=3, height=4))
        assert ready is not None
        assert files.get(file.id) == ready
        assert files.save(file, replace(file, state=State.REFUSED)) is None
        assert files.save(ready, replace(ready, released=7)) == files.get(file.id)
        gone = made()
        assert files.save(gone, gone) is None

    def test_a_record_takes_a_file_with_its_transaction(
        self, stores: tuple[FileStore, RecordStore]
    ) -> None:
        files, records = stores
        file = made(released=5)
        files.reserve(file)
        record_id = records.new_id(POSTS)
        created = created_of(record_id)
        record = Record(record_id, created, created, 1, {"photo": file.id})
        records.create(POSTS, record, also=files.attaching(file, record_id))
        taken = files.get(file.id)
        assert taken is not None
        assert (taken.record, taken.released, taken.revision) == (record_id, 0, 1)
        assert files.save(file, replace(file, state=State.GOING)) is None
        if isinstance(records, DynamoRecordStore):  # the twin of records passes conditions over
            other = records.new_id(POSTS)
            record = Record(other, created_of(other), created_of(other), 1, {})
            with pytest.raises(Conflict):
                records.create(POSTS, record, also=files.attaching(file, other))
            assert records.get(POSTS, other) is None

    def test_what_is_due_is_found_in_order_until_it_is_settled(
        self, stores: tuple[FileStore, RecordStore]
    ) -> None:
        files, records = stores
        many = [made(due=100 + number) for number in range(12)]
        for file in many:
            files.reserve(file)
        files.later(many[0].id, 300)
        assert [one.due for one in files.loose(105, 100)] == [100, 101, 102, 103, 104, 105]
        assert [one.due for one in files.loose(10**9, 4)] == [100, 101, 102, 103]
        files.settle(Loose(100, many[0].id))
        files.settle(Loose(100, many[0].id))
        assert [one.due for one in files.loose(101, 100)] == [101]
        assert files.loose(300, 100)[-1] == Loose(300, many[0].id)
        records.write((), also=files.looking(many[1].id, 50))
        assert files.loose(60, 100) == [Loose(50, many[1].id)]

    def test_files_are_listed_by_field(self, stores: tuple[FileStore, RecordStore]) -> None:
        files, _ = stores
        first = [made() for _ in range(9)]
        second, other = made(field="f10"), made(life="posts;7")
        for file in (*first, second, other):
            files.reserve(file)
        assert files.fields("posts") == {"f0", "f10"}
        assert files.fields("posts;7") == {"f0"}
        assert files.fields("nothing") == frozenset()
        assert set(files.of_field("posts", "f0", 100)) == {one.id for one in first}
        assert len(files.of_field("posts", "f0", 4)) == 4
        assert files.of_field("posts", "f1", 100) == []
        files.refile(second, "f11")
        assert files.fields("posts") == {"f0", "f11"}
        for file in first:
            files.remove(file)
            files.remove(file)
        assert files.fields("posts") == {"f11"}
        assert files.get(first[0].id) is None


def test_ids_cannot_be_guessed_and_have_one_shape() -> None:
    made_ids = {new_id() for _ in range(1_000)}
    assert len(made_ids) == 1_000
    assert all(map(is_id, made_ids))
    assert not any(map(is_id, ("", "x", "0" * 25, "0" * 27, "W" * 26, "0" * 25 + "\n", "../" * 9)))
