"""What keeping and asking a search costs, from the units that the engine counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.collections.model import Collection
from covey.identity.principal import Kind, Principal
from covey.insight import meter
from covey.records.ids import created_of
from covey.records.model import Record
from covey.search.finding import Finder
from covey.search.indexing import SearchIndexer
from covey.store.records import DynamoRecordStore
from covey.store.search import DynamoSearchStore
from covey.store.transport import transport
from covey.testing.catalog import MemoryCatalogStore

NOTES = {
    "name": "notes",
    "fields": {"title": {"type": "text"}, "body": {"type": "text"}, "other": {"type": "text"}},
    "search": {"fields": {"title": 3, "body": 1}, "language": "none"},
}
ADMIN = Principal(Kind.ADMINISTRATOR, id="root")


class House:
    def __init__(self, table: str) -> None:
        self.records = DynamoRecordStore(transport(), table)
        search = DynamoSearchStore(transport(), table)
        self.catalog = Catalog(MemoryCatalogStore([load(NOTES)]))
        self.indexer = SearchIndexer(search)
        self.finder = Finder(self.records, self.catalog, search)
        self.finder.search(ADMIN, "notes", {"q": "warm"})  # the secret of cursors is there

    @property
    def notes(self) -> Collection:
        return self.catalog.get("notes")

    def put(self, **values: Any) -> Record:
        made = self.records.new_id(self.notes)
        record = Record(made, created_of(made), created_of(made), 1, values)
        self.records.create(self.notes, record)
        return record

    def change(self, before: Record, **values: Any) -> Record:
        after = Record(before.id, before.created, before.updated, before.version + 1, values)
        self.records.update(self.notes, before, after)
        return after

    def index(self, *records: Record) -> tuple[float, float]:
        return cost(lambda: self.indexer.index(self.notes, [one.id for one in records]))


@pytest.fixture
def house(table: str) -> House:
    return House(table)


def cost(work: Callable[[], Any]) -> tuple[float, float]:
    meter.reset()
    work()
    spent = meter.read()
    return spent.rru, spent.wru


def text(words: int, start: int = 0) -> str:
    return " ".join(f"word{n}" for n in range(start, start + words))


@pytest.mark.parametrize("words", [1, 5, 30])
def test_a_new_word_costs_four_write_units_and_a_record_four(house: House, words: int) -> None:
    record = house.put(body=text(words))
    read, written = house.index(record)
    assert written == 4 * words + 4
    assert read <= 5


def test_words_that_records_share_are_counted_together(house: House) -> None:
    records = [house.put(body=text(5)) for _ in range(10)]
    _, written = house.index(*records)
    postings, marks, words = 2 * 5 * 10, 2 * 10, 2 * 5
    assert written <= postings + marks + 2 * words + 2 * 8  # two transactions, four lanes


def test_a_change_of_another_field_costs_reads_alone(house: House) -> None:
    record = house.put(body=text(20))
    house.index(record)
    read, written = house.index(house.change(record, body=text(20), other="x"))
    assert (read, written) == (2, 0)


def test_a_changed_word_costs_eight(house: House) -> None:
    record = house.put(body=text(20))
    house.index(record)
    _, written = house.index(house.change(record, body=text(20, start=1)))
    mark, out, came, swept = 2, 4, 4, 1
    assert written == mark + out + came + swept


def test_a_query_costs_its_words_postings_and_records(house: House) -> None:
    for number in range(40):
        house.index(house.put(title=f"common number{number}", body=text(5)))
    asked = {"q": "number7"}
    words, totals, postings, records = 0.5, 0.5, 0.5, 0.5
    read, written = cost(lambda: house.finder.search(ADMIN, "notes", asked))
    assert written == 0
    assert read <= 2 * words + totals + postings + records
    common = {"q": "common number7"}
    read, _ = cost(lambda: house.finder.search(ADMIN, "notes", common))
    assert read <= 4 * words + totals + 2 * 2 * postings + records
