"""Files go when nothing holds them, and not before."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from covey.collections.catalog import Everything
from covey.collections.document import load
from covey.errors import Conflict
from covey.files.keeping import Keeping
from covey.files.model import DAY
from covey.records.archive import Keeper
from covey.records.model import Change, ChangeKind, Record
from covey.wiring import services
from functions.files.sweep import handler as sweep
from tests.functions.files.house import PROFILES, Files

MODES: dict[str, dict[str, Any]] = {
    "plain": {},
    "soft": {"soft_delete": "7d"},
    "history": {"history": "30d"},
    "ever": {"soft_delete": True, "history": True},
}


class House:
    """Records that change, and a clock."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.now = time.time()
        for name, keep in MODES.items():
            services().catalog.save(load({**PROFILES, "name": name, **keep}))
        parts = services()
        self.keeping = parts.__dict__["keeping"] = Keeping(
            parts.file_store,
            lambda: parts.blobs,
            parts.record_store,
            parts.archive,
            Everything(parts.catalog),
            clock=lambda: self.now,
        )

    def send(self, mode: str, field: str = "photo") -> str:
        more = {"data": b"x", "of": "text/plain"} if field == "papers" else {}
        return self.files.send(collection=mode, field=field, **more)

    def record(self, mode: str, record: str) -> Record | None:
        return services().record_store.get(services().catalog.get(mode), record, consistent=True)

    def call(self, method: str, mode: str, record: str, tail: str = "", **more: Any) -> Any:
        """Change a record, and tell the consumers of it, twice."""
        path = f"/records/{mode}/{record}{tail}" if record else f"/records/{mode}"
        token = more.pop("token", None) or self.files.api.token("ada")
        before = self.record(mode, record) if record else None
        answer = self.files.api(method, path, token=token, **more)
        name = record or answer.json["id"]
        self.tell(mode, name, before, self.record(mode, name))
        return answer

    def tell(self, mode: str, record: str, before: Record | None, after: Record | None) -> None:
        if before == after:
            return
        collection = services().catalog.get(mode)
        kind = ChangeKind.UPDATED if before and after else ChangeKind.DELETED
        kind = kind if before else ChangeKind.CREATED
        version = (after or before).version  # type: ignore[union-attr]
        change = Change(mode, record, version, kind, before, after, "1", int(self.now * 1000))
        for _ in range(2):
            for consumer in (Keeper(services().archive), self.keeping):
                if consumer.wants(collection):
                    consumer.apply(collection, [change])

    def sweep(self, days: float = 0) -> None:
        self.now += days * DAY
        self.keeping.sweep(lambda: True)

    def there(self, file_id: str) -> bool:
        stored = [key for key in self.files.stored() if file_id in key]
        known = self.files.known(file_id) is not None
        assert known == bool(stored)
        return known


@pytest.fixture
def house(files: Files) -> House:
    return House(files)


GOING: dict[str, Callable[[House], Any]] = {
    "deleted": lambda h: h.call("DELETE", "plain", "r"),
    "replaced": lambda h: h.call("PATCH", "plain", "r", body={"photo": h.send("plain")}),
    "cleared": lambda h: h.call("PATCH", "plain", "r", body={"photo": None}),
    "left out": lambda h: h.call("PUT", "plain", "r", body={}),
}


@pytest.mark.parametrize("how", GOING)
def test_a_file_goes_with_what_lets_go_of_it(house: House, how: str) -> None:
    file_id, papers = house.send("plain"), [house.send("plain", "papers") for _ in range(2)]
    house.call("PUT", "plain", "r", body={"photo": file_id, "papers": papers})
    house.sweep(2)
    assert house.there(file_id)
    assert 200 <= GOING[how](house).status < 300
    assert not house.there(file_id)
    if how in ("replaced", "cleared"):
        assert all(map(house.there, papers))
        house.call("PATCH", "plain", "r", body={"papers": {"$remove": [papers[0]]}})
        assert [house.there(one) for one in papers] == [False, True]


def test_a_change_that_comes_late_never_removes_what_a_record_holds(house: House) -> None:
    file_id = house.send("plain")
    house.call("PUT", "plain", "r", body={"photo": file_id})
    with_file = house.record("plain", "r")
    house.files.patch("ada", "r", photo=None)
    house.tell("plain", "r", with_file, None)  # as if it had been deleted and made again
    assert house.there(file_id)


def test_what_no_record_took_goes_after_a_day(house: House) -> None:
    waiting, taken = house.send("plain"), house.send("plain")
    data = b"x" * 100
    parts = house.files.reserve("ada", "papers", data, "a/b", collection="plain", parts=True)
    never = house.files.reserve("ada", "papers", data, "a/b", collection="plain")
    refused = house.files.send(collection="plain", field="papers", data=b"\0", of="text/plain")
    house.call("PUT", "plain", "r", body={"photo": taken})
    house.sweep(0.9)
    assert house.there(waiting)
    house.sweep(0.2)
    assert not house.there(waiting)
    assert house.there(taken)
    for one in (parts.json["file"]["id"], never.json["file"]["id"], refused):
        assert house.files.known(one) is None
    assert not list((house.files.directory._root / ".parts").glob("*"))
    assert services().file_store.loose(10**11, 100) == []


