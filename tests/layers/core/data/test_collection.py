"""Records in Python: who asks is always said, and the rules hold as everywhere."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import covey
from covey import batch, literal, records
from covey.errors import (
    BadRequest,
    Conflict,
    CoveyError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
)
from covey.identity.principal import GUEST, Principal
from covey.insight import meter
from tests.layers.core.data.conftest import new_user

CORE = Path(__file__).resolve().parents[4] / "layers" / "core" / "python"


def alone(code: str) -> str:
    """What a program prints that runs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": str(CORE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("first", ["import covey.records.service", "import covey.data", "pass"])
def test_the_package_of_records_is_called_whatever_was_imported_before(first: str) -> None:
    code = f"{first}\nfrom covey import records\nimport covey.records.ids\nrecords('posts').as_"
    assert alone(code) == ""


def test_importing_covey_loads_nothing_of_it_but_the_name() -> None:
    code = "import sys, covey; print(sorted(n for n in sys.modules if n.startswith('covey')))"
    assert alone(code).strip() == "['covey', 'covey.records']"
    with pytest.raises(AttributeError, match="recrods"):
        covey.recrods  # noqa: B018 - a name that is not there


def test_nothing_is_read_before_it_is_said_for_whom() -> None:
    posts = records("posts")
    names = {name for name in dir(posts) if not name.startswith("_")}
    assert names == {"as_", "as_function", "name"}
    assert "as_(who)" in repr(posts)
    assert {name for name in dir(batch()) if not name.startswith("_")} == {"as_", "as_function"}


@pytest.mark.parametrize("nobody", [None, "", 7, True, b"guest", ["guest"]])
def test_who_asks_is_somebody(house: str, nobody: Any) -> None:
    with pytest.raises(TypeError, match="who asks"):
        records("posts").as_(nobody)


@pytest.mark.parametrize("gone", ["nobody", "0" * 20, "guest ", "a\0b"])
def test_a_user_who_is_not_there_asks_nothing(house: str, gone: str) -> None:
    with pytest.raises(Unauthenticated):
        records("posts").as_(gone)


def test_rules_hold_for_each_caller(house: str, anna: str, ben: str) -> None:
    posts = records("posts")
    draft = posts.as_(anna).create({"title": "Draft", "note": "mine"})
    assert (draft["author"], draft["note"], draft["views"]) == (anna, "mine", 0)
    for who in (ben, "guest", GUEST):
        assert posts.as_(who).find(draft["id"]) is None
        assert posts.as_(who).list().items == ()
        with pytest.raises(NotFound):
            posts.as_(who).get(draft["id"])
        with pytest.raises((NotFound, Unauthenticated)):
            posts.as_(who).update(draft["id"], {"title": "Taken"})
    with pytest.raises(Unauthenticated):
        posts.as_("guest").create({"title": "x"})
    with pytest.raises(Forbidden):
        posts.as_(anna).update(draft["id"], {"views": 7})
    assert posts.as_function().update(draft["id"], {"views": 7})["views"] == 7


def test_a_user_named_by_id_has_the_roles_of_now_and_their_own_fields(house: str, ben: str) -> None:
    boss = new_user("sue", "staff")
    hidden = records("posts").as_(ben).create({"title": "Hidden"})["id"]
    assert records("posts").as_(boss).get(hidden)["title"] == "Hidden"
    records("users").as_function().update(boss, {"roles": []})
    assert records("posts").as_(boss).find(hidden) is None
    plan = records("plans").as_(ben).create({"team": "team of ben", "name": "p"})
    assert [one["id"] for one in records("plans").as_(ben).list()] == [plan["id"]]
    with pytest.raises(Forbidden):
        records("plans").as_(ben).create({"team": "team of sue", "name": "p"})


def test_facts_of_the_request_reach_the_rules(house: str) -> None:
    covey.records("posts")
    from covey.collections.document import load
    from covey.wiring import services

    rules = {"create": "request.ip == '192.0.2.1'", "read": "true"}
    inbox = {"name": "inbox", "fields": {"text": {"type": "text"}}, "rules": rules}
    services().catalog.save(load(inbox))
    from_there = records("inbox").as_("guest", request={"ip": "192.0.2.1", "method": "POST"})
    assert from_there.create({"text": "hello"})["text"] == "hello"
    with pytest.raises(CoveyError):
        records("inbox").as_("guest").create({"text": "hello"})


def test_a_function_of_its_own_has_no_id_and_passes_the_rules_only(house: str) -> None:
    posts = records("posts").as_function()
    made = posts.create({"title": "By no one", "grade": "A"})
    assert "author" not in made
    with pytest.raises(Invalid):
        posts.create({"title": "x" * 41})
    with pytest.raises(Conflict) as caught:
        posts.create({"title": "By no one"})
    assert caught.value.code == "unique_violation"
    assert posts.list(filter="author == auth.id").items == ()


