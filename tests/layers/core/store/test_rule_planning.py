"""For random rules and callers: what the store lists under a bound rule is what the rule admits.

The rule is bound to its caller and planned, as lists do; what is compared is the rule as it was
written, asked about each record and this caller alone. On the engine too, where a plan's bounds
are keys, not comparisons in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.collections.scope import RecordScope, types
from covey.expressions import check, parse
from covey.identity.authorize import settled
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Record
from covey.records.ports import Query, RecordStore
from covey.testing.records import MemoryRecordStore
from tests.layers.core.store.samples import collection, listed, made

INDEXES = ("author, -created", "author, -views", "published, -views", "views", "title, author")
FIELDS = {
    "author": ["auth.id", "auth.name", "auth.boss", '"ann"', "null"],
    "title": ["auth.name", '"a"', '"b"', "title", "auth.id"],
    "views": ["auth.rank", "1", "2", "auth.rank + 1", "null"],
    "published": ["true", "auth.vip", "null"],
}
CALLERS = (
    GUEST,
    Principal(Kind.USER, "ann", roles=("staff",), values={"name": "a", "rank": 1, "vip": True}),
    Principal(Kind.USER, "bob", values={"name": "b", "rank": 2, "vip": False, "boss": "ann"}),
    Principal(Kind.USER, "cid", roles=("x", "y"), values={}),
)


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """A field beside what it may be compared with, or the caller alone."""
    name = draw(st.sampled_from([*FIELDS, "auth"]))
    if name == "auth":
        return draw(st.sampled_from(ALONE))
    left, right = name, draw(st.sampled_from(FIELDS[name]))
    ordered = name in {"title", "views"} and right != "null"
    signs = ["==", "!=", *(["<", "<=", ">", ">="] if ordered else [])]
    if draw(st.booleans()):
        left, right = right, left
    return f"{left} {draw(st.sampled_from(signs))} {right}"


ALONE = (
    *("auth == null", "auth != null", '"staff" in auth.roles', "auth.vip", "auth.rank > 1"),
    *("author in [auth.id, auth.boss]", "title.startsWith(auth.name)", "author in auth.roles"),
    *("has(auth.boss)", "has(author)", "published", "!published", "views in [1, auth.rank]"),
)
rules = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=5,
)
rows = st.fixed_dictionaries(
    {},
    optional={
        "author": st.sampled_from(["ann", "bob", "x"]),
        "title": st.sampled_from(["a", "ab", "b", ""]),
        "views": st.sampled_from([0, 1, 2, 3]),
        "published": st.booleans(),
    },
)
worlds = st.fixed_dictionaries(
    {
        "rule": rules,
        "rows": st.lists(rows, max_size=12),
        "who": st.sampled_from(CALLERS),
        "limit": st.integers(1, 5),
        "shards": st.sampled_from([1, 3]),
    }
)


def check_rule(store: RecordStore, world: Mapping[str, Any]) -> None:
    posts = collection(*INDEXES, name=f"c{uuid4().hex}", schedule=((0, world["shards"]),))
    records = [made(store, posts, **row) for row in world["rows"]]
    rule, who = check(parse(world["rule"]), types(posts)), world["who"]

    def admitted(record: Record) -> bool:
        return rule.holds(RecordScope(posts, record, auth=who))

    bound = settled(who, rule)
    expected = {record.id for record in records if admitted(record)}
    if isinstance(bound, bool):
        assert expected == ({record.id for record in records} if bound else set())
        return
    asked = Query(where=bound, limit=world["limit"], budget=10_000)
    found = [record.id for record in listed(store, posts, asked)]
    assert len(found) == len(set(found))
    assert set(found) == expected


@settings(max_examples=300, deadline=None)
@given(world=worlds)
def test_a_bound_rule_lists_what_the_rule_admits_in_memory(world: Any) -> None:
    check_rule(MemoryRecordStore(), world)


@pytest.mark.parametrize("store", ["lean"], indirect=True)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds)
def test_a_bound_rule_lists_what_the_rule_admits_on_the_engine(
    store: RecordStore, world: Any
) -> None:
    check_rule(store, world)
