"""Rules that read other records: what they admit, on every way, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.errors import CoveyError, Unavailable
from covey.identity.principal import GUEST, Principal
from covey.records import fetching
from covey.records.batch import Batches
from covey.records.operations import Operation
from tests.layers.core.records.world import ADMIN, START, World, refused, uid, user

ANNA, BEN = user("anna"), user("ben")

TEAMS: dict[str, Any] = {
    "name": "teams",
    "ids": "custom",
    "fields": {
        "owner": {"type": "text", "hidden": True},
        "open": {"type": "bool"},
        "parent": {"type": "relation", "to": "teams", "check": False},
        "since": {"type": "datetime"},
        "until": {"type": "datetime", "expires": True},
    },
}
MEMBERS: dict[str, Any] = {
    "name": "members",
    "ids": "custom",
    "fields": {"role": {"type": "text"}},
}


def docs(read: str, **fields: Any) -> dict[str, Any]:
    """Documents of teams, where `read` says who may read."""
    return {
        "name": "docs",
        "fields": {
            "title": {"type": "text"},
            "team": {"type": "relation", "to": "teams", "check": False},
            "public": {"type": "bool"},
            **fields,
        },
        "rules": {"read": read, "create": read, "update": read, "delete": read},
        "search": ["title"],
    }


def world(read: str = "team.owner == auth.id", **fields: Any) -> World:
    made = World({"name": "users"}, TEAMS, MEMBERS, docs(read, **fields))
    made.add("teams", "red", owner=uid("anna"), open=False, parent="top")
    made.add("teams", "blue", owner=uid("ben"), open=True)
    made.add("teams", "top", owner=uid("ben"))
    made.add("members", f"red:{uid('ben')}", role="guest")
    return made


def sees(one: World, who: Principal, record_id: str) -> bool:
    try:
        one.records.get(who, "docs", record_id)
    except CoveyError as error:
        assert error.status in (401, 404)
        return False
    return True


RULES = {
    "a path": ("team.owner == auth.id", True, False),
    "a path, by record()": ('record("teams", team).owner == auth.id', True, False),
    "has": ("has(team.owner) && team.owner == auth.id", True, False),
    "has of none": ("!has(team.since)", True, True),
    "there is one": ('record("teams", team) != null', True, True),
    "there is none": ('record("teams", "none") == null', True, True),
    "of a collection that is gone": ('record("nothing", team) == null', True, True),
    "what no id can be": ('record("teams", "a b") == null', True, True),
    "no id": ('record("teams", old.team).open != true', False, False),
    "a member of none": ('record("teams", "none").open == null', False, False),
    "no such field": ("team.colour == null", False, False),
    "an id that is made": (
        'record("members", team + ":" + auth.id).role in ["guest", "editor"]',
        False,
        True,
    ),
    "of a record of a record": ("record('teams', team.parent).owner == auth.id", False, True),
    "what else decides": ("public == null || team.owner == auth.id", True, True),
    "in a list": ('["blue", "red"].exists(t, record("teams", t).owner == auth.id)', True, True),
    "many, within the budget": (
        '["1","2","3","4","5","6","7","8","9","red"].exists(t, record("teams", t).open == false)',
        True,
        True,
    ),
    "more than the budget": (
        '["0","1","2","3","4","5","6","7","8","9","red"].exists(t, record("teams", t).open==false)',
        False,
        False,
    ),
}


@pytest.mark.parametrize(("rule", "anna", "ben"), RULES.values(), ids=RULES.keys())
def test_a_rule_reads_other_records(rule: str, anna: bool, ben: bool) -> None:
    one = world(rule)
    made = one.add("docs", title="a", team="red")
    assert (sees(one, ANNA, made), sees(one, BEN, made)) == (anna, ben)
    listed = [one.records.list(who, "docs").items for who in (ANNA, BEN)]
    assert [bool(items) for items in listed] == [anna, ben]
    counted = [
        one.records.list(who, "docs", {"count": "exact", "limit": "1"}).count for who in (ANNA, BEN)
    ]
    assert [count.number if count else None for count in counted] == [int(anna), int(ben)]


def test_what_could_not_be_read_is_not_taken_for_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    one = world()
    read = fetching.Fetcher(one.store, one.catalog.get, START)

    def away(*_: object, **__: object) -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as then:
        then.setattr(one.store, "get", away)
        with pytest.raises(Unavailable):
            read("teams", "red")
    assert read("teams", "red") is not None
    assert read("teams", "none") is None


def test_a_guest_and_an_unset_relation_are_denied() -> None:
    one = world()
    assert not sees(one, GUEST, one.add("docs", team="red"))
    assert not sees(one, ANNA, one.add("docs"))
    assert sees(one, ADMIN, one.add("docs"))


def test_what_has_expired_is_not_there() -> None:
    one = world()
    one.add("teams", "past", owner=uid("anna"), _expires=START // 1000 - 1)
    assert not sees(one, ANNA, one.add("docs", team="past"))


def test_a_page_reads_each_collection_once() -> None:
    one = world()
    for number in range(40):
        one.add("docs", title=str(number), team=("red", "blue", "top")[number % 3])
    one.store.reads.clear()
    listing = one.records.list(ANNA, "docs", {"limit": "10"})
    assert len(listing.items) == 10
    assert {item["team"] for item in listing.items} == {"red"}
    teams = [ids for name, ids in one.store.reads if name == "teams"]
    assert [sorted(ids) for ids in teams] == [["blue", "red", "top"]]


def test_nothing_is_read_where_the_rest_decides() -> None:
    one = world("public || team.owner == auth.id")
    for _ in range(5):
        one.add("docs", team="red", public=True)
    one.store.reads.clear()
    assert len(one.records.list(BEN, "docs").items) == 5
    assert one.store.reads == []


def test_pages_are_full_and_lose_nothing() -> None:
    one = world()
    mine = {one.add("docs", team="red") for _ in range(12) if one.add("docs", team="blue")}
    found: list[str] = []
    cursor = None
    while True:
        page = one.records.list(
            ANNA, "docs", {"limit": "5"} | ({"cursor": cursor} if cursor else {})
        )
        found += [item["id"] for item in page.items]
        cursor = page.next
        if cursor is None:
            break
        assert len(page.items) == 5
    assert sorted(found) == sorted(mine)


def test_a_member_who_left_a_moment_ago_is_refused() -> None:
    """Not even a lagging read of the team keeps them in, nor one of a new member out."""
    one = world()
    made = one.add("docs", team="red")
    other = one.add("docs", team="blue")
    one.store.stale |= {"red", "blue"}
    assert sees(one, ANNA, made)
    assert len(one.records.list(ANNA, "docs").items) == 1
    one.add("teams", "red", owner=uid("ben"))
    assert not sees(one, ANNA, made)
    assert one.records.list(ANNA, "docs").items == ()
    assert sees(one, BEN, other)


def test_writes_ask_before_and_after() -> None:
    one = world()
    made = one.add("docs", team="red")
    one.records.update(ANNA, "docs", made, {"title": "mine"})
    gives = refused(lambda: one.records.update(ANNA, "docs", made, {"team": "blue"}))
    assert gives[:2] == (403, "rule_denied")
    assert refused(lambda: one.records.update(BEN, "docs", made, {"title": "x"}))[0] == 404
    assert refused(lambda: one.records.create(BEN, "docs", {"team": "red"}))[0] == 403
    assert one.records.create(BEN, "docs", {"team": "blue"}).created
    assert refused(lambda: one.records.delete(BEN, "docs", made))[0] == 404
    one.records.delete(ANNA, "docs", made)


def test_old_has_relations_too() -> None:
    document = docs("true") | {
        "rules": {"read": "true", "update": "old.team.owner == auth.id && team == old.team"}
    }
    one = World(TEAMS, document)
    one.add("teams", "red", owner=uid("anna"))
    made = one.add("docs", team="red")
    one.records.update(ANNA, "docs", made, {"title": "x"})
    assert refused(lambda: one.records.update(BEN, "docs", made, {"title": "x"}))[0] == 403


def test_fields_have_rules_of_that_kind() -> None:
    secret = {"type": "text", "read": "team.owner == auth.id", "write": "team.owner == auth.id"}
    one = world("auth != null", secret=secret)
    made = one.add("docs", team="red", secret="s")
    shown = [one.records.get(who, "docs", made).document for who in (ANNA, BEN)]
    assert [document.get("secret") for document in shown] == ["s", None]
    listed = [one.records.list(who, "docs").items[0] for who in (ANNA, BEN)]
    assert [document.get("secret") for document in listed] == ["s", None]
    one.records.update(ANNA, "docs", made, {"secret": "t"})
    assert refused(lambda: one.records.update(BEN, "docs", made, {"secret": "u"}))[0] in (403, 422)
    for parameters in ({"filter": 'secret == "t"'}, {"sort": "secret"}):
        assert refused(lambda p=parameters: one.records.list(ANNA, "docs", p))[0] == 400


@pytest.mark.parametrize(
    "text",
    [
        'team.owner == "x"',
        "has(team.owner)",
        'record("teams", team).owner == "x"',
        'record("teams", "red") != null',
        'record("nothing", "red") != null',
        'title == "a" || record("docs", id).title == "a"',
    ],
)
def test_filters_read_no_other_records(text: str) -> None:
    one = world("true")
    status, code, detail = refused(lambda: one.records.list(ANNA, "docs", {"filter": text}))
    assert (status, code) == (400, "invalid_filter")
    assert "owner" not in detail.replace("team.owner", "")


def test_a_page_ends_where_its_rules_have_read_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.Fetcher.__init__, "__kwdefaults__", {"most": 7})
    one = world()
    for number in range(20):
        one.add("docs", team=f"team{number}")
    made = one.add("docs", team="red")
    one.keep("docs", replace(one.kept("docs", made), id="0" * 20))  # the oldest of all
    found: list[str] = []
    pages, cursor = 0, ""
    while cursor is not None:
        parameters = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = one.records.list(ANNA, "docs", parameters)
        pages, cursor = pages + 1, page.next  # type: ignore[assignment]
        found += [item["id"] for item in page.items]
    assert found == [made, "0" * 20]
    assert pages > 3
    too_many = refused(lambda: one.records.list(ANNA, "docs", {"limit": "9"}))
    assert too_many[:2] == (400, "rule_budget")
    counted = refused(lambda: one.records.list(ANNA, "docs", {"limit": "4", "count": "exact"}))
    assert counted[1] == "count_budget"


def test_explain_does_not_tell_what_the_rule_reads() -> None:
    one = world()
    assert refused(lambda: one.records.explain(ANNA, "docs"))[:2] == (403, "explain_denied")


def test_a_batch_sees_what_it_has_written() -> None:
    teams = TEAMS | {"rules": dict.fromkeys(("read", "update"), "owner == auth.id")}
    one = World(teams, docs("team.owner == auth.id"))
    one.add("teams", "red", owner=uid("anna"))
    made = one.add("docs", team="red")
    batches = Batches(one.records, one.store, one.catalog)
    gives = Operation(0, "update", "teams", "red", {"open": True})
    writes = Operation(1, "update", "docs", made, {"title": "x"})
    assert len(batches.atomic(ANNA, [gives, writes], request={})) == 2
    taken = Operation(0, "delete", "teams", "red")
    with pytest.raises(CoveyError):
        batches.atomic(ANNA, [taken, writes], request={})
    leaves = Operation(0, "update", "docs", made, {"title": "z"})
    assert len(batches.atomic(ANNA, [leaves], request={})) == 1


def test_an_import_and_relations_ask_the_same() -> None:
    """A relation to a record that such a rule hides names no record."""
    notes = {
        "name": "notes",
        "fields": {"doc": {"type": "relation", "to": "docs"}},
        "rules": dict.fromkeys(("read", "create"), "true"),
    }
    one = World(TEAMS, docs("team.owner == auth.id"), notes)
    one.add("teams", "red", owner=uid("anna"))
    made = one.add("docs", team="red")
    note = one.records.create(ANNA, "notes", {"doc": made})
    assert refused(lambda: one.records.create(BEN, "notes", {"doc": made}))[0] == 422
    for who, seen in ((ANNA, True), (BEN, False)):
        shown = one.records.get(who, "notes", note.id, parameters={"expand": "doc"})
        assert (shown.document["expand"]["doc"] is not None) == seen