def test_pages_and_records_come_in_order(house: str, anna: str) -> None:
    posts = records("posts").as_(anna)
    for number in range(7):
        posts.create({"title": f"t{number}", "published": number % 2 == 0})
    page = posts.list(filter="published == true", sort="-created", limit=3, fields=["title"])
    assert [one["title"] for one in page] == ["t6", "t4", "t2"]
    assert set(page.items[0]) == {"id", "title"}
    after = posts.list(
        filter="published == true", sort="-created", limit=3, cursor=page.next, fields=["title"]
    )
    assert ([one["title"] for one in after], after.next, len(after)) == (["t0"], None, 1)
    assert [len(one) for one in posts.pages(limit=3)] == [3, 3, 1]
    assert [one["title"] for one in posts.iterate(sort="created")] == [f"t{n}" for n in range(7)]
    assert posts.count() == 7
    assert posts.count("published == true") == 4
    assert posts.list(limit=2, count="exact").count is not None
    assert posts.explain(filter="published == true")["source"]


def test_writes_take_a_version(house: str, anna: str) -> None:
    posts = records("posts").as_(anna)
    made = posts.create({"title": "A"})
    changed = posts.update(made["id"], {"likes": {"$inc": 2}}, if_version=1)
    assert (changed["likes"], changed["version"]) == (2, 2)
    for write in (
        lambda: posts.update(made["id"], {"likes": 1}, if_version=1),
        lambda: posts.replace(made["id"], {"title": "B"}, if_version=1),
        lambda: posts.delete(made["id"], if_version=1),
    ):
        with pytest.raises(PreconditionFailed):
            write()
    assert posts.replace(made["id"], {"title": "B"}, if_version=2)["likes"] == 0
    posts.delete(made["id"], if_version=3)
    assert posts.find(made["id"]) is None


def test_relations_are_expanded_as_the_caller_may_see_them(house: str, anna: str) -> None:
    made = records("posts").as_(anna).create({"title": "A"})
    whole = records("posts").as_(anna).get(made["id"], expand=["author"])
    assert whole["expand"]["author"]["id"] == anna


def test_an_upsert_makes_and_then_changes(house: str, anna: str) -> None:
    posts = records("posts").as_(anna)
    first = posts.upsert(["title"], {"title": "A", "likes": 1})
    again = posts.upsert(["title"], {"title": "A", "likes": {"$inc": 1}})
    assert (again["id"], again["likes"], again["version"]) == (first["id"], 2, 2)


def test_groups_are_counted_as_the_caller_may_see_them(house: str, anna: str, ben: str) -> None:
    for number, who in enumerate((anna, anna, ben)):
        records("posts").as_(who).create({"title": f"t{number}", "published": number > 0})
    counted = records("posts").as_(ben).aggregate(group=["author"], count=True, sum=["likes"])
    assert {one["group"]["author"]: one["count"] for one in counted["items"]} == {anna: 1, ben: 1}
    assert counted["source"] == "computed"
    with pytest.raises(BadRequest):
        records("posts").as_(ben).aggregate(group=["nothing"], count=True)


def test_words_are_found_where_a_collection_declares_them(house: str, anna: str) -> None:
    from covey.collections.document import load
    from covey.pipeline.told import Told
    from covey.records.model import Change, ChangeKind
    from covey.wiring import services

    with pytest.raises(BadRequest) as caught:
        records("posts").as_(anna).search("word")
    assert caught.value.code == "search_not_declared"
    pages = {"name": "pages", "fields": {"text": {"type": "text"}}, "search": ["text"],
             "rules": {"read": "true"}}  # fmt: skip
    services().catalog.save(load(pages))
    ids = [records("pages").as_function().create({"text": text})["id"] for text in ("a fox", "b")]
    stored = services().record_store.get_many(services().catalog.get("pages"), ids)
    made = [
        Change("pages", one.id, 1, ChangeKind.CREATED, None, one, str(number))
        for number, one in enumerate(stored.values(), 1)
    ]
    told = [Told(change.sequence, {}, change) for change in made]
    assert services().pipeline.take(told, lambda: True) is None
    found = records("pages").as_("guest").search("foxes", limit=5)
    assert [one["text"] for one in found] == ["a fox"]
    assert (len(found.scores), found.next, found.complete, len(found)) == (1, None, True, 1)


def test_a_collection_that_nobody_declared_is_a_mistake(house: str) -> None:
    with pytest.raises(NotFound):
        records("psots").as_function().find("0" * 20)


