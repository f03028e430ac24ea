"""Keys of records that are there, brought to what is declared now: both rebuilders alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from covey.collections.model import Build, Collection, Index, State
from covey.config import settings
from covey.errors import Conflict, CoveyError, NotFound
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.records.rebuilding import Obstacle, Rebuilder
from covey.store.rebuilding import DynamoRebuilder
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport
from covey.testing.rebuilding import MemoryRebuilder
from covey.testing.records import MemoryRecordStore
from tests.layers.core.store import samples
from tests.layers.core.store.samples import changed, collection, made, parts

BEFORE = collection("author, -views")
BY_TITLE = Index(parts("title, views"), 7, 1)
OTHER = Index(parts("views"), 8, 0)  # in the slot of the index before
ADDED = replace(BEFORE, indexes=(*BEFORE.indexes, BY_TITLE), version=2)
REPLACED = replace(BEFORE, indexes=(OTHER,), version=2)
UNIQUE = replace(BEFORE, unique=(("title",),), since={("title",): 2}, version=2)
TITLE = ("title",)
EXPIRING = replace(
    BEFORE,
    fields={**BEFORE.fields, "due": replace(BEFORE.fields["due"], expires=True)},
    unique=(("title",),),
    version=2,
)
DUE = "2030-01-01T00:00:00.000Z"
DUE_S = 1_893_456_000


@pytest.fixture
def rebuilder(store: RecordStore) -> Rebuilder:
    if isinstance(store, MemoryRecordStore):
        return MemoryRebuilder(store)
    return DynamoRebuilder(transport(), settings().table_name)


def walked(rebuilder: Rebuilder, of: Collection, limit: int) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    place: str | None = ""
    while place is not None:
        walk = rebuilder.walk(of, place, limit)
        found += [(one.record.id, one.sound) for one in walk.records]
        place = walk.next
    return found


def listed(store: RecordStore, of: Collection, where: str, *, sort: str) -> list[str]:
    """The ids of a list, which an index must serve."""
    return [one.id for one in samples.listed(store, of, samples.query(of, where, sort))]


def read(store: RecordStore, of: Collection, record: Record) -> Record:
    found = store.get(of, record.id, consistent=True)
    assert found is not None
    return found


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("ids", ["auto", "custom"])
@pytest.mark.parametrize("shards", [1, 3])
def test_a_walk_meets_every_record_once_at_any_step(
    store: RecordStore, rebuilder: Rebuilder, ids: str, shards: int, limit: int
) -> None:
    of = collection(ids=ids, schedule=((0, shards),))
    other = collection(ids=ids, name="others", schedule=((0, shards),))
    wanted = [
        made(store, of, "" if ids == "auto" else f"é{number}", views=number).id
        for number in range(7)
    ]
    made(store, other, "" if ids == "auto" else "x")
    found = walked(rebuilder, of, limit)
    assert sorted(found) == sorted((one, True) for one in wanted)


@pytest.mark.parametrize(
    ("after", "sort", "where"),
    [(ADDED, "views", 'title == "t"'), (REPLACED, "views", "views >= 0")],
    ids=["another slot", "the slot of another"],
)
def test_a_record_joins_an_index_at_its_version(
    store: RecordStore, rebuilder: Rebuilder, after: Collection, sort: str, where: str
) -> None:
    records = [made(store, BEFORE, title="t", author="a", views=number) for number in range(3)]
    assert listed(store, after, where, sort=sort) == []
    assert {sound for _, sound in walked(rebuilder, after, 2)} == {False}
    for record in records:
        assert rebuilder.mend(after, record, ()) == []
    assert {sound for _, sound in walked(rebuilder, after, 2)} == {True}
    assert listed(store, after, where, sort=sort) == [one.id for one in records]
    assert [read(store, after, one) for one in records] == records


def test_an_index_that_is_no_more_is_left(store: RecordStore, rebuilder: Rebuilder) -> None:
    record = made(store, BEFORE, title="t", author="a", views=1)
    bare = replace(BEFORE, indexes=(), version=2)
    rebuilder.mend(bare, record, ())
    assert listed(store, BEFORE, 'author == "a"', sort="-views") == []
    assert walked(rebuilder, bare, 1) == [(record.id, True)]


def test_what_moved_on_or_is_gone_is_not_written(store: RecordStore, rebuilder: Rebuilder) -> None:
    record = made(store, BEFORE, title="t", views=1)
    store.update(BEFORE, record, newer := replace(record, version=2, values={"title": "n"}))
    for of, unique in ((ADDED, ()), (UNIQUE, (TITLE,))):
        with pytest.raises(Conflict):
            rebuilder.mend(of, record, unique)
    assert store.find_unique(UNIQUE, TITLE, ("t",)) is None
    store.delete(BEFORE, newer)
    for of, unique in ((ADDED, ()), (UNIQUE, (TITLE,))):
        with pytest.raises(NotFound):
            rebuilder.mend(of, newer, unique)
    assert store.get(BEFORE, record.id) is None
    assert store.find_unique(UNIQUE, TITLE, ("n",)) is None


def test_a_value_is_claimed_and_a_second_time_as_well(
    store: RecordStore, rebuilder: Rebuilder
) -> None:
    record = made(store, BEFORE, title="t")
    for _ in range(2):
        assert rebuilder.mend(UNIQUE, record, (TITLE,)) == []
    assert store.find_unique(UNIQUE, TITLE, ("t",)) == record.id
    with pytest.raises(Conflict, match="taken"):
        made(store, UNIQUE, title="t")


def test_a_clash_is_told_and_everything_else_done(store: RecordStore, rebuilder: Rebuilder) -> None:
    both = replace(ADDED, unique=(TITLE, ("author",)), since={TITLE: 2, ("author",): 2})
    first = made(store, BEFORE, title="t", author="a", views=1)
    second = made(store, BEFORE, title="t", author="b", views=2)
    assert rebuilder.mend(both, first, both.unique) == []
    message = f"Records {first.id} and {second.id} have the same title."
    obstacle = Obstacle("unique k0 2", "unique_violation", TITLE, message, first.id)
    assert rebuilder.mend(both, second, both.unique) == [obstacle]
    assert store.find_unique(both, TITLE, ("t",)) == first.id
    assert store.find_unique(both, ("author",), ("b",)) == second.id
    assert listed(store, ADDED, 'title == "t"', sort="views") == [first.id, second.id]


@pytest.mark.parametrize("gone", [False, True])
def test_a_stale_claim_is_taken_over(store: RecordStore, rebuilder: Rebuilder, gone: bool) -> None:
    former = made(store, UNIQUE, title="t")
    unaware = replace(BEFORE, version=1)
    if gone:
        store.delete(unaware, former)
    else:
        store.update(unaware, former, replace(former, version=2, values={"title": "n"}))
    assert store.find_unique(UNIQUE, TITLE, ("t",)) == former.id
    record = made(store, unaware, title="t")
    assert rebuilder.mend(UNIQUE, record, (TITLE,)) == []
    assert store.find_unique(UNIQUE, TITLE, ("t",)) == record.id


def test_expiry_reaches_the_record_and_the_claims_it_has(
    store: RecordStore, rebuilder: Rebuilder
) -> None:
    unique = replace(BEFORE, unique=(TITLE,))
    record = made(store, unique, title="t", due=DUE)
    assert walked(rebuilder, EXPIRING, 1) == [(record.id, False)]
    assert rebuilder.mend(EXPIRING, record, ()) == []
    assert read(store, EXPIRING, record).expires == DUE_S
    assert store.expired(DUE_S, 5) == [("posts", record.id)]
    mortal = read(store, EXPIRING, record)
    store.update(EXPIRING, mortal, replace(mortal, version=2, values={"due": DUE}))
    assert made(store, EXPIRING, title="t").version == 1
    back = read(store, EXPIRING, record)
    rebuilder.mend(unique, back, ())
    assert read(store, unique, record).expires is None
    assert store.expired(DUE_S, 5) == []


def test_values_too_long_for_one_index_leave_the_others(
    store: RecordStore, rebuilder: Rebuilder
) -> None:
    record = made(store, BEFORE, title="x" * 1_100, author="a", views=1)
    long = Index(parts("author, title"), 9, 2)
    of = replace(ADDED, indexes=(*ADDED.indexes, long))
    [obstacle] = rebuilder.mend(of, record, ())
    assert (obstacle.part, obstacle.code) == ("index 9", "index_value_too_long")
    assert record.id in obstacle.message
    assert listed(store, ADDED, f'title == "{"x" * 1_100}"', sort="views") == [record.id]


def _until(stop: threading.Event, work: Callable[[int], None]) -> Callable[[], None]:
    def run() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                work(number)
            except CoveyError:  # a value taken, a record that another changed
                continue

    return run


def test_a_walk_ends_though_more_is_made_than_it_takes(
    store: RecordStore, rebuilder: Rebuilder
) -> None:
    for number in range(5):
        made(store, BEFORE, views=number)
    place: str | None = ""
    found = 0
    while place is not None:
        walk = rebuilder.walk(BEFORE, place, 1)
        found += len(walk.records)
        place = walk.next
        made(store, BEFORE)
        made(store, BEFORE)
    assert found == 5


BUILDING = replace(
    ADDED, unique=(TITLE,), since={TITLE: 2}, builds={"index 7": Build(State.BUILDING, "j")}
)


def _writer(store: RecordStore, who: int, old: list[Record]) -> Callable[[int], None]:
    def write(number: int) -> None:
        made(store, BUILDING, title=f"n{who}-{number}", author="b", views=number)
        record = store.get(BUILDING, old[(number * 7 + who) % len(old)].id, consistent=True)
        if record is None:
            return
        if number % 9 == 0:
            store.delete(BUILDING, record)
            return
        title = record.values["title"] if number % 2 else f"c{who}-{number}"
        store.update(BUILDING, record, changed(record, views=number, title=title))

    return write


def test_writers_beside_a_walk_leave_no_record_out(table: str) -> None:
    """Four writers create, change and delete on the engine while all is mended."""
    store = DynamoRecordStore(transport(), table)
    rebuilder = DynamoRebuilder(transport(), table)
    old = [made(store, BEFORE, title=f"o{n}", author="a", views=n) for n in range(120)]
    stop = threading.Event()
    writers = [threading.Thread(target=_until(stop, _writer(store, who, old))) for who in range(4)]
    for writer in writers:
        writer.start()
    try:
        place: str | None = ""
        while place is not None:
            walk = rebuilder.walk(BUILDING, place, 20)
            for one in walk.records:
                _mended(store, rebuilder, BUILDING, one.record)
            place = walk.next
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    left = _all(rebuilder, BUILDING)
    assert len(left) > 120
    ready = replace(BUILDING, builds={}, unique=())
    for record in left:
        title = record.values["title"]
        assert store.find_unique(BUILDING, TITLE, (title,)) == record.id, title
    for record in left[::20]:
        where = f'title == "{record.values["title"]}"'
        assert listed(store, ready, where, sort="views") == [record.id]


def _all(rebuilder: Rebuilder, of: Collection) -> list[Record]:
    """Every record, each of them sound."""
    left: list[Record] = []
    place: str | None = ""
    while place is not None:
        walk = rebuilder.walk(of, place, 100)
        assert all(one.sound for one in walk.records)
        left += [one.record for one in walk.records]
        place = walk.next
    return left


def _mended(store: RecordStore, rebuilder: Rebuilder, of: Collection, record: Record) -> None:
    current: Record | None = record
    while current is not None:
        try:
            assert rebuilder.mend(of, current, (TITLE,)) == []
        except NotFound:
            return
        except Conflict:
            current = store.get(of, record.id, consistent=True)
        else:
            return
