"""Rules among the collections that they read."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections import Catalog, load, load_all
from covey.collections.apply import plan
from covey.collections.removal import remove
from covey.errors import Conflict, Invalid
from covey.testing.catalog import MemoryCatalogStore

TEAMS: dict[str, Any] = {
    "name": "teams",
    "fields": {
        "owner": {"type": "relation", "to": "users"},
        "quota": {"type": "number"},
        "since": {"type": "datetime"},
        "members": {"type": "relation", "to": "users", "list": True},
        "meta": {"type": "json"},
    },
}


def docs(rule: str, action: str = "read", **field: str) -> dict[str, Any]:
    return {
        "name": "docs",
        "fields": {
            "team": {"type": "relation", "to": "teams"},
            "editors": {"type": "relation", "to": "users", "list": True},
            "status": {"type": "text"},
            "secret": {"type": "text", **field},
        },
        "rules": {action: rule},
    }


GOOD = (
    "team.owner == auth.id",
    "has(team.owner)",
    "auth.id in team.members",
    "team.since < now",
    'team.since < timestamp("2026-01-31")',
    "team.meta.colour == 'red'",
    "team.quota > 5",
    "double(team.quota) / 2 > 1",
    'record("teams", team).owner == auth.id',
    'record("teams", team + "x") != null',
    "record('docs', id).status == 'a'",
    'editors.exists(e, record("users", e).email == "a@b.c")',
)
BAD = {
    "team.ownr == auth.id": "There is no ownr in teams",
    "team.owner.email == 'x'": "owner is text and has no members in teams",
    "editors.email == 'x'": "editors is list and has no members",
    "status.owner == 'x'": "status is text and has no members",
    "team.quota == 'x'": "number and text do not compare",
    "team.quota.startsWith('x')": "This is number, and text is needed",
    "team.members == auth.id && team.members > 1": "list has no order",
    'record("team", team) != null': "There is no collection team",
    'record("teams", team).nme == 1': "There is no nme in teams",
    'record("teams", editors) != null': "This is list, and text is needed",
    'record("teams", 1) != null': "This is integer, and text is needed",
    "record(status, team) != null": "the collection's name as quoted text",
    'has(record("teams", team))': "has() takes a name",
    "record('teams') != null": "takes 2 arguments",
    'team.since < "2026-01-31"': 'write record("teams", team).since < timestamp("2026-01-31T',
    "team.quota / 2 > 1": 'write double(record("teams", team).quota) / 2 > 1',
    "status == 'a' && status == 'b'": "can never hold (status cannot be both)",
    "old.status == 'a'": "old is null in read",
}


@pytest.mark.parametrize("rule", GOOD)
def test_rules_reach_other_collections(rule: str) -> None:
    loaded = load_all([TEAMS, docs(rule)])
    assert loaded["docs"].rules.read is not None
    assert loaded["docs"].rules.read.text == rule


@pytest.mark.parametrize(("rule", "why"), BAD.items())
def test_what_is_wrong_there_is_told(rule: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        load_all([TEAMS, docs(rule)])
    assert [(one.field, one.code) for one in refused.value.errors] == [
        ("docs.rules.read", "invalid_expression")
    ]
    assert why in refused.value.errors[0].message


@pytest.mark.parametrize(
    ("action", "rule", "why"),
    [
        ("create", "old.status == 'a'", "old is null in create"),
        ("create", "old == null || old.status == 'a'", ""),
        ("update", "old.status == 'a' && status == 'b'", "must hold on the record before"),
        ("update", "old.status == 'a' && status in ['a', 'b']", ""),
        ("update", "old.team.owner == auth.id && team == old.team", ""),
        ("delete", "old.status == status && old.status == 'a'", ""),
        ("delete", "old.status == 'a' && status != 'a'", "must hold on the record before"),
        ("delete", "old.status == 'a' && status == 'b'", "must hold on the record before"),
        ("update", "false", ""),
    ],
)
def test_rules_on_what_was_are_tried_as_they_are_asked(action: str, rule: str, why: str) -> None:
    if not why:
        load_all([TEAMS, docs(rule, action)])
        return
    with pytest.raises(Invalid, match="can never hold") as refused:
        load_all([TEAMS, docs(rule, action)])
    assert why in refused.value.errors[0].message


def test_rules_of_fields_are_checked_too() -> None:
    with pytest.raises(Invalid) as refused:
        load_all([TEAMS, docs("true", read="team.x == 1", write="team.y == 1")])
    assert [one.field for one in refused.value.errors] == [
        "docs.fields.secret.read",
        "docs.fields.secret.write",
    ]


def test_a_change_of_one_collection_is_checked_against_the_rules_of_others() -> None:
    kept = load_all([TEAMS, docs("team.owner == auth.id")])
    catalog = Catalog(MemoryCatalogStore(list(kept.values())))
    fields = {name: field for name, field in TEAMS["fields"].items() if name != "owner"}
    with pytest.raises(Invalid) as refused:
        plan(catalog, TEAMS | {"fields": fields})
    assert refused.value.errors[0].field == "docs.rules.read"
    with pytest.raises(Invalid, match="There is no ownr in teams"):
        plan(catalog, docs("team.ownr == auth.id"))
    plan(catalog, docs("has(team.owner)"))


def test_a_collection_that_rules_read_is_not_removed() -> None:
    bans = {"name": "bans", "ids": "custom", "fields": {"why": {"type": "text"}}}
    rule = 'auth != null && record("bans", auth.id) == null'
    kept = load_all([bans, TEAMS, docs(rule)])
    catalog = Catalog(MemoryCatalogStore(list(kept.values())))
    with pytest.raises(Conflict, match=r"docs\.rules\.read") as refused:
        remove(catalog, "bans", begin=lambda *_: "job", confirmed=True)
    assert refused.value.code == "collection_referred"


def test_what_is_kept_is_read_whatever_is_found() -> None:
    """A catalog must stay readable, so one document alone is not tried for all of it."""
    assert load(docs("status == 'a' && status == 'b'")).rules.read is not None
    assert load(docs("team.nothing == 1")).rules.read is not None