def test_soft_deletion_keeps_files_until_nothing_brings_them_back(house: House) -> None:
    file_id = house.send("soft")
    house.call("PUT", "soft", "r", body={"photo": file_id})
    house.call("DELETE", "soft", "r")
    assert house.there(file_id)
    assert house.files.read("ada", file_id).status == 404
    house.sweep(6)
    assert house.there(file_id)
    assert house.call("POST", "soft", "r", "/restore", body={}).status in (200, 201)
    assert house.files.read("ada", file_id).status == 302
    house.sweep(30)
    assert house.there(file_id)
    house.call("DELETE", "soft", "r")
    house.now = time.time()
    house.sweep(8)
    assert not house.there(file_id)


def test_history_keeps_files_of_past_versions(house: House) -> None:
    first, second = house.send("history"), house.send("history")
    house.call("PUT", "history", "r", body={"photo": first})
    house.call("PATCH", "history", "r", body={"photo": second})
    house.sweep(29)
    assert house.there(first)
    answer = house.call("POST", "history", "r", "/restore", body={"version": 1})
    assert (answer.status, answer.json["photo"]) == (200, first)
    assert house.files.read("ada", first).status == 302
    assert house.there(second)
    house.sweep(29)
    assert house.there(second)
    house.sweep(2)
    assert (house.there(first), house.there(second)) == (True, False)
    house.call("DELETE", "history", "r")
    house.sweep(31)
    assert not house.there(first)


def test_purging_lets_go_of_what_is_kept_without_end(house: House) -> None:
    file_id = house.send("ever")
    house.call("PUT", "ever", "r", body={"photo": file_id})
    house.call("DELETE", "ever", "r")
    house.sweep(400)
    assert house.there(file_id)
    before = services().catalog.get("ever")
    services().catalog.save(
        load({**PROFILES, "name": "ever", "soft_delete": True}, previous=before)
    )
    root = house.files.api.token("root", "admin")
    assert house.call("DELETE", "ever", "r", "?purge=true", token=root).status == 204
    house.sweep(0.1)
    assert not house.there(file_id)


def test_files_of_a_field_that_is_taken_out_go_with_it(house: House) -> None:
    photo, badge = house.send("plain"), house.send("plain", "badge")
    waiting = house.send("plain")
    house.call("PUT", "plain", "r", body={"photo": photo, "badge": badge})

    def every() -> Any:
        services().catalog.refresh()
        return services().catalog.all()

    assert house.keeping.fieldless(every, lambda: True) == 0
    before = services().catalog.get("plain")
    fields = {name: one for name, one in PROFILES["fields"].items() if name != "photo"}
    fields["mark"] = {**fields.pop("badge"), "was": "badge"}
    services().catalog.save(load({**PROFILES, "name": "plain", "fields": fields}, previous=before))
    assert house.keeping.fieldless(every, lambda: True) == 2
    assert [house.there(one) for one in (photo, waiting, badge)] == [False, False, True]
    assert house.keeping.fieldless(every, lambda: True) == 0


def test_files_of_a_collection_that_is_gone_go_with_the_sweep(house: House) -> None:
    waiting = house.send("plain")
    store = services().catalog_store
    version, _ = store.load()
    store.forget(services().catalog.get("plain"), version)
    services().catalog.refresh()
    house.sweep(2)
    assert not house.there(waiting)


def test_a_restore_that_meets_the_removal_wins_or_fails(house: House) -> None:
    file_id = house.send("soft")
    house.call("PUT", "soft", "r", body={"photo": file_id})
    house.call("DELETE", "soft", "r")
    seen = house.files.known(file_id)
    assert house.call("POST", "soft", "r", "/restore", body={}).status in (200, 201)
    with pytest.raises(Conflict):
        house.keeping.remove(seen)  # what was decided before the restore
    assert house.there(file_id)
    house.files.api("DELETE", "/records/soft/r", token=house.files.api.token("ada"))
    house.keeping.remove(house.files.known(file_id))  # as if its days were over a moment early
    answer = house.files.api(
        "POST", "/records/soft/r/restore", body={}, token=house.files.api.token("ada")
    )
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "file_not_found")


def test_a_removal_that_is_cut_off_is_finished(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = house.send("plain")
    house.call("PUT", "plain", "r", body={"photo": file_id})
    record = house.record("plain", "r")
    house.files.api("DELETE", "/records/plain/r", token=house.files.api.token("ada"))
    blobs = type(services().blobs)
    real, left = blobs.delete, [2]

    def delete(self: Any, key: str) -> None:
        if left[0] == 0:
            raise OSError
        left[0] -= 1
        real(self, key)

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "delete", delete)
        with pytest.raises(OSError):
            house.tell("plain", "r", record, None)
    assert house.files.known(file_id).state == "going"
    assert house.files.read("ada", file_id).status == 404
    house.tell("plain", "r", record, None)
    assert not house.there(file_id)


def test_the_schedule_sweeps(house: House) -> None:
    class Context:
        aws_request_id = "1"

        def get_remaining_time_in_millis(self) -> int:
            return 300_000

    waiting = house.send("plain")
    house.now += 2 * DAY
    swept = sweep({"time": "2026-01-01T00:00:00Z"}, Context())
    assert swept == {"files_looked_at": 1, "files_failed": 0, "files_of_no_field": 0}
    assert not house.there(waiting)
    assert sweep({}, Context())["files_looked_at"] == 0
