"""A deployment out and into another one: everything is as it was, whatever dies on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from covey.backups import backing_up, restoring
from covey.backups.backing_up import BackingUp
from covey.backups.blocks import Place, seal
from covey.backups.restoring import Restoring, Target
from covey.backups.service import Backups
from covey.collections import Catalog, document, load
from covey.collections.model import Build, State
from covey.errors import BadRequest, Conflict, Forbidden, Unauthenticated
from covey.identity.principal import GUEST, Kind, Principal
from covey.jobs.model import REPORT_LIMIT, Job, Status
from covey.jobs.runner import LEASE_MS, Runner
from covey.jobs.service import Jobs
from covey.jobs.uploads import key_of
from covey.records.ids import IdMaker
from covey.records.model import Record
from covey.records.ports import Query
from covey.records.service import Records
from covey.testing.blobs import MemoryBlobs
from covey.testing.catalog import MemoryCatalogStore
from covey.testing.credentials import MemoryCredentials
from covey.testing.jobs import MemoryJobStore
from covey.testing.queues import MemoryJobQueue
from covey.testing.rebuilding import MemoryRebuilder
from covey.testing.records import MemoryRecordStore
from covey.testing.remains import MemoryRemains

START = 1_800_000_000_000
ADMIN = Principal(Kind.ADMINISTRATOR, IdMaker().make(START), roles=("admin",))
ANN = Principal(Kind.USER, "a" * 20)
NOTES = {
    "name": "notes",
    "fields": {
        "slug": {"type": "text"},
        "number": {"type": "number"},
        "data": {"type": "json"},
        "until": {"type": "datetime", "expires": True},
    },
    "indexes": [["slug", "-created"]],
    "unique": [["slug"]],
}
PLACES = {"name": "places", "ids": "custom", "fields": {"name": {"type": "text"}}}


class House:
    """A deployment over twins."""

    def __init__(self) -> None:
        self.ms = START
        self.catalog_store = MemoryCatalogStore()
        self.catalog = Catalog(self.catalog_store)
        self.store = MemoryRecordStore(clock=lambda: self.ms / 1000)
        self.records = Records(self.store, self.catalog, clock=lambda: self.ms)
        self.credentials = MemoryCredentials(self.store)
        self.remains = MemoryRemains()
        self.blobs, self.queue, self.kept = MemoryBlobs(), MemoryJobQueue(), MemoryJobStore()
        self.jobs = Jobs(self.kept, self.queue, now=lambda: self.ms)
        self.target = Target(
            self.catalog, self.catalog_store, self.store, self.credentials, self.remains, 40.0
        )
        self.backups = Backups(self.jobs, self.blobs, self.target)

    def runner(self) -> Runner:
        walker = MemoryRebuilder(self.store)
        kinds = {
            "backup": BackingUp(
                self.blobs,
                self.catalog,
                walker,
                self.credentials,
                self.remains,
                now=lambda: self.ms,
            ),
            "restore": Restoring(self.blobs, self.target, now=lambda: self.ms),
        }
        return Runner(self.kept, self.queue, kinds, now=lambda: self.ms)

    def finish(self, job: Job, time_left: Callable[[], bool] = lambda: True) -> Job:
        for _ in range(2_000):
            if not self.queue.take():
                break
            self.ms += 50_000
            self.runner().run(job.id, time_left)
        return self.jobs.get(ADMIN, job.id)

    def backup(self, time_left: Callable[[], bool] = lambda: True) -> bytes:
        job = self.finish(self.backups.start(ADMIN), time_left)
        assert job.status is Status.DONE, job.error
        assert not [key for key in self.blobs._blobs if "." in key]
        return self.blobs.get(backing_up.blob_key(job.id))

    def restore(
        self, data: bytes, time_left: Callable[[], bool] = lambda: True, **options: Any
    ) -> Job:
        job, _ = self.backups.restore(ADMIN, options)
        self.blobs.put(key_of("restore", job.id), data, content_type="application/gzip")
        self.jobs.enqueue(job.id)
        return self.finish(job, time_left)

    def everything(self) -> dict[str, Any]:
        self.catalog.refresh()
        found: dict[str, Any] = {}
        for collection in self.catalog.all():
            records = self.store.of(collection)
            found[collection.name] = {
                "state": document.state(collection),
                "records": dict(sorted(records.items())),
                "slots": {one: self.store.slots(collection, one) for one in records},
            }
        return found | {"claims": dict(self.store.claims), "remains": dict(self.remains.items)}

    def add_user(self, email: str, user_id: str = "", account: bool = True) -> str:
        self.ms += 1
        users = self.catalog.get("users")
        user_id = user_id or IdMaker().make(self.ms)
        created = int(user_id, 32) >> 52
        also = []
        if account:
            also.append(self.credentials.creation(user_id, {"user": user_id, "password": "hash"}))
        record = Record(user_id, created, created, 1, {"email": email, "verified": False})
        self.store.create(users, record, also=also)
        return user_id


def filled(count: int = 30) -> House:
    house = House()
    for one in (NOTES, PLACES):
        house.catalog.save(load(one))
    renamed = {**NOTES, "fields": {**NOTES["fields"], "extra": {"type": "text"}}}  # type: ignore[dict-item]
    notes = house.catalog.get("notes")
    house.catalog.save(load(renamed, previous=notes))
    for number in range(count):
        house.ms += 1
        body = {"slug": f"s{number}", "number": Decimal("1.50") + number, "data": {"n": [None, 1]}}
        made = house.records.create(ADMIN, "notes", body).id
        if number % 3 == 0:
            house.records.update(ADMIN, "notes", made, {"extra": "changed"})
        house.records.create(ADMIN, "places", {"id": f"p{number}", "name": "ä"})
        house.remains.put([{"key": f"k{number:04d}", "secret": "s"}])
    house.add_user("root@example.test", ADMIN.id)
    house.add_user("ann@example.test")
    house.add_user("ben@example.test", account=False)
    return house


def test_everything_is_as_it_was() -> None:
    first, second = filled(), House()
    data = first.backup()
    job = second.restore(data)
    assert (job.status, job.failed, job.done) == (Status.DONE, 0, 63), job.report
    assert job.result["records"] == {"notes": 30, "places": 30, "users": 3}
    assert second.everything() == first.everything()
    ids = list(first.store.of(first.catalog.get("users")))
    assert second.credentials.of(ids) == first.credentials.of(ids)
    assert len(second.credentials.of(ids)) == 2
    assert second.records.list(ADMIN, "notes", {"filter": "slug == 's3'"}).items
    with pytest.raises(Conflict):
        second.records.create(ADMIN, "notes", {"slug": "s3"})
    assert not second.blobs._blobs
    assert second.backup() != b""


def test_slices_of_any_length_give_the_same() -> None:
    first, second = filled(), House()
    whole, sliced = first.backup(), first.backup(lambda: False)
    for data in (whole, sliced):
        second = House()
        job = second.restore(data, lambda: False)
        assert (job.status, job.done) == (Status.DONE, 63), job
        assert second.everything() == first.everything()


class Dies:
    """A job store whose save ends the process once, at a given save, before or after it."""

    def __init__(self, house: House, at: int, *, before: bool) -> None:
        self.save, self.at, self.before = house.kept.save, at, before

    def __call__(self, was: Job, now: Job) -> Job | None:
        self.at -= 1
        if not self.at and self.before:
            raise SystemExit
        saved = self.save(was, now)
        if not self.at:
            raise SystemExit
        return saved


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(2, 12))
def test_a_runner_that_dies_at_any_save_leaves_everything_once(at: int, before: bool) -> None:
    first, second, data = filled(8), House(), b""
    for house in (first, second):
        save = house.kept.save
        house.kept.save = Dies(house, at, before=before)  # type: ignore[method-assign]
        try:
            first.backup() if house is first else second.restore(data)
        except SystemExit:
            house.kept.save = save  # type: ignore[method-assign]
            house.ms += LEASE_MS + 1
            (job,) = house.jobs.list(ADMIN)
            house.jobs.enqueue(job.id)
            assert house.finish(job).status is Status.DONE
        house.kept.save = save  # type: ignore[method-assign]
        if house is first:
            (job,) = first.jobs.list(ADMIN)
            data = first.blobs.get(backing_up.blob_key(job.id))
    assert second.everything() == first.everything()


@pytest.mark.parametrize("hurt", ["cut", "altered", "foreign", "other digest"])
def test_a_file_that_is_refused_changes_nothing(hurt: str) -> None:
    data = filled().backup()
    house = House()
    house.add_user("root@example.test", ADMIN.id)
    before = house.everything()
    options = {}
    if hurt == "cut":
        data = data[:-5]
    elif hurt == "altered":
        at = len(data) // 2
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    elif hurt == "foreign":
        data = b"id,title\n"
    else:
        options = {"sha256": "0" * 64}
    job = house.restore(data, **options)
    assert (job.status, job.done) == (Status.FAILED, 0)
    assert job.error
    assert house.everything() == before


def test_the_digest_that_a_backup_tells_is_the_one_of_its_file() -> None:
    first = filled()
    data = first.backup()
    (job,) = first.jobs.list(ADMIN)
    assert House().restore(data, sha256=job.result["sha256"]).status is Status.DONE


def test_the_stand_in_makes_way_for_the_administrator_of_the_backup() -> None:
    first, second = filled(), House()
    stand_in = second.add_user("ann@example.test", ADMIN.id)
    first_ids = set(first.store.of(first.catalog.get("users"))) - {ADMIN.id}
    users = first.catalog.get("users")
    root = first.store.get(users, ADMIN.id)
    assert root is not None
    first.store.delete(users, root)
    job = second.restore(first.backup())
    assert (job.status, job.failed) == (Status.DONE, 0), job.report
    assert set(second.store.of(second.catalog.get("users"))) == first_ids
    assert stand_in not in first_ids


def test_a_deployment_with_records_is_refused_unless_forced() -> None:
    data = filled().backup()
    house = House()
    house.catalog.save(load({**NOTES, "fields": {"slug": {"type": "text"}}}))
    notes = house.catalog.get("notes")
    mine = house.records.create(ADMIN, "notes", {"slug": "mine"}).id
    with pytest.raises(Conflict) as refused:
        house.backups.restore(ADMIN, {})
    assert refused.value.code == "not_empty"
    job = house.restore(data, force=True)
    assert job.status is Status.DONE
    assert house.store.get(notes, mine) is not None
    # Records of collections that keep their definition lose what that has no field for.
    assert {fault.code for fault in job.report} == {"unknown_field"}
    assert job.failed == 30
    assert house.store.count(house.catalog.get("notes")) == 31
    assert house.store.count(house.catalog.get("places")) == 30


def test_records_that_come_meanwhile_are_met_before_anything_is_changed() -> None:
    data, house = filled().backup(), House()
    job, _ = house.backups.restore(ADMIN, {})
    house.blobs.put(key_of("restore", job.id), data, content_type="application/gzip")
    house.jobs.enqueue(job.id)
    house.add_user("new@example.test")
    before = house.everything()
    assert house.finish(job).status is Status.FAILED
    assert house.everything() == before


def test_a_forced_restore_brings_records_back_under_a_later_version() -> None:
    house = filled(3)
    data = house.backup()
    one = house.records.list(ADMIN, "places").items[0]
    house.records.update(ADMIN, "places", one["id"], {"name": "other"})
    for _ in range(2):
        job = house.restore(data, force=True)
        assert (job.status, job.failed) == (Status.DONE, 0), job.report
        back = house.records.get(ADMIN, "places", one["id"]).document
        assert (back["name"], back["version"]) == (one["name"], 3)


def test_what_was_not_ready_is_left_to_a_build() -> None:
    first, second = filled(2), House()
    notes = first.catalog.get("notes")
    parts = {f"unique {notes.fields['slug'].key} 0": Build(State.FAILED, "job")}
    first.catalog_store.save(replace(notes, builds=parts, version=notes.version + 1), 3)
    first.catalog.refresh()
    twin = IdMaker().make(first.ms)
    created = int(twin, 32) >> 52
    plain = replace(first.catalog.get("notes"), unique=())
    first.store.create(plain, Record(twin, created, created, 1, {"slug": "s1"}))
    job = second.restore(first.backup())
    assert (job.status, job.failed) == (Status.DONE, 0), job.report
    assert second.catalog.get("notes").builds == parts
    assert second.store.count(second.catalog.get("notes")) == 3


def test_many_faults_are_a_file() -> None:
    head = [{"covey-backup": 1}, {"collection": document.state(load(NOTES))}]
    rows = [
        {"id": "odd", "created": 1, "updated": 1, "version": 1, "values": {}}
        for _ in range(REPORT_LIMIT + 1)
    ]
    place, data = Place(), b""
    for lines in (
        head,
        [{"records": "notes"}, *rows],
        [{"end": {"records": {"notes": 201}, "remains": 0}}],
    ):
        sealed, place = seal(lines, place)
        data += sealed
    house = House()
    job = house.restore(data)
    assert (job.status, job.failed, job.done) == (Status.DONE, 201, 0)
    report = house.blobs.get(job.result["report"]["key"]).splitlines()
    assert len(report) == 201
    assert json.loads(report[0])["code"] == "invalid_id"


@pytest.mark.parametrize(
    "values",
    [{"slug": {"a": 1}}, {"slug": [1]}, {"until": 5}, {"until": "soon"}, {"slug": "x" * 5_000}],
)
def test_values_that_cannot_be_kept_are_faults(values: dict[str, Any]) -> None:
    one = IdMaker().make(START)
    row = {"id": one, "created": START, "updated": START, "version": 1, "values": values}
    head = [{"covey-backup": 1}, {"collection": document.state(load(NOTES))}]
    place, data = Place(), b""
    for lines in (
        head,
        [{"records": "notes"}, row],
        [{"end": {"records": {"notes": 1}, "remains": 0}}],
    ):
        sealed, place = seal(lines, place)
        data += sealed
    house = House()
    job = house.restore(data)
    assert (job.status, job.done + job.failed) == (Status.DONE, 1)
    page = house.store.list(house.catalog.get("notes"), Query(), lambda _: True)
    assert len(page.records) == job.done


@pytest.mark.parametrize("who", [GUEST, ANN])
def test_only_administrators_back_up_and_restore(who: Principal) -> None:
    house = House()
    for call in (lambda: house.backups.start(who), lambda: house.backups.restore(who, {})):
        with pytest.raises((Unauthenticated, Forbidden)):
            call()


@pytest.mark.parametrize("body", [{"force": "yes"}, {"sha256": "x"}, {"sha256": 1}, {"what": 1}])
def test_options_that_are_not_understood_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        House().backups.restore(ADMIN, body)


def test_a_backup_that_runs_is_not_started_twice() -> None:
    house = House()
    assert house.backups.start(ADMIN).id == house.backups.start(ADMIN).id
    assert restoring.KIND == "restore"
