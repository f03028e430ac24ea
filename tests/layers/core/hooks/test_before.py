"""Hooks in the call of a write, on every way to one."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from covey.collections import Catalog, load
from covey.errors import CoveyError, Forbidden, Invalid, NotFound, Unavailable
from covey.hooks import Refused, Write, before
from covey.hooks.declaring import DECLARED, Before
from covey.identity.principal import SYSTEM, Principal
from covey.records.batch import Batches, Done, Failed
from covey.records.operations import parse_batch
from covey.records.service import Records
from covey.testing.archive import MemoryArchive
from covey.testing.catalog import MemoryCatalogStore
from tests.layers.core.records.world import ADMIN, START, WatchedStore, user

ANN = user("ann")
POSTS = {
    "name": "posts",
    "fields": {
        "title": {"type": "text", "required": True, "max": 40},
        "slug": {"type": "text", "write": "false"},
        "tags": {"type": "text", "list": True},
        "author": {"type": "text", "default": "auth.id"},
        "score": {"type": "number"},
        "seen": {"type": "datetime"},
        "twin": {"type": "relation", "to": "posts"},
        "hidden": {"type": "text", "read": "false", "write": "false"},
    },
    "rules": {
        "read": "true",
        "create": "auth != null && author == auth.id",
        "update": "author == auth.id",
        "delete": "author == auth.id",
    },
    "unique": [["title"]],
    "soft_delete": "30d",
    "history": "30d",
}
NOTES = {
    "name": "notes",
    "ids": "custom",
    "fields": {"text": {"type": "text"}},
    "rules": {"read": "true", "create": "true", "update": "true", "delete": "true"},
}


class House:
    """The service over the twin, with the hooks that a test declares."""

    def __init__(self) -> None:
        self.store = WatchedStore()
        self.catalog = Catalog(MemoryCatalogStore([load(POSTS), load(NOTES)]))
        self.records = Records(
            self.store,
            self.catalog,
            clock=lambda: START,
            pause=lambda _: None,
            archive=MemoryArchive(self.store, lambda: START / 1000),
            hooks=self,
        )
        self.batches = Batches(self.records, self.store, self.catalog)
        self.writes: list[tuple[str, str]] = []

    def before(self, collection: str, action: str) -> list[Before]:
        declared = [hook for hook in DECLARED if isinstance(hook, Before)]
        return [hook for hook in declared if hook.meets(collection, action)]

    def watch(self) -> None:
        """Note every write that goes through the hooks."""

        @before("*")
        def watch(write: Write) -> None:
            self.writes.append((write.action, write.values.get("title") or write.values["text"]))

    def add(self, title: str = "one", who: Principal = ANN, **more: Any) -> Mapping[str, Any]:
        return self.records.create(who, "posts", {"title": title, **more}).document or {}

    def stored(self, record_id: str) -> Mapping[str, Any]:
        record = self.store.get(self.catalog.get("posts"), record_id, consistent=True)
        assert record is not None
        return record.values

    def batch(self, *operations: Mapping[str, Any], atomic: bool = True) -> Any:
        batch = parse_batch({"atomic": atomic, "operations": list(operations)})
        do = self.batches.atomic if atomic else self.batches.each
        return list(do(ANN, batch.operations, request={"ip": "192.0.2.1"}))


@pytest.fixture
def house() -> Iterator[House]:
    kept, DECLARED[:] = list(DECLARED), []
    yield House()
    DECLARED[:] = kept


def refuse(write: Write) -> None:
    raise Refused("is not wanted", field="title", code="spam")


# ---- every way to a write


def create(house: House) -> None:
    house.add("new")


def put_new(house: House) -> None:
    house.records.replace(ANN, "notes", "n2", {"text": "new"})


def upsert_new(house: House) -> None:
    house.records.upsert(ANN, "posts", ["title"], {"title": "new"})


def atomic_batch(house: House) -> None:
    house.batch({"method": "create", "collection": "posts", "body": {"title": "new"}})


def other_batch(house: House) -> None:
    operation = {"method": "create", "collection": "posts", "body": {"title": "new"}}
    (outcome,) = house.batch(operation, atomic=False)
    if isinstance(outcome, Failed):
        raise outcome.error
    assert isinstance(outcome, Done)


def imported(house: House) -> None:
    body = {"title": "new"}
    house.records.put_row(ANN, "posts", body, record_id="0" * 20, derived=True, upsert=False)


CREATES = [create, put_new, upsert_new, atomic_batch, other_batch, imported]


@pytest.mark.parametrize("way", CREATES, ids=lambda way: way.__name__)
def test_every_new_record_goes_through_the_hooks(
    house: House, way: Callable[[House], None]
) -> None:
    house.watch()
    way(house)
    assert house.writes == [("create", "new")]


@pytest.mark.parametrize("way", CREATES, ids=lambda way: way.__name__)
def test_a_hook_that_refuses_a_new_record_leaves_nothing(
    house: House, way: Callable[[House], None]
) -> None:
    before("*", "create")(refuse)
    with pytest.raises(Refused) as refused:
        way(house)
    assert (refused.value.status, refused.value.code) == (422, "spam")
    assert house.store.writes == 0


def patched(house: House, id: str) -> None:
    house.records.update(ANN, "posts", id, {"title": "changed"})


def replaced(house: House, id: str) -> None:
    house.records.replace(ANN, "posts", id, {"title": "changed"})


def upserted(house: House, id: str) -> None:
    house.records.upsert(ANN, "posts", ["title"], {"title": "one", "tags": ["changed"]})


def in_a_batch(house: House, id: str) -> None:
    body = {"title": "changed"}
    house.batch({"method": "update", "collection": "posts", "id": id, "body": body})


def by_the_system(house: House, id: str) -> None:
    """As a cascade clears a relation."""
    house.records.update(SYSTEM, "posts", id, {"tags": ["cleared"]})


UPDATES = [patched, replaced, upserted, in_a_batch, by_the_system]


@pytest.mark.parametrize("way", UPDATES, ids=lambda way: way.__name__)
def test_every_change_of_a_record_goes_through_the_hooks(
    house: House, way: Callable[[House, str], None]
) -> None:
    id = house.add()["id"]
    seen: list[Write] = []
    before("posts", "update")(seen.append)
    way(house, id)
    (write,) = seen
    assert write.old is not None
    assert (write.id, write.old["title"], write.old["version"]) == (id, "one", 1)
    assert write.changed("title") or write.changed("tags")
    assert not write.changed("author")


def deleted(house: House, id: str) -> None:
    house.records.delete(ANN, "posts", id)


def purged(house: House, id: str) -> None:
    house.records.purge(ADMIN, "posts", id)


def deleted_in_a_batch(house: House, id: str) -> None:
    house.batch({"method": "delete", "collection": "posts", "id": id})


def cascaded(house: House, id: str) -> None:
    house.records.delete(SYSTEM, "posts", id)


@pytest.mark.parametrize(
    "way", [deleted, purged, deleted_in_a_batch, cascaded], ids=lambda way: way.__name__
)
def test_every_removal_goes_through_the_hooks(
    house: House, way: Callable[[House, str], None]
) -> None:
    id = house.add()["id"]
    house.watch()
    way(house, id)
    assert house.writes == [("delete", "one")]


def test_a_record_that_is_brought_back_goes_through_the_hooks_of_a_new_one(house: House) -> None:
    id = house.add()["id"]
    house.records.delete(ANN, "posts", id)
    house.watch()
    house.records.restore(ANN, "posts", id)
    assert house.writes == [("create", "one")]


# ---- what a hook may do


def test_a_hook_may_write_what_the_caller_may_not(house: House) -> None:
    @before("posts", "create")
    def stamp(write: Write) -> None:
        write.values["slug"] = write.values["title"].lower().replace(" ", "-")
        write.values["hidden"] = "by the hook"

    made = house.add("One Two")
    assert made["slug"] == "one-two"
    assert "hidden" not in made
    assert house.stored(made["id"])["hidden"] == "by the hook"


def test_the_rules_are_about_what_the_caller_asked_and_not_about_what_hooks_make_of_it(
    house: House,
) -> None:
    @before("posts", "create")
    def give_away(write: Write) -> None:
        write.values["author"] = "somebody"

    assert house.add()["author"] == "somebody"
    with pytest.raises(Forbidden):
        house.add("two", author="somebody")


def test_hooks_never_hear_of_what_the_caller_may_not_write(house: House) -> None:
    id = house.add()["id"]
    house.watch()
    with pytest.raises(Forbidden):
        house.records.update(user("ben"), "posts", id, {"title": "mine"})
    with pytest.raises(Invalid):
        house.add("x" * 41)
    with pytest.raises(NotFound):
        house.records.delete(ANN, "posts", "0" * 20)
    assert house.writes == []


def test_a_patch_that_changes_nothing_calls_no_hook(house: House) -> None:
    id = house.add()["id"]
    house.watch()
    house.records.update(ANN, "posts", id, {"title": "one"})
    assert house.writes == []


def test_hooks_run_in_their_order_each_on_what_the_one_before_left(house: House) -> None:
    @before("posts", "create")
    def first(write: Write) -> None:
        write.values["tags"] = ["first"]

    @before("*", "create", "update")
    def second(write: Write) -> None:
        write.values["tags"].append("second")

    assert house.add()["tags"] == ["first", "second"]


def test_values_of_python_are_kept_as_a_body_would_give_them(house: House) -> None:
    @before("posts", "create")
    def measure(write: Write) -> None:
        write.values["score"] = 0.1
        write.values["seen"] = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
        del write.values["author"]

    values = house.stored(house.add()["id"])
    assert str(values["score"]) == "0.1"
    assert values["seen"] == "2026-01-02T00:00:00.000Z"
    assert "author" not in values


def test_what_a_hook_does_to_what_was_there_changes_nothing(house: House) -> None:
    made = house.add(tags=["a"])

    @before("posts", "update", "delete")
    def spoil(write: Write) -> None:
        assert isinstance(write.old, dict)
        write.old["title"] = "spoilt"
        write.old["tags"].append("spoilt")

    house.records.update(ANN, "posts", made["id"], {"score": 1})
    assert house.stored(made["id"])["tags"] == ["a"]
    assert house.stored(made["id"])["title"] == "one"


def test_a_relation_that_a_hook_sets_must_be_there(house: House) -> None:
    @before("posts", "create")
    def relate(write: Write) -> None:
        write.values["twin"] = "0" * 20

    with pytest.raises(Invalid) as invalid:
        house.add()
    assert invalid.value.errors[0].code == "relation_not_found"


def test_an_import_that_is_run_again_knows_the_row_that_a_hook_has_changed(house: House) -> None:
    @before("notes", "create")
    def shout(write: Write) -> None:
        write.values["text"] = write.values["text"].upper()

    for _ in range(2):
        house.records.put_row(
            ANN, "notes", {"text": "a"}, record_id="n1", derived=False, upsert=False
        )


# ---- faults of hooks


def raises(write: Write) -> None:
    raise RuntimeError("a secret of the house")


def finds_nothing(write: Write) -> None:
    raise NotFound("record")


def sets_a_system_field(write: Write) -> None:
    write.values["version"] = 7


def sets_an_unknown_field(write: Write) -> None:
    write.values["titel"] = "x"


def sets_too_much(write: Write) -> None:
    write.values["title"] = "x" * 41


def takes_what_is_required(write: Write) -> None:
    del write.values["title"]


def sets_no_value_of_json(write: Write) -> None:
    write.values["title"] = object()


FAULTS = [
    raises,
    finds_nothing,
    sets_a_system_field,
    sets_an_unknown_field,
    sets_too_much,
    takes_what_is_required,
    sets_no_value_of_json,
]


@pytest.mark.parametrize("hook", FAULTS, ids=lambda hook: hook.__name__)
def test_a_fault_of_a_hook_is_told_as_such_and_nothing_is_written(
    house: House, hook: Callable[[Write], None], caplog: pytest.LogCaptureFixture
) -> None:
    before("posts", "create")(hook)
    with pytest.raises(CoveyError) as failed:
        house.add()
    assert (failed.value.status, failed.value.code) == (500, "hooks_failed")
    assert failed.value.errors == ()
    assert "secret" not in failed.value.detail
    assert house.store.writes == 0
    assert any(record.exc_info for record in caplog.records)


def test_that_the_table_is_away_is_told_as_such(house: House) -> None:
    @before("posts", "create")
    def wait(write: Write) -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        house.add()


def test_hooks_that_call_themselves_end(house: House) -> None:
    @before("notes", "create")
    def again(write: Write) -> None:
        house.records.create(ANN, "notes", {"id": write.id + "x", "text": "again"})

    with pytest.raises(CoveyError) as failed:
        house.records.create(ANN, "notes", {"id": "n", "text": "first"})
    assert failed.value.code == "hooks_failed"
    assert house.store.writes == 0


def test_a_hook_may_write_another_record(house: House) -> None:
    @before("posts", "create")
    def log(write: Write) -> None:
        house.records.create(write.who, "notes", {"id": "log", "text": write.values["title"]})

    house.watch()
    house.add()
    assert house.writes == [("create", "one"), ("create", "one")]


# ---- declaring


def test_a_hook_that_cannot_be_is_refused_where_it_is_declared(house: House) -> None:
    async def later(write: Write) -> None: ...

    with pytest.raises(ValueError, match="no action 'insert'"):
        before("posts", "insert")
    with pytest.raises(TypeError, match="names its collection"):
        before(refuse)  # type: ignore[arg-type]  # the mistake: @before without its collection
    with pytest.raises(TypeError, match="coroutine"):
        before("posts")(later)


def test_two_hooks_of_one_name_are_refused(house: House) -> None:
    def declare() -> None:
        @before("posts")
        def check(write: Write) -> None: ...

    declare()
    with pytest.raises(ValueError, match="there are two hooks"):
        declare()
