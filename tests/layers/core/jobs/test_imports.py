"""Files become records row by row, once each, under the rules of whoever sent them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.errors import BadRequest, CoveyError, Unauthenticated, Unavailable
from covey.identity.principal import GUEST, Kind, Principal
from covey.jobs import imports
from covey.jobs.imports import CHUNK, Import, Imports, options
from covey.jobs.model import REPORT_LIMIT, Job, Status
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.jobs.uploads import job_of, key_of
from covey.records.remembering import Remembering
from covey.records.service import Records
from covey.testing.blobs import MemoryBlobs
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.records import MemoryRecordStore

START = 1_800_000_000_000
ANN = Principal(Kind.USER, "a" * 20)
ADMIN = Principal(Kind.ADMINISTRATOR, "r" * 20, roles=("admin",))

PLACES = {
    "name": "places",
    "ids": "custom",
    "fields": {"name": {"type": "text", "required": True}},
    "rules": {"read": "true", "create": "auth != null", "update": "auth != null"},
}
TRIPS = {
    "name": "trips",
    "fields": {
        "title": {"type": "text", "required": True, "max": 20},
        "km": {"type": "number"},
        "legs": {"type": "integer"},
        "done": {"type": "bool"},
        "tags": {"type": "text", "list": True},
        "data": {"type": "json"},
        "to": {"type": "relation", "to": "places"},
        "via": {"type": "relation", "to": "places", "check": False},
        "secret": {"type": "text", "write": "false"},
    },
    "rules": {"read": "true", "create": "auth != null && title != 'forbidden'"},
    "unique": [["title"]],
}


class House:
    """The parts of an import, over twins, with a clock that tests move."""

    def __init__(self) -> None:
        self.ms = START
        self.catalog = Catalog(MemoryCatalogStore())
        for document in (PLACES, TRIPS):
            self.catalog.save(load(document))
        self.store = MemoryRecordStore(clock=lambda: self.ms / 1000)
        self.records = Records(self.store, self.catalog, clock=lambda: self.ms)
        self.blobs, self.queue, self.kept = MemoryBlobs(), MemoryJobQueue(), MemoryJobStore()
        self.jobs = Jobs(self.kept, self.queue, now=lambda: self.ms)
        self.imports = Imports(self.jobs, self.blobs, self.catalog)

    def writer(self) -> Records:
        return Records(Remembering(self.store), self.catalog, clock=lambda: self.ms)

    def runner(self, writer: Callable[[], Any] | None = None) -> Runner:
        def user(scope: str) -> Principal:
            user = scope.partition(":")[2]
            return ADMIN if user == ADMIN.id else Principal(Kind.USER, user)

        work = Import(self.blobs, self.catalog.get, writer or self.writer, user)
        return Runner(self.kept, self.queue, {"import": work}, now=lambda: self.ms)

    def send(self, who: Principal, collection: str, data: bytes, **chosen: Any) -> Job:
        job, upload = self.imports.start(who, collection, chosen)
        assert upload["method"] == "PUT"
        self.blobs.put(key_of("import", job.id), data, content_type="text/csv")
        assert self.jobs.enqueue(job.id)
        return job

    def finish(self, job: Job) -> Job:
        while self.queue.take():
            self.runner().run(job.id, lambda: True)
        return self.jobs.get(ADMIN, job.id)

    def all(self, collection: str) -> list[dict[str, Any]]:
        listing = self.records.list(ADMIN, collection, {"limit": "200"})
        return list(listing.items)


@pytest.fixture
def house() -> House:
    return House()


def test_cells_become_values_of_the_fields_types(house: House) -> None:
    house.send(ANN, "places", b"id,name\nX,Xanten\n")
    place = house.finish(house.kept.list(ANN.scope, 1)[0])
    assert (place.status, place.done) == (Status.DONE, 1)
    data = (
        b"title,km,legs,done,tags,data,to\n"
        b'One,1.50,+3,yes,"[""a"",""b""]","{""x"":1}",X\n'
        b"Two,,007,FALSE,NA,,NA\n"
    )
    job = house.finish(house.send(ANN, "trips", data, null="NA"))
    assert (job.done, job.failed, job.progress) == (2, 0, 1.0)
    two, one = house.all("trips")
    assert (str(one["km"]), one["legs"], one["done"]) == ("1.5", 3, True)
    assert (one["tags"], one["data"], one["to"]) == (["a", "b"], {"x": 1}, "X")
    assert (two["legs"], two["done"]) == (7, False)
    assert not {"km", "tags", "to"} & set(two)


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("A,x,,,,,", "km", "invalid_cell"),
        ("A,1e999,,,,,", "km", "invalid_cell"),
        ("A,,1.5,,,,", "legs", ""),
        ("A,,,maybe,,,", "done", "invalid_cell"),
        ("A,,,,a,,", "tags", "invalid_cell"),
        (",,,,,,", "title", "required"),
        ("a title of more than twenty letters,,,,,,", "title", ""),
        ("A,,,,,nowhere,", "to", "relation_not_found"),
        ("A,,,,,,mine", "secret", "field_write_denied"),
        ("forbidden,,,,,,", "", "rule_denied"),
        ("A,,", "", "malformed_row"),
    ],
    ids=lambda value: value if isinstance(value, str) and "," in value else None,
)
def test_a_bad_row_is_reported_and_its_neighbours_go_on(
    house: House, row: str, field: str, code: str
) -> None:
    data = f"title,km,legs,done,tags,to,secret\nFirst,,,,,,\n{row}\nLast,,,,,,\n".encode()
    job = house.finish(house.send(ANN, "trips", data))
    assert [one["title"] for one in house.all("trips")] == ["Last", "First"]
    assert (job.status, job.done, job.failed) == (Status.DONE, 2, 1)
    (fault,) = job.report
    assert (fault.row, fault.field) == (2, field)
    assert not code or fault.code == code


def test_a_relation_that_is_not_checked_may_point_nowhere(house: House) -> None:
    job = house.finish(house.send(ANN, "trips", b"title,via\nA,nowhere\n"))
    assert (job.done, house.all("trips")[0]["via"]) == (1, "nowhere")


@pytest.mark.parametrize("bad", [REPORT_LIMIT, REPORT_LIMIT + 1, 2 * CHUNK])
def test_more_bad_rows_than_a_job_holds_are_a_file(house: House, bad: int) -> None:
    rows = [f"row {number},{'far' if number < bad else 1}" for number in range(2 * CHUNK + 100)]
    job = house.send(ANN, "trips", ("title,km\n" + "\n".join(rows)).encode())
    for _ in range(5):  # slice by slice
        if house.queue.take():
            house.runner().run(job.id, lambda: False)
    done = house.jobs.get(ADMIN, job.id)
    assert (done.status, done.failed, len(done.report)) == (Status.DONE, bad, REPORT_LIMIT)
    if bad == REPORT_LIMIT:
        assert set(done.result) == {"rows"}
        return
    file = done.result["report"]
    lines = [json.loads(line) for line in house.blobs.get(file["key"]).splitlines()]
    assert [line["row"] for line in lines] == list(range(1, bad + 1))
    assert lines[-1]["code"] == "invalid_cell"
    assert set(house.blobs._blobs) == {file["key"]}


def test_records_stand_in_the_order_of_their_rows(house: House) -> None:
    names = [f"row {number}" for number in range(60)]
    house.finish(house.send(ANN, "trips", ("title\n" + "\n".join(names)).encode()))
    assert [one["title"] for one in house.all("trips")] == names[::-1]


def test_json_lines_are_taken_as_they_are(house: House) -> None:
    lines = [{"title": "A", "km": 1.5, "tags": ["x"]}, {"title": "B", "km": "far"}]
    data = "\n".join(json.dumps(line) for line in lines) + "\n[]\n"
    job = house.finish(house.send(ANN, "trips", data.encode(), format="jsonl"))
    assert (job.done, sorted({fault.row for fault in job.report})) == (1, [2, 3])


def test_columns_may_be_renamed_and_left_out(house: House) -> None:
    data = b"Name,Note\nA,whatever\n"
    job = house.finish(house.send(ANN, "trips", data, columns={"Name": "title", "Note": None}))
    assert (job.done, house.all("trips")[0]["title"]) == (1, "A")


@pytest.mark.parametrize(
    "data",
    [b"title,unknown\nA,1\n", b"", b"title\n\xff\n", b'title\n"open\n'],
    ids=["unknown column", "empty", "not UTF-8", "open quote"],
)
def test_a_file_that_cannot_be_read_fails_the_job_with_the_reason(
    house: House, data: bytes
) -> None:
    job = house.finish(house.send(ANN, "trips", data))
    assert (job.status, house.all("trips")) == (Status.FAILED, [])
    assert job.error


def test_a_runner_that_dies_after_writing_leaves_every_row_once(house: House) -> None:
    rows = CHUNK + 20
    data = ("title\n" + "\n".join(f"row {number}" for number in range(rows))).encode()
    job = house.send(ANN, "trips", data)

    class Dying:
        """Writes some rows, then takes the process down."""

        def __init__(self) -> None:
            self.left = CHUNK + 7
            self.records = house.writer()

        def put_row(self, *arguments: Any, **more: Any) -> None:
            self.left -= 1
            if self.left < 0:
                raise SystemExit
            self.records.put_row(*arguments, **more)

    dying = Dying()
    with pytest.raises(SystemExit):
        house.runner(lambda: dying).run(job.id, lambda: True)
    assert house.jobs.get(ANN, job.id).done == CHUNK
    house.ms += LEASE_MS + 1
    done = house.finish(job)
    assert (done.done, done.failed) == (rows, 0)
    assert house.store.count(house.catalog.get("trips")) == rows


def test_a_row_that_meets_a_database_that_is_away_is_taken_again(house: House) -> None:
    class Away:
        def put_row(self, *arguments: Any, **more: Any) -> None:
            raise Unavailable

    job = house.send(ANN, "trips", b"title\nA\nB\n")
    assert house.queue.take()
    assert house.runner(Away).run(job.id, lambda: True) is None
    assert not house.jobs.get(ANN, job.id).finished
    done = house.finish(job)
    assert (done.status, done.done, done.failed) == (Status.DONE, 2, 0)


@pytest.mark.parametrize(
    ("second", "status"),
    [
        pytest.param(b"title\n" + b"A\n" * CHUNK + b"B\n", Status.DONE, id="the same"),
        pytest.param(b"title\n" + b"A\n" * CHUNK + b"C\n", Status.FAILED, id="another"),
        pytest.param(b"", Status.FAILED, id="nothing"),
    ],
)
def test_a_file_sent_again_while_it_is_read_does_not_go_on_in_another(
    house: House, second: bytes, status: Status
) -> None:
    job = house.send(ANN, "trips", b"title\n" + b"A\n" * CHUNK + b"B\n")
    assert house.queue.take()
    assert house.runner().run(job.id, lambda: False) is not None
    house.blobs.put(key_of("import", job.id), second, content_type="text/csv")
    assert house.finish(job).status is status


def test_a_slice_cut_off_before_its_end_is_saved_finds_its_file(house: House) -> None:
    job = house.send(ANN, "trips", b"title\nA\n")
    save = house.kept.save

    def cut_off(before: Job, after: Job) -> Job | None:
        if after.status is Status.DONE:
            raise ConnectionError
        return save(before, after)

    house.kept.save = cut_off  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        house.runner().run(job.id, lambda: True)
    house.kept.save = save  # type: ignore[method-assign]
    house.ms += LEASE_MS + 1
    assert house.finish(job).status is Status.DONE


def test_the_same_ids_again_are_the_same_records(house: House) -> None:
    house.finish(house.send(ANN, "places", b"id,name\nX,Xanten\n"))
    again = house.finish(house.send(ANN, "places", b"id,name\nX,Xanten\nY,Ypern\n"))
    assert (again.done, again.failed) == (2, 0)
    other = house.finish(house.send(ANN, "places", b"id,name\nX,Other\n"))
    assert [fault.code for fault in other.report] == ["exists"]
    replaced = house.finish(house.send(ANN, "places", b"id,name\nX,Other\n", mode="upsert"))
    assert replaced.failed == 0
    assert {one["id"]: one["name"] for one in house.all("places")} == {"X": "Other", "Y": "Ypern"}


def test_only_administrators_give_the_ids_of_a_collection_that_makes_its_own(
    house: House,
) -> None:
    given = "06h09ljug4cdn9r7vtuc"
    data = f"id,title\n{given},A\n".encode()
    refused = house.finish(house.send(ANN, "trips", data))
    assert [fault.code for fault in refused.report] == ["custom_ids_not_allowed"]
    taken = house.finish(house.send(ADMIN, "trips", data))
    assert (taken.done, house.all("trips")[0]["id"]) == (1, given)
    odd = house.finish(house.send(ADMIN, "trips", b"id,title\n../x,B\n"))
    assert odd.failed == 1


def test_guests_start_no_imports_and_hidden_collections_are_not_there(house: House) -> None:
    house.catalog.save(load({"name": "closed", "fields": {}}))
    with pytest.raises(Unauthenticated):
        house.imports.start(GUEST, "trips", {})
    for name in ("closed", "nowhere"):
        with pytest.raises(CoveyError) as refused:
            house.imports.start(ANN, name, {})
        assert refused.value.status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"format": "xlsx"},
        {"mode": "merge"},
        {"null": 3},
        {"null": "x" * 101},
        {"columns": ["a"]},
        {"columns": {"a": 1}},
        {"unknown": 1},
        {"format": ["csv"]},
        {"mode": {}},
    ],
    ids=str,
)
def test_options_that_are_not_understood_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        options(body)
    assert refused.value.code == "invalid_parameter"


def test_only_uploads_of_imports_name_a_job() -> None:
    assert job_of(key_of("import", "1")) == job_of(key_of("restore", "1")) == "1"
    for key in ("imports/", "other/1", "imports/1/2", "imports"):
        assert job_of(key) is None


def test_an_upload_that_is_too_large_fails_the_job(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MAX_UPLOAD", 10)
    job = house.finish(house.send(ANN, "trips", b"title\nA\nB\nC\n"))
    assert (job.status, house.all("trips")) == (Status.FAILED, [])
