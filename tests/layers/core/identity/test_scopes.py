"""What keys are given, and nothing by default."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Invalid
from covey.identity.scopes import ACTIONS, SURFACES, Scopes, asked, stored

NAMES = st.sampled_from(["posts", "notes", "users", "*"])
GIVEN = st.dictionaries(NAMES, st.sets(st.sampled_from(ACTIONS)).map(frozenset))
SCOPES = st.builds(Scopes, GIVEN, st.sets(st.sampled_from(SURFACES)).map(frozenset))


def test_nothing_is_given_by_default() -> None:
    for need in (*ACTIONS, *SURFACES, "writes", "anything"):
        assert not Scopes().meet(need, "posts")


@pytest.mark.parametrize(
    ("collection", "action", "allowed"),
    [
        ("posts", "read", True),
        ("posts", "create", True),
        ("posts", "delete", False),
        ("notes", "read", True),
        ("notes", "create", False),
        ("users", "read", True),
        ("users", "update", False),
        ("", "create", False),
    ],
)
def test_a_collection_has_its_own_scopes_and_those_of_all(
    collection: str, action: str, allowed: bool
) -> None:
    scopes = asked({"posts": ["create"], "*": ["read"]}, [])
    assert scopes.allow(action, collection) is allowed
    assert scopes.meet(action, collection) is allowed


@given(SCOPES, NAMES, st.sampled_from(["create", "update", "delete"]))
def test_no_scope_ever_changes_users(scopes: Scopes, _: str, action: str) -> None:
    assert not scopes.allow(action, "users")


@given(SCOPES)
def test_scopes_are_read_as_they_were_kept(scopes: Scopes) -> None:
    assert stored(scopes.document()) == scopes


@given(SCOPES, NAMES, st.sampled_from(ACTIONS))
def test_more_scopes_never_allow_less(scopes: Scopes, name: str, action: str) -> None:
    more = Scopes({**scopes.collections, name: frozenset(ACTIONS)}, scopes.surfaces)
    for collection in ("posts", "notes", "users"):
        for one in ACTIONS:
            assert not scopes.allow(one, collection) or more.allow(one, collection)
    assert more.allow(action, name) is (name != "users" or action == "read")


@pytest.mark.parametrize(
    ("collections", "surfaces", "field"),
    [
        (None, None, "scopes"),
        ({}, [], "scopes"),
        ([], None, "scopes"),
        ("posts", None, "scopes"),
        ({"posts": []}, None, "scopes.posts"),
        ({"posts": "read"}, None, "scopes.posts"),
        ({"posts": ["write"]}, None, "scopes.posts"),
        ({"posts": [["read"]]}, None, "scopes.posts"),
        ({"Posts": ["read"]}, None, "scopes.Posts"),
        ({"": ["read"]}, None, "scopes."),
        ({"users": ["update"]}, None, "scopes.users"),
        ({"posts": ["update"]}, None, "scopes.posts"),
        ({"*": ["delete"], "posts": ["read"]}, None, "scopes.*"),
        ({f"c{n}": ["read"] for n in range(101)}, None, "scopes"),
        (None, ["root"], "surfaces"),
        (None, "jobs", "surfaces"),
        (None, [[]], "surfaces"),
    ],
)
def test_what_is_no_scope_is_refused(collections: Any, surfaces: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        asked(collections, surfaces)
    assert field in [fault.field for fault in caught.value.errors]
