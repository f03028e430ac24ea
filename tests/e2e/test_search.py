"""Search through a gateway: kept from changes, and built over records that are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import Running, until

NOTES = """\
name: notes
fields:
  title: {type: text}
  body: {type: text}
rules: {read: "true", create: "true", update: "true", delete: "true"}
"""
SEARCH = "search: {fields: {title: 3, body: 1}, language: english}\n"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    """A gateway whose collections this test may change."""
    collections = tmp_path / "collections"
    collections.mkdir()
    (collections / "notes.yaml").write_text(NOTES)
    running = Running(tmp_path, collections=collections).start()
    yield running
    running.close()


def found(http: httpx.Client, q: str, **more: Any) -> list[str]:
    answer = http.get("/records/notes/search", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json()["items"]]


def test_a_search_is_built_kept_and_taken_away(own: Running) -> None:
    http = own.client()
    for number in range(120):
        body = {"title": f"Note {number}", "body": "some databases were described"}
        assert http.post("/records/notes", json=body).status_code == 201
    none = http.get("/records/notes/search", params={"q": "database"})
    assert (none.status_code, none.json()["code"]) == (400, "search_not_declared")

    own.end()
    (own.collections / "notes.yaml").write_text(NOTES + SEARCH)
    own.start()
    http = own.client()
    building = http.get("/records/notes/search", params={"q": "database"})
    assert (building.status_code, building.json()["code"]) == (409, "search_building")
    made = http.post("/records/notes", json={"title": "Database design", "body": "new"}).json()
    path = f"/records/notes/{made['id']}"

    def ready() -> bool:
        return http.get("/records/notes/search", params={"q": "x"}).status_code == 200

    until(ready, "built", 90)
    until(lambda: len(found(http, "database", limit=200)) == 121, "all found", 30)
    assert found(http, "designing")[0] == "Database design"

    assert http.patch(path, json={"title": "Gardens"}).status_code == 200
    until(lambda: found(http, "garden") == ["Gardens"], "changed", 30)
    assert found(http, "design") == []
    own.crash()
    own.start()
    http = own.client()
    assert http.delete(path).status_code == 204
    assert found(http, "garden") == []
    assert len(found(http, "database", limit=200)) == 120
