"""What a subscription sees, and that its filter is checked once."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections import load
from covey.collections.model import Collection
from covey.errors import BadRequest
from covey.identity.principal import GUEST, Kind, Principal
from covey.realtime.listening import Filters

ANN = Principal(Kind.USER, "ann")
STAFF = Principal(Kind.USER, "ann", roles=("staff",))
BEN = Principal(Kind.USER, "ben")


def posts(**fields: Any) -> Collection:
    document = {"title": {"type": "text"}, "author": {"type": "text"}, **fields}
    return load({"name": "posts", "fields": document, "rules": {"read": "true"}})


def test_a_filter_is_checked_once_for_each_caller() -> None:
    filters, collection = Filters(), posts()
    first = filters.of(ANN, collection, "author == auth.id")
    assert filters.of(ANN, collection, "author == auth.id") is first
    assert filters.of(BEN, collection, "author == auth.id") is not first
    assert filters.of(GUEST, collection, "title == 'x'") is not None
    assert filters.of(ANN, collection, " ") is None


def test_a_collection_that_was_read_again_and_is_the_same_changes_nothing() -> None:
    filters = Filters()
    first = filters.of(ANN, posts(), "title == 'x'")
    assert filters.of(ANN, posts(), "title == 'x'") is first


def test_a_filter_is_checked_again_when_the_collection_or_the_roles_changed() -> None:
    filters = Filters()
    written = "secret == 'x'"
    open_, closed = posts(secret={"type": "text"}), posts(secret={"type": "text", "read": "false"})
    staff = posts(secret={"type": "text", "read": "'staff' in auth.roles"})
    assert filters.of(ANN, open_, written) is not None
    with pytest.raises(BadRequest):
        filters.of(ANN, closed, written)
    assert filters.of(STAFF, staff, written) is not None
    with pytest.raises(BadRequest):
        filters.of(ANN, staff, written)


def test_where_a_field_rule_reads_the_callers_record_nothing_is_remembered() -> None:
    collection = posts(secret={"type": "text", "read": "auth.team == 'red'"})
    filters, team = Filters(), {"team": "red"}
    who = Principal(Kind.USER, "ann", values=team)
    assert filters.of(who, collection, "secret == 'x'") is not None
    team["team"] = "blue"
    with pytest.raises(BadRequest):
        filters.of(who, collection, "secret == 'x'")


def test_what_is_remembered_has_an_end() -> None:
    filters, collection = Filters(limit=100), posts()
    for number in range(50):
        filters.of(ANN, collection, f"title == '{number}'")
    assert sum(len(key[1]) for key in filters._kept) <= 100
