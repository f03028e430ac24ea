"""``tenant: org`` through the functions: nobody reaches another tenant by any surface."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from covey.collections.document import load_all
from covey.config import settings
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from tests.functions.conftest import Answer, Api
from tests.functions.matrix import Document, Matrix
from tests.functions.stream import Stream

ORGS: Document = {
    "name": "orgs",
    "ids": "custom",
    "tenant": None,
    "fields": {"title": {"type": "text"}},
    "rules": {"read": "id == auth.org"},
}
USERS: Document = {
    "name": "users",
    "ids": "custom",
    "tenant": "org",
    "fields": {"org": {"type": "relation", "to": "orgs", "write": "false"}},
}
TASKS: Document = {
    "name": "tasks",
    "tenant": "org",
    "fields": {
        "org": {"type": "relation", "to": "orgs"},
        "title": {"type": "text"},
        "slug": {"type": "text", "unique": True},
        "hours": {"type": "integer"},
        "place": {"type": "geo"},
        "parent": {"type": "relation", "to": "tasks", "check": False},
    },
    "rules": dict.fromkeys(("read", "create", "update", "delete"), "true"),
    "indexes": [["hours"], ["parent", "-created"], ["title", "-hours"]],
    "geo": ["place"],
    "search": ["title"],
    "aggregates": {"by_title": {"group": ["title"], "count": True, "sum": ["hours"]}},
    "history": "30d",
    "soft_delete": "30d",
}
OF: dict[str, str | None] = {"ann": "acme", "al": "acme", "bob": "bolt", "zoe": None}
PATH = "/records/tasks"


class House(Matrix):
    """Two firms with tasks of the same names, and somebody who is of none."""

    def build(self) -> House:
        services().__dict__["job_queue"] = MemoryJobQueue()
        there = {one.name: one for one in services().catalog.all()}
        for one in load_all([ORGS, USERS, TASKS], there).values():
            services().catalog.save(one)
        self.root = self.api.token("root", "admin")
        for org in ("acme", "bolt"):
            self._made("PUT", f"/records/orgs/{org}", body={"title": org})
        self.tokens = {"guest": None, "root": self.root}
        for name, org in OF.items():
            self.tokens[name] = self.api.token(name)
            self._made("PATCH", f"/records/users/{name}", body={"org": org})
        for number in range(6):
            for name in ("ann", "bob"):
                body = {"title": f"common t{number % 3}", "slug": f"s{number}", "hours": number}
                body |= {"place": {"lat": number / 10, "lon": 3}}
                made = self.send(name, "POST", PATH, body)
                assert made.status == 201, made
                assert made.json["org"] == OF[name]
        self.streamed()
        return self

    def page(self, who: str, **parameters: str) -> Sequence[Document]:
        answer = self.get(who, PATH, limit="100", **parameters)
        assert answer.status == 200, answer
        found: list[Document] = answer.json["items"]
        return found

    def theirs(self, org: str) -> list[Document]:
        return [one for one in self.page("root") if one["org"] == org]


@pytest.fixture
def house(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("FILES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FILES_BUCKET", "files")
    monkeypatch.setenv("FILES_SECRET", "secret")
    settings.cache_clear()
    services.cache_clear()
    stream = Stream()
    stream.watch(monkeypatch)
    yield House(api, stream).build()


def orgs(items: Sequence[Document]) -> set[Any]:
    return {one["org"] for one in items}


def test_everything_that_reads_stays_within_the_tenant(house: House) -> None:
    assert len(house.page("root")) == 12
    own = {one["id"]: one for one in house.theirs("acme")}
    for one in house.page("root"):
        answer = house.get("ann", f"{PATH}/{one['id']}")
        assert (answer.status == 200) == (one["org"] == "acme")
        past = house.get("ann", f"{PATH}/{one['id']}/history")
        assert (past.status == 200) == (one["org"] == "acme")
    for more in (
        *({}, {"filter": "hours >= 0"}, {"sort": "-hours"}, {"filter": 'org == "acme"'}),
        {"filter": "near(place, 0, 3, 500)"},
    ):
        assert {one["id"] for one in house.page("ann", **more)} == own.keys(), more
    assert house.page("ann", filter='org == "bolt"') == []
    counted = house.get("ann", PATH, limit="1", count="exact", filter="hours >= 0")
    assert counted.json["count"] == 6
    hits = house.get("ann", f"{PATH}/search", q="common").json["items"]
    assert {one["id"] for one in hits} == own.keys()
    started = house.get("ann", f"{PATH}/export")
    house.worked()
    text = services().blobs.get(f"exports/{started.json['job']['id']}").decode()
    assert {json.loads(line)["id"] for line in text.splitlines()} == own.keys()


def test_totals_are_of_the_tenant_and_read_from_what_is_kept(house: House) -> None:
    body = {"group": ["title"], "count": True, "sum": ["hours"]}
    answer = house.send("ann", "POST", f"{PATH}/aggregate", body).json
    assert (answer["source"], answer["aggregate"]) == ("declared", "by_title")
    assert [one["count"] for one in answer["items"]] == [2, 2, 2]
    everything = house.send("root", "POST", f"{PATH}/aggregate", body).json
    assert [one["count"] for one in everything["items"]] == [4, 4, 4]
    hours = {"count": True, "filter": "hours > 3"}
    counted = house.send("ann", "POST", f"{PATH}/aggregate", hours).json
    assert counted["items"][0]["count"] == 2


@pytest.mark.parametrize(
    ("parameters", "source"),
    [
        ({}, "[org, -created]"),
        ({"filter": "hours > 2"}, "[org, -created]"),
        ({"sort": "-hours"}, "[org, hours]"),
        ({"filter": 'title == "common t1"', "sort": "-hours"}, "[org, title, -hours]"),
    ],
)
def test_lists_read_nothing_but_the_tenants(
    house: House, parameters: dict[str, str], source: str
) -> None:
    plan = house.get("ann", f"{PATH}", explain="true", **parameters).json
    assert source in json.dumps(plan["source"]), plan


def test_new_records_are_the_callers_and_cannot_be_anothers(house: House) -> None:
    assert house.send("ann", "POST", PATH, {"slug": "x", "org": "acme"}).status == 201
    for org in ("bolt", None, "none"):
        refused = house.send("ann", "POST", PATH, {"slug": f"y{org}", "org": org})
        assert refused.status in (403, 422), refused
    one = house.theirs("acme")[0]["id"]
    for body in ({"org": "bolt"}, {"org": None}):
        assert house.send("ann", "PATCH", f"{PATH}/{one}", body).status in (403, 422)
        whole = {**house.get("ann", f"{PATH}/{one}").json, **body}
        assert house.send("ann", "PUT", f"{PATH}/{one}", whole).status in (403, 422)
    whole = house.get("ann", f"{PATH}/{one}").json
    assert house.send("ann", "PUT", f"{PATH}/{one}", {**whole, "hours": 9}).status == 200
    left_out = {"title": "t", "slug": "z"}
    assert house.send("ann", "PUT", f"{PATH}/{one}", left_out).json["org"] == "acme"
    assert house.send("root", "POST", PATH, {"slug": "x", "org": "bolt"}).status == 201


def test_writes_of_every_kind_stop_at_the_tenant(house: House) -> None:
    before = house.theirs("bolt")
    other = before[0]["id"]
    operations = [
        {"method": "update", "collection": "tasks", "id": other, "body": {"hours": 99}},
        {"method": "delete", "collection": "tasks", "id": other},
        {"method": "create", "collection": "tasks", "body": {"org": "bolt", "hours": 99}},
        {
            "method": "upsert",
            "collection": "tasks",
            "by": ["slug"],
            "body": {"slug": "s0", "hours": 50},
        },
    ]
    done = house.send("ann", "POST", "/batch", {"atomic": False, "operations": operations})
    statuses = [one["status"] for one in done.json["results"]]
    assert statuses[:2] == [404, 404]
    assert statuses[2] in (403, 422)
    assert statuses[3] == 200
    assert done.json["results"][3]["body"]["org"] == "acme"
    upsert = f"{PATH}?{urlencode({'on_conflict': 'slug'})}"
    assert house.send("ann", "POST", upsert, {"slug": "s1", "hours": 51}).json["org"] == "acme"
    assert house.send("ann", "POST", upsert, {"slug": "new", "hours": 52}).status == 201
    started = house.send("ann", "POST", f"{PATH}/import", {"format": "jsonl", "mode": "upsert"})
    rows = [{"id": other, "hours": 99}, {"org": "bolt", "hours": 99}, {"title": "mine"}]
    house.imported(started.json["job"]["id"], "\n".join(map(json.dumps, rows)))
    job = house.get("ann", f"/jobs/{started.json['job']['id']}").json
    assert (job["done"], job["failed"]) == (1, 2), job
    for path in ("restore", "history/1"):
        method, body = ("POST", {"version": 1}) if path == "restore" else ("GET", None)
        assert house.send("ann", method, f"{PATH}/{other}/{path}", body).status == 404
    assert house.theirs("bolt") == before
    assert orgs(house.page("ann")) == {"acme"}


def test_values_are_unique_within_a_tenant(house: House) -> None:
    again = house.send("ann", "POST", PATH, {"slug": "s0"})
    assert (again.status, again.code) == (409, "unique_violation")
    assert house.send("bob", "POST", PATH, {"slug": "only"}).status == 201
    assert house.send("ann", "POST", PATH, {"slug": "only"}).status == 201


@pytest.mark.parametrize("who", ["zoe", "guest"])
def test_who_is_of_no_tenant_has_nothing(house: House, who: str) -> None:
    for target in (PATH, f"{PATH}/search?q=common", f"{PATH}/export"):
        answer = house.api("GET", target, token=house.tokens[who])
        assert answer.status in (401, 404), answer
    assert house.send(who, "POST", PATH, {"slug": "q"}).status in (401, 403, 404, 422)
    refused = house.send(who, "POST", PATH, {"slug": "q", "org": "acme"})
    assert refused.status in (401, 403, 404, 422)
    for one in house.page("root"):
        assert house.get(who, f"{PATH}/{one['id']}").status in (401, 404)


def test_nobody_moves_themselves_and_a_move_holds_at_once(house: House) -> None:
    moved = house.send("ann", "PATCH", "/records/users/ann", {"org": "bolt"})
    assert moved.code in ("field_write_denied", "rule_denied")
    assert {one["id"] for one in house.get("ann", "/records/users").json["items"]} == {"ann", "al"}
    assert house.get("ann", "/records/users/bob").status == 404
    assert house.send("root", "PATCH", "/records/users/ann", {"org": "bolt"}).status == 200
    assert orgs(house.page("ann")) == {"bolt"}
    assert house.send("root", "PATCH", "/records/users/ann", {"org": None}).status == 200
    assert house.get("ann", PATH).status == 404


def test_relations_reach_into_no_other_tenant(house: House) -> None:
    own, other = house.theirs("acme")[0]["id"], house.theirs("bolt")[0]["id"]
    child = {"slug": "child", "parent": own}
    assert house.send("ann", "POST", PATH, child).status == 201
    assert house.send("bob", "POST", PATH, child).status == 201  # which is not looked up
    shown = house.get("ann", f"{PATH}/{own}", expand="tasks_via_parent").json["expand"]
    assert [one["org"] for one in shown["tasks_via_parent"]["items"]] == ["acme"]
    assert house.send("root", "PATCH", f"{PATH}/{own}", {"parent": other}).status == 200
    reached: Answer = house.get("ann", f"{PATH}/{own}", expand="parent")
    assert reached.json["expand"]["parent"] is None


def test_keys_of_the_service_are_of_no_tenant(house: House) -> None:
    asked = {"name": "k", "kind": "service", "scopes": {"tasks": ["read", "create"]}}
    made = house.send("root", "POST", "/auth/keys", asked)
    assert made.status == 201, made
    assert house.api("GET", PATH, token=made.json["key"]).status in (403, 404)
    own = {"name": "k", "scopes": {"tasks": ["read"]}}
    key = house.send("ann", "POST", "/auth/keys", own).json["key"]
    listed = house.api("GET", f"{PATH}?limit=100", token=key).json["items"]
    assert orgs(listed) == {"acme"}