UUID_1 = UUID("12345678-1234-5678-1234-567812345678")
NOON = datetime.datetime(2027, 1, 15, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        ((1, 2), "[1, 2]"),
        (UUID_1, str(UUID_1)),
        (NOON, "2027-01-15T12:00:00+00:00"),
        (NOON.date(), "2027-01-15"),
    ],
)
def test_values_of_python_are_kept_as_json_has_them(
    house: str, anna: str, given: Any, kept: str
) -> None:
    made = records("posts").as_(anna).create({"title": "A", "meta": {"x": given}})
    assert str(made["meta"]["x"]) == kept


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def _cycle() -> Any:
    value: dict[str, Any] = {}
    value["again"] = value
    return value


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), BadRequest),
        (float("inf"), BadRequest),
        (10**40 + 1, CoveyError),
        (_nested(40), BadRequest),
        (_cycle(), BadRequest),
        ("\ud800", BadRequest),
        ("x" * 2_000_000, CoveyError),
        ({1: 2}, TypeError),
        ({1, 2}, TypeError),
        (b"bytes", TypeError),
        (NOON.replace(tzinfo=None), TypeError),
        (object(), TypeError),
    ],
)
def test_what_no_record_holds_is_refused_and_changes_nothing(
    house: str, anna: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        records("posts").as_(anna).create({"title": "A", "meta": {"x": value}})
    assert records("posts").as_(anna).list().items == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda posts: posts.list(filter="title =="),
        lambda posts: posts.list(filter="\0"),
        lambda posts: posts.list(sort="nothing"),
        lambda posts: posts.list(limit=0),
        lambda posts: posts.list(limit=10**9),
        lambda posts: posts.list(cursor="nonsense"),
        lambda posts: posts.list(fields=["nothing"]),
        lambda posts: posts.get("0" * 20, expand=["title"]),
        lambda posts: posts.list(count="perhaps"),
    ],
)
def test_a_malformed_question_is_a_bad_request(house: str, ask: Callable[[Any], Any]) -> None:
    with pytest.raises(BadRequest):
        ask(records("posts").as_("guest"))


@pytest.mark.parametrize(
    "text", ["plain", 'x" || true || title == "', "back\\slash", "line\nbreak", "null\0", "🐦"]
)
def test_a_literal_is_only_ever_a_value(house: str, anna: str, text: str) -> None:
    posts = records("posts").as_(anna)
    posts.create({"title": "other", "body": "other"})
    mine = posts.create({"title": "mine", "meta": {"x": 1}})["id"] if "\0" in text else None
    if mine is None:
        posts.create({"title": "mine", "body": text})
    found = posts.list(filter=f"body == {literal(text)}", sort="-created")
    assert [one["title"] for one in found] == ([] if mine else ["mine"])


def test_a_literal_of_a_time_is_one(house: str, anna: str) -> None:
    posts = records("posts").as_(anna)
    posts.create({"title": "A"})
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert len(posts.list(filter=f"created < {literal(tomorrow)}", sort="-created")) == 1
    assert literal([1, 0.5, None, True]) == "[1, 0.5, null, true]"


def test_what_it_costs_is_counted(house: str, anna: str) -> None:
    posts = records("posts").as_(anna)
    made = posts.create({"title": "A"})
    meter.reset()
    posts.get(made["id"])
    assert meter.read().rru == 0.5


# ---- batches


def test_a_batch_is_written_as_a_whole(house: str, anna: str) -> None:
    with batch().as_(anna) as writes:
        post = writes.create("posts", {"title": "A"})
        writes.create("comments", {"post": post, "text": "First"})
    made, comment = writes.results
    assert isinstance(made, dict)
    assert isinstance(comment, dict)
    assert comment["post"] == made["id"]
    with batch().as_(anna) as writes:
        writes.update("posts", made["id"], {"title": "B"}, if_version=1)
        writes.delete("posts", records("posts").as_(anna).create({"title": "C"})["id"])
    assert writes.results[1] is None
    with pytest.raises(PreconditionFailed), batch().as_(anna) as writes:
        writes.create("posts", {"title": "D"})
        writes.replace("posts", made["id"], {"title": "E"}, if_version=1)
    titles = [one["title"] for one in records("posts").as_(anna).list()]
    assert titles == ["B"]


def test_a_block_that_fails_writes_nothing(house: str, anna: str) -> None:
    with pytest.raises(ZeroDivisionError), batch().as_(anna) as writes:
        writes.create("posts", {"title": "A"})
        raise ZeroDivisionError
    with batch().as_function():
        pass
    assert records("posts").as_function().list().items == ()


def test_writes_that_are_each_for_itself_tell_what_was_refused(house: str, anna: str) -> None:
    with batch(atomic=False).as_(anna) as writes:
        writes.create("posts", {"title": "A"})
        writes.create("posts", {"title": "A"})
        writes.create("posts", {"title": "B"})
    one, refused, other = writes.results
    assert isinstance(one, dict)
    assert isinstance(refused, Conflict)
    assert isinstance(other, dict)


def test_a_batch_keeps_to_the_rules_and_limits(house: str, anna: str) -> None:
    mine = records("posts").as_(anna).create({"title": "Mine"})["id"]
    with pytest.raises(Unauthenticated), batch().as_(Principal(GUEST.kind)) as writes:
        writes.delete("posts", mine)
    with pytest.raises(CoveyError) as caught, batch().as_(anna) as writes:
        for number in range(101):
            writes.create("posts", {"title": str(number)})
    assert caught.value.code == "batch_too_large"
    assert records("posts").as_(anna).count() == 1
