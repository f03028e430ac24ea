"""The whole HTTP API beside a plain dictionary: whatever is done to both, they answer alike.

Runs for at least 2,000 steps. ``MODEL_STEPS=40000 pytest tests/e2e/test_model.py`` runs longer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as run_machine

from app import app
from covey.collections.builds import described
from covey.collections.document import load
from covey.collections.model import Epoch
from covey.config import settings as configured
from covey.jobs.backfills import Backfills
from covey.records.time import now_ms
from covey.testing.events import http_event
from covey.testing.queues import MemoryJobQueue
from covey.wiring import services
from tests.e2e.model import ATOMS, Document, Filter, Model, Refused, both, either, in_order
from tests.functions.conftest import Answer, Api

STEPS = int(os.environ.get("MODEL_STEPS", "2000"))
STEPS_AT_ONCE = 100
MEANWHILE = 8  # steps between the two halves of a list
USERS = {"name": "users", "ids": "custom"}
POSTS: Document = {
    "fields": {
        "title": {"type": "text"},
        "author": {"type": "text", "default": "auth.id"},
        "published": {"type": "bool", "default": False},
        "views": {"type": "integer", "default": 0},
        "slug": {"type": "text"},
    },
    "rules": {
        "read": "published || author == auth.id",
        "create": "auth != null",
        "update": "author == auth.id",
        "delete": "author == auth.id",
    },
    "unique": [["slug"]],
}
INDEXES = (
    *(["author", "-created"], ["published", "-created"], ["author", "-views"]),
    *(["published", "-views"], ["title"], ["author", "title", "-views"]),
    {"fields": ["views"], "covering": False},
)
SORTS = ("", "", "created", "-views", "views", "title", "-title", "author,-created", "title,-views")

who = st.sampled_from(["ann", "ann", "bob", "cid", "root", ""])
writer = st.sampled_from(["ann", "bob", "cid"])
slugs = st.sampled_from([None, None, None, *(f"s{number}" for number in range(8))])
values = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b", "ba", "", "é", None]),
        "published": st.booleans(),
        "views": st.sampled_from([0, 1, 2, 3, -1, None]),
        "slug": slugs,
        "author": st.sampled_from(["ann", "bob"]),
    },
)
patches = st.one_of(values, st.fixed_dictionaries({"views": st.just({"$inc": 2})}))
atoms = st.sampled_from(ATOMS)
filters = st.none() | st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(either),
        st.lists(inner, min_size=2, max_size=2).map(both),
    ),
    max_leaves=4,
)
lists = st.tuples(who, filters, st.sampled_from(SORTS), st.integers(2, 9))
picks = st.integers(0, 1_000)
operations = st.lists(
    st.tuples(st.sampled_from(["create", "update", "replace", "delete"]), picks, values),
    min_size=1,
    max_size=5,
)


@dataclass
class Open:
    """A cursor that was kept, and what had been read before it."""

    caller: str
    parameters: dict[str, str]
    cursor: str
    backward: bool
    ahead: dict[str, Document]  # as they were, those that were still to come
    passed: dict[str, Document]
    due: int  # the step after which the rest is read


class Machine(RuleBasedStateMachine):
    """Does everything to the API and to the model."""

    steps: ClassVar[int] = 0
    counted: ClassVar[dict[str, int]] = {}
    number: ClassVar[int] = 0
    tokens: ClassVar[dict[str, str]] = {}

    @initialize(start=st.integers(1, 3), chosen=st.sets(st.sampled_from(range(7)), max_size=7))
    def begin(self, start: int, chosen: set[int]) -> None:
        Machine.number += 1
        self.model = Model()
        self.open: list[Open] = []
        self.document: Document = {
            "name": f"posts{Machine.number}",
            **POSTS,
            "indexes": [INDEXES[at] for at in sorted(chosen)],
        }
        self.path = f"/records/{self.document['name']}"
        services().catalog.save(load({**self.document, "shards": start}))
        for number in range(12):
            body = {"title": "ab"[number % 2], "published": number % 3 == 0, "views": number % 4}
            self.create("ann" if number % 4 else "bob", body)

    def teardown(self) -> None:
        """Take the collection away: each request reads the catalog, whose size does not matter."""
        store = services().catalog_store
        version, collections = store.load()
        for collection in collections:
            if collection.name == f"posts{Machine.number}":
                store.forget(collection, version)
        services().catalog.refresh()

    def call(self, method: str, target: str, caller: str, **options: Any) -> Answer:
        token = {"token": self.tokens[caller]} if caller else {}
        event = http_event(method, target, **token, **options)
        made = app(json.loads(json.dumps(event)), None)
        assert made["statusCode"] < 500, made
        return Answer(made["statusCode"], made["headers"], made["body"])

    def count(self, name: str) -> None:
        Machine.steps += 1
        self.counted[name] = self.counted.get(name, 0) + 1

    def picked(self, pick: int) -> str:
        """The id of a record that is there, or of none."""
        ids = [*self.model.records, "0" * 20]
        return ids[pick % len(ids)]

    # ── writes ────────────────────────────────────────────────────────────────────────────────

    @rule(caller=who, body=values)
    def make(self, caller: str, body: Document) -> None:
        self.count("create")
        self.create(caller, body)

    def create(self, caller: str, body: Document) -> None:
        answer = self.call("POST", self.path, caller, body=body)
        try:
            expected = self.model.created(body, caller)
        except Refused:
            assert answer.status == 401, answer
            return
        if self.model.clashes(expected):
            assert answer.status == 409, answer
            return
        assert answer.status == 201, answer
        self.take(answer.json, expected, caller, version=1)

    def take(self, shown: Document, expected: Document, caller: str, version: int) -> None:
        """Keep what a write left, and compare what it answered."""
        assert shown["version"] == version
        self.model.keep(shown["id"], expected, shown)
        if self.model.visible(expected, caller):
            assert plain(shown) == self.model.records[shown["id"]]

    @rule(caller=who, pick=picks, patch=patches, stale=st.sampled_from([0, 0, 0, 1]))
    def patch(self, caller: str, pick: int, patch: Document, stale: int) -> None:
        self.count("patch")
        record_id = self.picked(pick)
        self.write("PATCH", record_id, caller, patch, stale)

    @rule(caller=who, pick=picks, body=values, stale=st.sampled_from([0, 0, 0, 1]))
    def put(self, caller: str, pick: int, body: Document, stale: int) -> None:
        self.count("put")
        record_id = self.picked(pick)
        if record_id in self.model.records:
            self.write("PUT", record_id, caller, body, stale)

    def write(self, method: str, record_id: str, caller: str, body: Document, stale: int) -> None:
        version = self.model.records.get(record_id, {}).get("version", 1)
        headers = {"If-Match": f'"{version + 1}"'} if stale else {}
        answer = self.call(method, f"{self.path}/{record_id}", caller, body=body, headers=headers)
        made = self.model.patched if method == "PATCH" else self.model.replaced
        try:
            expected = made(record_id, body, caller)
        except Refused:
            # A PUT to what its caller may not see answers as to what is not there.
            others = ([412] if stale else []) + ([422] if method == "PUT" else [])
            assert answer.status in (401, 403, 404, *others), answer
            return
        if stale:
            assert answer.status == 412, answer
        elif self.model.clashes(expected, record_id):
            assert answer.status == 409, answer
        else:
            assert answer.status == 200, answer
            before = self.model.records[record_id]
            same = expected == {k: v for k, v in before.items() if k in POSTS["fields"]}
            self.take(answer.json, expected, caller, version + (not same))

    @rule(caller=who, pick=picks)
    def delete(self, caller: str, pick: int) -> None:
        self.count("delete")
        record_id = self.picked(pick)
        answer = self.call("DELETE", f"{self.path}/{record_id}", caller)
        try:
            self.model.owned(record_id, caller)
        except Refused:
            assert answer.status in (401, 403, 404), answer
            return
        assert answer.status == 204, answer
        del self.model.records[record_id]

    @rule(caller=writer, chosen=operations)
    def batch_together(self, caller: str, chosen: Any) -> None:
        self.count("batch, atomic")
        operations = self.operations(chosen)
        named = [one["id"] for one in operations if "id" in one]
        after, expected = self.model.copy(), []
        try:
            if len(set(named)) < len(named):
                raise Refused
            for number, one in enumerate(operations):
                expected.append(apply(after, one, caller, f"new{number}"))
            after.check_unique()
        except Refused:
            expected = []
        answer = self.call("POST", "/batch", caller, body={"operations": operations})
        if not expected:
            assert 400 <= answer.status < 500, answer
            return
        assert answer.status == 200, answer
        for one, result, want in zip(operations, answer.json["results"], expected, strict=True):
            self.follow(one, result, want)

    @rule(caller=writer, chosen=operations)
    def batch_apart(self, caller: str, chosen: Any) -> None:
        self.count("batch, apart")
        operations = self.operations(chosen)
        body = {"atomic": False, "operations": operations}
        answer = self.call("POST", "/batch", caller, body=body)
        assert answer.status == 200, answer
        for one, result in zip(operations, answer.json["results"], strict=True):
            after = self.model.copy()
            try:
                want = apply(after, one, caller, "new")
                after.check_unique()
            except Refused:
                assert 400 <= result["status"] < 500, (one, result)
            else:
                self.follow(one, result, want)

    def operations(self, chosen: Any) -> list[Document]:
        made = []
        for method, pick, body in chosen:
            one: Document = {"method": method, "collection": self.document["name"]}
            if method != "create":
                one["id"] = self.picked(pick)
            made.append(one if method == "delete" else {**one, "body": body})
        return made

    def follow(self, one: Document, result: Document, want: Document | None) -> None:
        """Do to the model what an operation did."""
        assert result["status"] in (200, 201, 204), result
        if want is None:
            del self.model.records[one["id"]]
            return
        shown = result["body"]
        self.model.keep(shown["id"], want, shown)

    # ── reads ─────────────────────────────────────────────────────────────────────────────────

    @rule(caller=who, pick=picks)
    def get(self, caller: str, pick: int) -> None:
        self.count("get")
        record_id = self.picked(pick)
        answer = self.call("GET", f"{self.path}/{record_id}", caller)
        record = self.model.records.get(record_id)
        if record is None or not self.model.visible(record, caller):
            assert answer.status == 404, answer
        else:
            assert plain(answer.json) == record

    def page(self, caller: str, parameters: Mapping[str, str], cursor: str = "") -> Answer:
        sent = {**parameters, **({"cursor": cursor} if cursor else {})}
        query = "&".join(f"{name}={quote(text, safe='')}" for name, text in sent.items())
        return self.call("GET", f"{self.path}?{query}", caller)

    def first(self, asked: Any) -> tuple[dict[str, str], Answer, list[Document]]:
        """A list's parameters, its first page, and what it should show."""
        caller, wanted, sort, limit = asked
        wanted = wanted if caller or wanted is None or "auth" not in wanted.text else None
        parameters = {"limit": str(limit)}
        parameters |= {"filter": wanted.text} if wanted else {}
        parameters |= {"sort": sort} if sort else {}
        expected = in_order(self.taken(wanted, caller), sort)
        return parameters, self.page(caller, parameters), expected

    def taken(self, wanted: Filter | None, caller: str) -> list[Document]:
        seen = self.model.seen_by(caller)
        return [one for one in seen if wanted is None or wanted.holds(one, caller)]

    def refused(self, answer: Answer, sort: str) -> bool:
        """Whether a list was refused for want of an index, which some must not be."""
        if answer.status == 200:
            return False
        assert (answer.status, answer.code) == (400, "index_required"), answer
        assert sort not in ("", "created")
        found = services().catalog.get(self.document["name"])
        ready = [index.parts for index in found.indexes if index.name not in unready(found)]
        assert not any(len(p) == 1 and p[0].field == sort.removeprefix("-") for p in ready)
        return True

    @rule(asked=lists)
    def walk(self, asked: Any) -> None:
        self.count("list")
        caller, _, sort, limit = asked
        parameters, answer, expected = self.first(asked)
        if self.refused(answer, sort):
            return
        pages = [answer.json]
        assert pages[0]["prev"] is None
        while pages[-1]["next"]:
            pages.append(self.page(caller, parameters, pages[-1]["next"]).json)
        shown = [plain(item) for page in pages for item in page["items"]]
        assert all(len(page["items"]) == limit for page in pages[:-1])
        assert sorted(shown, key=lambda r: r["id"]) == sorted(expected, key=lambda r: r["id"])
        assert keys(shown, sort) == keys(expected, sort)
        back = pages[-1]
        for page in reversed(pages[:-1]):
            back = self.page(caller, parameters, back["prev"]).json
            assert back["items"] == page["items"]
        assert back["prev"] is None or len(pages) == 1

    @rule(asked=lists)
    def count_all(self, asked: Any) -> None:
        self.count("count")
        caller, _, sort, _ = asked
        parameters, answer, expected = self.first(asked)
        if not self.refused(answer, sort):
            counted = self.page(caller, {**parameters, "count": "exact"}).json
            assert (counted["count"], counted["count_kind"]) == (len(expected), "exact")

    @rule(asked=lists, turn=st.booleans())
    def keep_a_cursor(self, asked: Any, turn: bool) -> None:
        """Read the first two of a list; the rest is read a while later, whatever came between."""
        self.count("keep a cursor")
        caller, chosen, sort, _ = asked
        parameters, answer, expected = self.first((caller, chosen, sort, 2))
        if self.refused(answer, sort) or not answer.json["next"]:
            return
        page = answer.json
        ids = [item["id"] for item in page["items"]]
        shown = {one["id"]: one for one in expected}
        passed = {record_id: shown[record_id] for record_id in ids}
        ahead = {record_id: one for record_id, one in shown.items() if record_id not in passed}
        cursor = page["next"]
        if turn:
            cursor = self.page(caller, parameters, cursor).json["prev"]
            ahead, passed = passed, ahead
        due = Machine.steps + MEANWHILE
        self.open.append(Open(caller, parameters, cursor, turn, ahead, passed, due))

    @invariant()
    def lists_go_on(self) -> None:
        while self.open and self.open[0].due <= Machine.steps:
            self.go_on(self.open.pop(0))

    def go_on(self, kept: Open) -> None:
        """What was left alone since is neither hidden nor repeated."""
        self.count("go on")
        answer = self.page(kept.caller, kept.parameters, kept.cursor)
        if answer.status == 400:  # the index of its order is gone, or no longer ready
            assert answer.code == "invalid_cursor", answer
            assert kept.parameters.get("sort") not in (None, "created")
            return
        items = list(answer.json["items"])
        way = "prev" if kept.backward else "next"
        while answer.json[way]:
            answer = self.page(kept.caller, kept.parameters, answer.json[way])
            items += answer.json["items"]
        ids = [item["id"] for item in items]
        assert len(set(ids)) == len(ids)
        for item in items:
            assert plain(item) == self.model.records[item["id"]]
        alone = self.model.records
        assert {i for i, one in kept.ahead.items() if alone.get(i) == one} <= set(ids)
        assert not {i for i, one in kept.passed.items() if alone.get(i) == one} & set(ids)

    @precondition(lambda self: self.open)
    @rule(pick=picks, other=who)
    def misuse_a_cursor(self, pick: int, other: str) -> None:
        self.count("misuse a cursor")
        kept = self.open[pick % len(self.open)]
        changed = [{**kept.parameters, "filter": "views < 100"}]
        changed.append({**kept.parameters, "sort": "-created,-id"})
        for parameters in changed:
            assert self.page(kept.caller, parameters, kept.cursor).code == "invalid_cursor"
        if other != kept.caller:
            assert self.page(other, kept.parameters, kept.cursor).status in (400, 401)

    # ── the collection ────────────────────────────────────────────────────────────────────────

    @rule(chosen=st.sets(st.sampled_from(range(7)), max_size=7))
    def declare_indexes(self, chosen: set[int]) -> None:
        self.count("declare indexes")
        self.document = {**self.document, "indexes": [INDEXES[at] for at in sorted(chosen)]}
        name = self.document["name"]
        answer = self.call("PUT", f"/admin/collections/{name}", "root", body=self.document)
        assert answer.status == 200, answer

    @rule()
    def work(self) -> None:
        """Deliver the messages of the jobs' queue."""
        self.count("build")
        queue = services().job_queue
        assert isinstance(queue, MemoryJobQueue)
        for body in queue.take():
            services().job_runner.run(body["job"], lambda: True)

    @rule(shards=st.integers(1, 5))
    def reshard(self, shards: int) -> None:
        """At once, where a push would wait for five minutes: no writer here has the old catalog."""
        self.count("reshard")
        catalog = services().catalog
        catalog.refresh()
        found = catalog.get(self.document["name"])
        schedule = (*found.schedule, Epoch(max(now_ms(), found.schedule[-1].from_ms + 1), shards))
        catalog.save(replace(found, schedule=schedule, version=found.version + 1))


