"""An index added to the file of a collection with records, while writers go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import Running, User, until

NOTES = """\
name: notes
fields:
  kind: {type: text}
  rank: {type: integer}
  slug: {type: text}
rules: {read: "true", create: "true", update: "true", delete: "true"}
"""
RECORDS = 2_000


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    """A gateway whose collections this test may change."""
    collections = tmp_path / "collections"
    collections.mkdir()
    (collections / "notes.yaml").write_text(NOTES)
    running = Running(tmp_path, collections=collections).start()
    yield running
    running.close()


def fill(http: httpx.Client, count: int) -> None:
    threads = 8

    def some(start: int) -> None:
        for number in range(start, count, threads):
            body = {"kind": f"k{number % 4}", "rank": number, "slug": f"s{number}"}
            assert http.post("/records/notes", json=body).status_code == 201

    workers = [threading.Thread(target=some, args=(start,)) for start in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


class Writer(threading.Thread):
    """Creates, changes and deletes until told to stop, and knows what must be there then."""

    def __init__(self, http: httpx.Client, number: int) -> None:
        super().__init__()
        self.there: dict[str, str] = {}
        self.stopped = threading.Event()
        self._http, self._number = http, number

    def run(self) -> None:
        turn = 0
        while not self.stopped.is_set():
            turn += 1
            body = {"kind": f"k{turn % 4}", "rank": turn, "slug": f"w{self._number}-{turn}"}
            made = self._http.post("/records/notes", json=body)
            assert made.status_code == 201, made.text
            self.there[made.json()["id"]] = body["kind"]
            one = next(iter(self.there))
            if turn % 3 == 0:
                body = {"kind": f"k{(turn + 1) % 4}"}
                assert self._http.patch(f"/records/notes/{one}", json=body).status_code == 200
                self.there[one] = body["kind"]
            elif turn % 3 == 1:
                assert self._http.delete(f"/records/notes/{one}").status_code == 204
                del self.there[one]


def listed(http: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = http.get("/records/notes", params={"limit": "200", **query, **more})
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        cursor = page.json()["next"]
    return found


def unready(administrator: User) -> list[dict[str, str]]:
    answer = administrator.http.get("/admin/collections/notes").json()
    builds: list[dict[str, str]] = answer.get("builds", [])
    return builds


def job(administrator: User, build: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = administrator.http.get(f"/jobs/{build['job']}").json()
    return found


def test_an_index_over_2000_records_misses_none_though_writers_go_on_and_it_crashes(
    own: Running,
) -> None:
    administrator = own.administrator(own.token)
    http = own.client()
    fill(http, RECORDS)
    own.end()
    (own.collections / "notes.yaml").write_text(
        NOTES + "indexes:\n  - [kind, rank]\nunique: [[slug]]\n"
    )
    own.start()
    building = unready(administrator)
    assert {one["state"] for one in building} == {"building"}
    by_kind = {"filter": 'kind == "k1"', "sort": "rank"}
    refused = http.get("/records/notes", params=by_kind)
    assert (refused.status_code, refused.json()["code"]) == (400, "index_required")
    assert "it is being built" in refused.json()["detail"]

    until(lambda: job(administrator, building[0])["done"] > 200, "under way", 60)
    own.crash()
    own.start()
    writers = [Writer(own.client(), number) for number in range(3)]
    for writer in writers:
        writer.start()
    until(lambda: not unready(administrator), "ready", 90)
    for writer in writers:
        writer.stopped.set()
        writer.join()

    done = job(administrator, building[0])
    assert (done["status"], done["failed"], done["progress"]) == ("done", 0, 1)
    assert done["id"] in {
        one["id"]
        for one in administrator.http.get("/jobs", params={"system": "true"}).json()["items"]
    }
    until(lambda: http.get("/records/notes", params=by_kind).status_code == 200, "listed", 30)
    everything = {one["id"]: one for one in listed(http)}
    for writer in writers:
        for one, kind in writer.there.items():
            assert everything[one]["kind"] == kind
    for kind in ("k0", "k1", "k2", "k3"):
        found = listed(http, filter=f'kind == "{kind}"', sort="rank")
        wanted = sorted(one["id"] for one in everything.values() if one["kind"] == kind)
        assert sorted(one["id"] for one in found) == wanted
        assert [one["rank"] for one in found] == sorted(one["rank"] for one in found)
    taken = http.post("/records/notes", json={"slug": "s7"})
    assert (taken.status_code, taken.json()["code"]) == (409, "unique_violation")
