"""The chokepoint by itself: what each caller may, field by field and rule by rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from covey.collections import load
from covey.collections.model import Collection
from covey.errors import CoveyError, Forbidden, NotFound, Unauthenticated
from covey.expressions import Expression, ExpressionError, parse
from covey.identity.authorize import (
    ACTIONS,
    DENY,
    authorize,
    check_filter,
    filterable_fields,
    known_fields,
    list_rule,
    readable_fields,
    refusal,
    visible,
    writable_fields,
)
from covey.identity.principal import GUEST, SYSTEM, Kind, Principal
from covey.identity.profile import Profile, with_profile
from covey.records.model import Record

ANNA = Principal(Kind.USER, id="anna", values={"team": "red"})
KEY = Principal(Kind.KEY, id="key1", roles=("staff",))
ADMIN = Principal(Kind.ADMINISTRATOR, id="root")


def things(rules: Mapping[str, str], **fields: Mapping[str, Any]) -> Collection:
    plain = {"owner": {"type": "text"}, "open": {"type": "bool"}, "team": {"type": "text"}}
    return load({"name": "things", "fields": {**plain, **fields}, "rules": rules})


def record(**values: Any) -> Record:
    return Record("1", 0, 0, 1, values)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("who", [GUEST, ANNA, KEY])
def test_an_absent_rule_admits_administrators_only(action: Any, who: Principal) -> None:
    with pytest.raises(CoveyError):
        authorize(who, action, things({}), record())
    authorize(ADMIN, action, things({}), record())
    authorize(SYSTEM, action, things({}), record())


@pytest.mark.parametrize(
    "rule", ["owner == auth.id && 1 / size(owner) > 0", "auth.nothing == null"]
)
def test_a_rule_that_cannot_be_evaluated_denies(rule: str) -> None:
    assert visible(ANNA, things({"read": rule}), record(owner="")) is None


@pytest.mark.parametrize("value", ["team", "size(team)", "null"])
def test_only_true_is_true(value: str) -> None:
    from dataclasses import replace

    collection = things({"read": "open"})
    rules = replace(collection.rules, read=parse(value))
    assert visible(ANNA, replace(collection, rules=rules), record(team="x")) is None


OTHERS = {"create": "'x' in auth.roles"}
USERS_ONLY, DATA, SEEN = {"create": "auth != null"}, {"create": "open"}, {"read": "open"}
REFUSED: dict[str, tuple[Mapping[str, str], Principal, Any, type[CoveyError]]] = {
    "a guest, by a rule on the caller": (USERS_ONLY, GUEST, "create", Unauthenticated),
    "a guest, by a rule on the data": (DATA, GUEST, "create", Forbidden),
    "a guest, where only administrators may": (SEEN, GUEST, "create", Unauthenticated),
    "a guest, of a collection for administrators": ({}, GUEST, "create", NotFound),
    "a user, of a seen collection": (SEEN, ANNA, "create", Forbidden),
    "a user, of a collection of others": (OTHERS, ANNA, "create", NotFound),
    "a guest, of that collection": (OTHERS, GUEST, "read", Unauthenticated),
    "a user who may create but not read": (DATA, ANNA, "read", NotFound),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_tells_no_more_than_is_known(case: tuple[Any, Principal, Any, type]) -> None:
    rules, who, action, error = case
    assert type(refusal(who, things(rules), action)) is error


def test_an_update_holds_before_and_after_and_sees_the_record() -> None:
    collection = things({"read": "true", "update": "owner == auth.id && old.open == true"})
    mine, given = record(owner="anna", open=True), record(owner="ben", open=True)
    authorize(ANNA, "update", collection, record(owner="anna", open=False), before=mine)
    for before, after in ((mine, given), (given, mine), (record(owner="anna", open=False), mine)):
        with pytest.raises(Forbidden):
            authorize(ANNA, "update", collection, after, before=before)
    hidden = things({"read": "false", "update": "true"})
    with pytest.raises(NotFound):
        authorize(ANNA, "update", hidden, mine, before=mine)


def test_fields_are_read_and_written_by_their_own_rules() -> None:
    collection = things(
        {"read": "true", "create": "true"},
        pay={"type": "integer", "read": "owner == auth.id", "write": "false"},
        memo={"type": "text", "read": "'staff' in auth.roles", "write": "auth.team == 'red'"},
        core={"type": "text", "read": "false", "write": "false"},
    )
    own, other = record(owner="anna", pay=1, core="c"), record(owner="ben", pay=2, memo="m")
    assert readable_fields(ANNA, collection, own) == {"owner", "open", "team", "pay"}
    assert readable_fields(ANNA, collection, other) == {"owner", "open", "team"}
    assert readable_fields(KEY, collection, other) == {"owner", "open", "team", "memo"}
    assert writable_fields(ANNA, collection, own) == {"owner", "open", "team", "memo"}
    assert writable_fields(KEY, collection, own) == {"owner", "open", "team"}
    assert filterable_fields(ANNA, collection) == {"owner", "open", "team"}
    assert known_fields(ANNA, collection, write=False) == {"owner", "open", "team", "pay"}
    assert known_fields(ANNA, collection, write=True) == {"owner", "open", "team", "pay", "memo"}
    assert known_fields(ADMIN, collection, write=False) == set(collection.fields)
    seen = visible(ANNA, collection, other)
    assert seen is not None
    assert seen.keys() == {"id", "created", "updated", "version", "owner"}
    with pytest.raises(Forbidden) as caught:
        authorize(ANNA, "create", collection, own, changed_fields=("owner", "pay", "core", "memo"))
    assert [fault.field for fault in caught.value.errors] == ["pay", "core"]


def test_a_list_rule_is_all_or_nothing_where_the_caller_decides() -> None:
    assert list_rule(ANNA, things({"read": "auth != null"})) is None
    assert list_rule(GUEST, things({"read": "auth != null"})) is DENY
    assert list_rule(GUEST, things({"read": "auth.id == owner"})) is DENY
    assert list_rule(ANNA, things({})) is DENY
    assert list_rule(ADMIN, things({})) is None
    bound = list_rule(ANNA, things({"read": "open || owner == auth.id"}))
    assert isinstance(bound, Expression)
    assert "anna" in str(bound)
    assert "auth" not in str(bound)


def test_a_filter_is_bound_to_its_caller() -> None:
    collection = things({"read": "true"})
    bound = check_filter(ANNA, collection, parse("owner == auth.id"))
    assert "auth" not in str(bound)
    with pytest.raises(ExpressionError) as caught:
        check_filter(ANNA, collection, parse("open && auth.team == 'red'"))
    assert caught.value.position == 8


def test_the_callers_own_record_is_read_at_most_once_and_only_if_named() -> None:
    calls: list[str] = []

    def load_user(user: str) -> Mapping[str, Any]:
        calls.append(user)
        return {"team": "red", "id": "root", "roles": ["admin"]}

    anna = with_profile(Principal(Kind.USER, id="anna"), load_user)
    assert visible(anna, things({"read": "owner == auth.id"}), record(owner="anna"))
    assert list_rule(anna, things({"read": "owner == auth.id"}))
    assert calls == []
    collection = things({"read": "team == auth.team"})
    for _ in range(3):
        assert visible(anna, collection, record(team="red"))
        assert isinstance(list_rule(anna, collection), Expression)
    assert calls == ["anna"]
    assert visible(anna, things({"read": "auth.id == 'root'"}), record()) is None
    assert visible(anna, things({"read": "'admin' in auth.roles"}), record()) is None


def test_only_users_have_a_profile() -> None:
    def never(user: str) -> Mapping[str, Any]:
        raise AssertionError(user)

    for who in (GUEST, KEY, SYSTEM, ANNA):
        assert with_profile(who, never) is who
    lazy = with_profile(Principal(Kind.USER, id="x"), never)
    assert isinstance(lazy.values, Profile)
    assert with_profile(lazy, never) is lazy