def apply(model: Model, one: Document, caller: str, new_id: str) -> Document | None:
    """Do an operation of a batch to a model; what it leaves. Raises Refused."""
    body = one.get("body", {})
    if one["method"] == "create":
        made = model.created(body, caller)
        model.keep(new_id, made)
        return made
    if one["method"] == "delete":
        model.owned(one["id"], caller)
        del model.records[one["id"]]
        return None
    change = model.patched if one["method"] == "update" else model.replaced
    made = change(one["id"], body, caller)
    model.keep(one["id"], made)
    return made


def unready(collection: Any) -> set[str]:
    return {part["part"].removeprefix("index ") for part in described(collection)}


def plain(shown: Document) -> Document:
    return {name: value for name, value in shown.items() if value is not None}


def keys(records: list[Document], sort: str) -> list[list[Any]]:
    names = [key.removeprefix("-") for key in (sort or "-created").split(",")]
    return [[one.get(name) for name in names] for one in records]


@pytest.fixture
def house(table: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The functions over a fresh table, with a queue of jobs that the machine delivers."""
    monkeypatch.setenv("CATALOG_TTL", "0.02")
    monkeypatch.setenv("WRITE_TIME", "0.02")
    configured.cache_clear()
    services.cache_clear()
    services().__dict__["job_queue"] = MemoryJobQueue()
    services().__dict__["backfills"] = Backfills(services().jobs)
    services().catalog.save(load(USERS))
    roles = {"ann": (), "bob": (), "cid": (), "root": ("admin",)}
    Machine.tokens = {name: Api().token(name, *held) for name, held in roles.items()}
    yield
    services.cache_clear()


@pytest.mark.usefixtures("house")
@pytest.mark.slow
@pytest.mark.timeout(max(900, STEPS // 2))
def test_the_api_and_a_plain_dictionary_answer_alike(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Machine.steps, Machine.counted = 0, {}
    wanted = settings(
        max_examples=STEPS // STEPS_AT_ONCE + 2,
        stateful_step_count=STEPS_AT_ONCE,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),  # to make a failure short takes minutes
        suppress_health_check=list(HealthCheck),
    )
    while Machine.steps < STEPS:
        run_machine(Machine, settings=wanted)
    capsys.readouterr()  # the lines of every request
    assert set(Machine.counted) >= {"create", "list", "go on", "reshard", "build"}
