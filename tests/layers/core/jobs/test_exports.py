"""Exports hold what their caller could list, once each, whatever dies on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.collections import Catalog, load
from covey.errors import (
    BadRequest,
    CoveyError,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from covey.identity.principal import GUEST, Kind, Principal
from covey.jobs.exports import SAVE_MS, Export, Exports, blob_key
from covey.jobs.imports import Import, Imports
from covey.jobs.model import Job, Status
from covey.jobs.results import KEPT_SECONDS, Results
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.jobs.uploads import key_of
from covey.records.patient import Patient
from covey.records.service import Records
from covey.testing.blobs import MemoryBlobs
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.records import MemoryRecordStore

START = 1_800_000_000_000
ANN = Principal(Kind.USER, "a" * 20)
BEN = Principal(Kind.USER, "b" * 20)
ADMIN = Principal(Kind.ADMINISTRATOR, "r" * 20, roles=("admin",))

NOTES = {
    "name": "notes",
    "fields": {
        "text": {"type": "text"},
        "number": {"type": "number"},
        "whole": {"type": "integer"},
        "yes": {"type": "bool"},
        "tags": {"type": "text", "list": True},
        "data": {"type": "json"},
        "day": {"type": "date"},
        "owner": {"type": "text"},
        "secret": {"type": "text", "read": "owner == auth.id"},
        "hidden": {"type": "text", "read": "false"},
    },
    "rules": {"read": "owner == auth.id || owner == 'all'", "create": "auth != null"},
    "indexes": [["owner", "-created"]],
}


class House:
    """The parts of exports and imports over twins, with a clock and roles that tests change."""

    def __init__(self) -> None:
        self.ms = START
        self.catalog = Catalog(MemoryCatalogStore())
        self.catalog.save(load(NOTES))
        self.store = MemoryRecordStore(clock=lambda: self.ms / 1000)
        self.records = Records(self.store, self.catalog, clock=lambda: self.ms)
        self.blobs, self.queue, self.kept = MemoryBlobs(), MemoryJobQueue(), MemoryJobStore()
        self.jobs = Jobs(self.kept, self.queue, now=lambda: self.ms)
        self.people = {one.id: one for one in (ANN, BEN, ADMIN)}
        self.exports = Exports(self.jobs, self.lister(), self.catalog.get)
        self.imports = Imports(self.jobs, self.blobs, self.catalog)

    def lister(self) -> Records:
        return Records(Patient(self.store), self.catalog, clock=lambda: self.ms, budget=500)

    def user(self, scope: str) -> Principal:
        user = scope.partition(":")[2]
        if user not in self.people:
            raise Unauthenticated("gone")
        return self.people[user]

    def runner(self, lister: Callable[[], Any] | None = None) -> Runner:
        kinds = {
            "export": Export(
                self.blobs,
                self.catalog.get,
                lister or self.lister,
                self.user,
                now=lambda: self.ms,
            ),
            "import": Import(self.blobs, self.catalog.get, lambda: self.records, self.user),
        }
        return Runner(self.kept, self.queue, kinds, now=lambda: self.ms)

    def finish(self, job: Job, time_left: Callable[[], bool] = lambda: True) -> Job:
        while self.queue.take():
            self.runner().run(job.id, time_left)
        return self.jobs.get(ADMIN, job.id)

    def export(self, who: Principal, **parameters: str) -> tuple[Job, str]:
        job = self.finish(self.exports.start(who, "notes", parameters))
        assert job.status is Status.DONE, job.error
        return job, self.blobs.get(blob_key(job.id)).decode()

    def add(self, **values: Any) -> str:
        self.ms += 1
        return self.records.create(ADMIN, "notes", values).id

    def fill(self, count: int, owner: str = "all") -> list[str]:
        return [self.add(whole=number, owner=owner) for number in range(count)]


@pytest.fixture
def house() -> House:
    return House()


def wholes(text: str) -> list[int]:
    return [json.loads(line)["whole"] for line in text.splitlines()]


def test_an_export_is_the_list_of_its_caller(house: House) -> None:
    house.add(text="mine", owner=ANN.id, secret="s", hidden="h")
    house.add(text="not mine", owner=BEN.id)
    house.add(text="ours", owner="all", secret="no", hidden="no")
    job, text = house.export(ANN)
    found = [json.loads(line) for line in text.splitlines()]
    assert [one["text"] for one in found] == ["ours", "mine"]
    assert [one.get("secret") for one in found] == [None, "s"]
    assert "hidden" not in text
    assert "not mine" not in text
    assert (job.done, job.progress, job.result["rows"]) == (2, 1.0, 2)
    _, table = house.export(ANN, format="csv")
    header, *lines = table.split("\r\n")
    assert header == "id,created,updated,version,text,number,whole,yes,tags,data,day,owner,secret"
    assert [line.split(",")[4] for line in lines if line] == ["ours", "mine"]


def test_filter_sort_and_fields_are_those_of_lists(house: House) -> None:
    house.fill(9)
    house.add(whole=100, owner=ANN.id)
    _, text = house.export(ANN, filter="owner == 'all' && whole > 3", fields="whole")
    assert wholes(text) == [8, 7, 6, 5, 4]
    assert set(json.loads(text.splitlines()[0])) == {"id", "whole"}
    _, table = house.export(ANN, filter="whole == 100", format="csv", fields="whole,id,created")
    assert table.startswith("id,whole,created\r\n")
    assert table.count("\r\n") == 2


@pytest.mark.parametrize(
    ("who", "collection", "parameters", "code"),
    [
        (ANN, "notes", {"format": "xlsx"}, "invalid_parameter"),
        (ANN, "notes", {"limit": "5"}, "invalid_parameter"),
        (ANN, "notes", {"cursor": "x"}, "invalid_parameter"),
        (ANN, "notes", {"filter": "whole =="}, "invalid_filter"),
        (ANN, "notes", {"filter": "hidden == 'x'"}, "invalid_filter"),
        (ANN, "notes", {"filter": "secret == 'x'"}, "invalid_filter"),
        (ANN, "notes", {"sort": "hidden"}, "invalid_sort"),
        (ANN, "notes", {"sort": "whole"}, "index_required"),
        (ANN, "notes", {"fields": "hidden"}, "invalid_fields"),
        (ANN, "nowhere", {}, "not_found"),
        (GUEST, "notes", {}, "unauthenticated"),
    ],
)
def test_what_no_list_takes_is_refused_before_a_job_is_made(
    house: House, who: Principal, collection: str, parameters: dict[str, str], code: str
) -> None:
    house.add(owner="all")
    with pytest.raises(CoveyError) as refused:
        house.exports.start(who, collection, parameters)
    assert refused.value.code == code
    assert house.queue.take() == []


def test_a_filter_that_no_index_bounds_is_no_hindrance(house: House) -> None:
    house.fill(1_500)
    _, text = house.export(ANN, filter="whole == 3")
    assert wholes(text) == [3]


def test_slices_go_on_where_the_last_one_saved(house: House) -> None:
    house.fill(900)
    job = house.exports.start(ANN, "notes", {})
    slices = 0

    def once() -> bool:
        nonlocal slices
        slices += 1
        return False

    done = house.finish(job, once)
    assert (done.status, slices) == (Status.DONE, 5)
    text = house.blobs.get(blob_key(job.id)).decode()
    assert wholes(text) == list(range(900))[::-1]
    assert list(house.blobs._blobs) == [blob_key(job.id)]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("dies", range(1, 8))
def test_a_runner_that_dies_leaves_every_record_once(house: House, form: str, dies: int) -> None:
    house.fill(900)
    house.export(ANN)

    class Dying:
        def __init__(self, records: Records) -> None:
            self.records, self.left = records, dies

        def list(self, *arguments: Any) -> Any:
            self.left -= 1
            house.ms += SAVE_MS // 2
            if not self.left:
                raise SystemExit
            return self.records.list(*arguments)

    job = house.exports.start(ANN, "notes", {"format": form, "fields": "whole"})
    assert house.queue.take()
    try:
        house.runner(lambda: Dying(house.lister())).run(job.id, lambda: True)
    except SystemExit:
        assert house.jobs.get(ANN, job.id).done in {0, 400, 800}
    house.ms += LEASE_MS + 1
    house.jobs.enqueue(job.id)
    assert house.finish(job).done == 900
    lines = house.blobs.get(blob_key(job.id)).decode().splitlines()
    assert len(lines) == 900 + (form == "csv")
    assert len({*lines}) == len(lines)


def test_a_runner_that_dies_as_it_finishes_is_followed_by_one_that_does(house: House) -> None:
    house.fill(300)
    job, save = house.exports.start(ANN, "notes", {}), house.kept.save

    def cut_off(before: Job, after: Job) -> Job | None:
        if after.status is Status.DONE:
            raise SystemExit
        return save(before, after)

    house.kept.save = cut_off  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        house.runner().run(job.id, lambda: True)
    house.kept.save = save  # type: ignore[method-assign]
    house.ms += LEASE_MS + 1
    done = house.finish(job)
    assert (done.status, done.done) == (Status.DONE, 300)
    assert len(house.blobs.get(blob_key(job.id)).splitlines()) == 300


@pytest.mark.parametrize("change", ["the user is gone", "the role is gone"])
def test_rights_that_go_while_it_runs_end_it_and_leave_nothing(house: House, change: str) -> None:
    house.fill(900, owner="nobody")
    job = house.exports.start(ADMIN, "notes", {})
    assert house.queue.take()
    house.runner().run(job.id, lambda: False)
    if change == "the user is gone":
        del house.people[ADMIN.id]
    else:
        house.people[ADMIN.id] = Principal(Kind.USER, ADMIN.id)
    done = house.finish(job)
    assert done.status is Status.FAILED
    assert not house.blobs._blobs
    assert not done.result


def test_records_that_are_hidden_while_it_runs_are_left_out(house: House) -> None:
    house.fill(400)
    job = house.exports.start(ANN, "notes", {})
    assert house.queue.take()
    house.runner().run(job.id, lambda: False)
    closed = replace(house.catalog.get("notes"), rules=load({**NOTES, "rules": {}}).rules)
    house.catalog.save(replace(closed, version=closed.version + 1))
    assert house.finish(job).status is Status.FAILED


def test_a_database_that_is_away_is_waited_for(house: House) -> None:
    class Away:
        def list(self, *_: Any) -> Any:
            raise Unavailable

    house.fill(10)
    job = house.exports.start(ANN, "notes", {})
    assert house.queue.take()
    assert house.runner(Away).run(job.id, lambda: True) is None
    assert house.finish(job).done == 10


def test_the_same_export_while_it_runs_is_the_same_job(house: House) -> None:
    house.fill(3)
    first = house.exports.start(ANN, "notes", {"filter": "whole > 0"})
    assert house.exports.start(ANN, "notes", {"filter": "whole > 0"}).id == first.id
    assert house.exports.start(BEN, "notes", {"filter": "whole > 0"}).id != first.id
    assert house.exports.start(ANN, "notes", {}).id != first.id
    for number in range(3):
        house.exports.start(ANN, "notes", {"filter": f"whole > {number + 5}"})
    with pytest.raises(TooManyRequests):
        house.exports.start(ANN, "notes", {"filter": "whole > 10"})
    house.finish(first)
    for job in house.jobs.list(ANN):
        house.runner().run(job.id, lambda: True)
    assert house.exports.start(ANN, "notes", {"filter": "whole > 0"}).id != first.id


def test_progress_is_the_share_of_what_there_seems_to_be(house: House) -> None:
    house.fill(400)
    job = house.exports.start(ANN, "notes", {})
    assert house.queue.take()
    running = house.runner().run(job.id, lambda: False)
    assert running is not None
    assert (running.total, running.done, running.progress) == (400, 200, 0.5)


def test_links_are_made_when_asked_for_and_end(house: House) -> None:
    house.add(owner="all")
    job, _ = house.export(ANN)
    results = Results(lambda: house.blobs, now=lambda: house.ms)
    file = results.document(job)["result"]["file"]
    assert file["url"].startswith("memory:exports/")
    assert (file["name"], file["content_type"]) == ("notes.jsonl", "application/x-ndjson")
    assert "key" not in file
    assert "url" not in results.document(job, links=False)["result"]["file"]
    house.ms += KEPT_SECONDS * 1000 + 1
    assert "url" not in results.document(job)["result"]["file"]
    with pytest.raises(NotFound):
        house.jobs.get(BEN, job.id)


# ---- what goes out comes in again

TEXTS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
) | st.sampled_from(
    ["", "'", "''", "=1+1", "'=1", "+1", "-1", "@x", "\t", "\r", "\n", '"', ",", "＝1"]
)
NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
)
JSON = st.recursive(
    st.booleans() | TEXTS | st.integers(-(10**15), 10**15) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(bool), inner, max_size=3)
    ),
    max_leaves=6,
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS,
        "number": NUMBERS,
        "whole": st.integers(-(10**12), 10**12),
        "yes": st.booleans(),
        "tags": st.lists(TEXTS, max_size=3),
        "data": JSON.filter(lambda value: value is not None),
        "day": st.dates().map(str),
        "hidden": TEXTS,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(VALUES, max_size=6), st.sampled_from(["csv", "jsonl"]))
def test_what_was_exported_is_imported_as_it_was(bodies: list[dict[str, Any]], form: str) -> None:
    first, second = House(), House()
    ids = [first.add(**body) for body in bodies]
    job, text = first.export(ADMIN, format=form)
    assert job.done == len(ids)
    started, _ = second.imports.start(ADMIN, "notes", {"format": form})
    second.blobs.put(key_of("import", started.id), text.encode(), content_type="text/plain")
    second.jobs.enqueue(started.id)
    done = second.finish(started)
    assert (done.status, done.done, done.report) == (Status.DONE, len(ids), ())
    notes = first.catalog.get("notes")
    for record_id in ids:
        was, now = (house.store.get(notes, record_id) for house in (first, second))
        assert was is not None and now is not None
        assert (was.values, was.created) == (now.values, now.created)
        assert json.dumps(was.values, default=str) == json.dumps(now.values, default=str)
    if form == "csv":
        assert "\n=" not in text.replace("\r\n", "\n")


def test_no_cell_begins_a_formula(house: House) -> None:
    for text in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"):
        house.add(text=text, owner="all")
    house.add(number=Decimal("-1.5"), whole=-3, owner="all")
    _, table = house.export(ANN, format="csv", fields="text,number,whole")
    assert table.count(",'") + table.count(",\"'") == 8
    assert ",-1.5,-3\r\n" in table


@pytest.mark.parametrize("cell", ["'tis", "it's", "a=b", "'quoted'", "5-3", "'5"])
def test_cells_that_nobody_guarded_are_taken_as_they_are(house: House, cell: str) -> None:
    job, _ = house.imports.start(ADMIN, "notes", {})
    house.blobs.put(key_of("import", job.id), f'text\n"{cell}"\n'.encode(), content_type="text/csv")
    house.jobs.enqueue(job.id)
    house.finish(job)
    assert house.records.list(ADMIN, "notes").items[0]["text"] == cell


def test_the_largest_record_goes_out_and_comes_in(house: House) -> None:
    for form in ("csv", "jsonl"):
        target = House()
        one = house.add(text="\x01" * 100_000, tags=['\x02",' * 10_000, "ä" * 99_000])
        _, text = house.export(ADMIN, format=form)
        job, _ = target.imports.start(ADMIN, "notes", {"format": form})
        target.blobs.put(key_of("import", job.id), text.encode(), content_type="text/csv")
        target.jobs.enqueue(job.id)
        done = target.finish(job)
        assert done.report == ()
        notes = house.catalog.get("notes")
        was, now = house.store.get(notes, one), target.store.get(notes, one)
        assert was and now and was.values == now.values


def test_bad_options_are_bad_requests(house: House) -> None:
    with pytest.raises(BadRequest):
        house.exports.start(ANN, "notes", {"format": ""})
