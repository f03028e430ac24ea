from __future__ import annotations

from typing import Any

import pytest

from covey.collections import RecordScope, dump, load, restore, state
from covey.collections.users import DOCUMENT, collection
from covey.errors import Invalid
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Record

ADA = Record("ada", 0, 0, 1, {"email": "a@b.c"})


def me(id: str) -> Principal:
    return Principal(Kind.USER, id=id)


def test_users_are_there_without_a_file() -> None:
    users = collection()
    assert list(users.fields) == ["email", "name", "roles", "verified"]
    assert users.unique == (("email",),)
    assert dump(users) == DOCUMENT
    assert restore(state(users)) == users


@pytest.mark.parametrize("name", ["email", "roles"])
def test_only_oneself_sees(name: str) -> None:
    rule = collection().fields[name].read
    assert rule is not None
    assert rule.holds(RecordScope(collection(), ADA, auth=me("ada")))
    assert not rule.holds(RecordScope(collection(), ADA, auth=me("eve")))
    assert not rule.holds(RecordScope(collection(), ADA, auth=GUEST))


@pytest.mark.parametrize("name", ["email", "roles", "verified"])
def test_nobody_writes(name: str) -> None:
    rule = collection().fields[name].write
    assert rule is not None
    assert not rule.holds(RecordScope(collection(), ADA, auth=me("ada")))


def test_users_are_made_and_removed_by_accounts_alone() -> None:
    rules = collection().rules
    assert rules.create is None and rules.delete is None


def test_a_team_adds_its_own_and_keeps_what_is_built_in() -> None:
    users = load(
        {
            "name": "users",
            "fields": {"nick": {"type": "text"}, "email": {"read": "auth != null"}},
            "rules": {"read": "true"},
            "indexes": [["nick"]],
            "unique": [["nick"]],
        },
        previous=collection(),
    )
    assert list(users.fields) == ["email", "name", "roles", "verified", "nick"]
    assert users.fields["email"].key == collection().fields["email"].key
    assert str(users.fields["email"].read) == "auth != null"
    assert not users.fields["email"].required
    assert users.unique == (("email",), ("nick",))
    assert users.rules.update is None  # rules are written as a whole
    assert load(dump(users), previous=users) == users


def test_no_rules_at_all_stay_no_rules() -> None:
    users = load({"name": "users", "rules": {}})
    assert users.rules.read is None
    assert restore(state(users)) == users


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "another type": ({"email": {"type": "text"}}, "fields.email.type"),
    "a writable role": ({"roles": {"write": "true"}}, "fields.roles.write"),
    "an address of another kind": ({"email": {"list": True}}, "fields.email.list"),
    "another default": ({"verified": {"default": True}}, "fields.verified.default"),
    "no mapping": ({"email": None}, "fields.email"),
}


@pytest.mark.parametrize(("fields", "path"), CHANGED.values(), ids=CHANGED.keys())
def test_what_is_built_in_cannot_be_changed(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as error:
        load({"name": "users", "fields": fields})
    assert [(one.field, one.code) for one in error.value.errors] == [(path, "built_in")]
