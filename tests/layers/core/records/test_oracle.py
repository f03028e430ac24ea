"""For random rules, records and callers: what a list shows is what gets show, and no more.

The oracle reads each record by itself. The list plans, bounds, orders and filters in the store;
if the two ever part, one path lets through what the other refuses.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.errors import CoveyError
from covey.identity.principal import GUEST, Kind, Principal
from tests.layers.core.records.world import ADMIN, World, uid

ANNA, BEN = uid("anna"), uid("ben")

CLAUSES = [
    "true", "false", "open", "!open", "open == true", "open != null", "owner == auth.id",
    "auth.id == owner", "auth != null", "auth == null", "'staff' in auth.roles",
    "team == auth.team", "level > 2", "level <= 3 && level >= 1", "level == null",
    "team in ['red', 'blue']", "team.startsWith('r')", "'x' in tags", "has(level)",
    "level < auth.rank", "created <= now", "created > now", "id == auth.id", "version == 1",
    "tags.exists(t, t == team)", "(level > 1 ? open : owner == auth.id)", "request.ip == '::1'",
    "old == null", "level == 2 || team == 'blue'", "team == 'red'", "owner != auth.id",
]  # fmt: skip

clause = st.sampled_from(CLAUSES)
rules = st.recursive(
    clause,
    lambda inner: st.one_of(
        inner.map(lambda text: f"!({text})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) && ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) || ({pair[1]})"),
    ),
    max_leaves=4,
)
values = st.fixed_dictionaries(
    {},
    optional={
        "open": st.booleans(),
        "owner": st.sampled_from([ANNA, BEN]),
        "team": st.sampled_from(["red", "blue", "green", ""]),
        "level": st.integers(-1, 4),
        "tags": st.lists(st.sampled_from(["x", "red"]), max_size=2),
        "secret": st.sampled_from(["s1", "s2"]),
    },
)
callers = st.sampled_from(
    [
        GUEST,
        ADMIN,
        Principal(Kind.USER, id=ANNA),
        Principal(Kind.USER, id=BEN, roles=("staff",)),
        Principal(Kind.KEY, id="key1", roles=("staff",)),
    ]
)
USERS = {"name": "users", "fields": {"team": {"type": "text"}, "rank": {"type": "integer"}}}
FILTERS = ["open", "owner == auth.id", "team == 'red'", "level >= 1", "level != null",
           "open || level == 2", "!open", "has(team)", "created <= now",
           "team == 'red' && level > 0"]  # fmt: skip


def _world(rule: str | None, field_rule: str | None, rows: list[dict[str, Any]]) -> World:
    secret: dict[str, Any] = {"type": "text"}
    if field_rule is not None:
        secret["read"] = field_rule
    things = {
        "name": "things",
        "fields": {
            "open": {"type": "bool"},
            "owner": {"type": "text"},
            "team": {"type": "text"},
            "level": {"type": "integer"},
            "tags": {"type": "text", "list": True},
            "secret": secret,
        },
        "rules": {} if rule is None else {"read": rule},
        "indexes": [["open", "-created"], ["owner"], ["team", "level"], ["level"], ["team"]],
    }
    world = World(USERS, things)
    world.add("users", ANNA, team="red", rank=3)
    world.add("users", BEN, team="blue")
    for row in rows:
        world.add("things", **row)
    return world


def _one_by_one(world: World, who: Principal) -> dict[str, dict[str, Any]]:
    """What each record shows to a caller who asks for it alone."""
    shown = {}
    for record_id in world.all("things"):
        try:
            shown[record_id] = world.records.get(who, "things", record_id).document
        except CoveyError as refusal:
            assert refusal.status == 404
    return shown


def _paged(world: World, who: Principal, parameters: dict[str, str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = world.records.list(who, "things", {"limit": "2", **parameters, **cursor})
        items += page.items
        if page.next is None:
            return items
        cursor = {"cursor": page.next}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rule=st.none() | rules,
    field_rule=st.none() | rules,
    rows=st.lists(values, max_size=8),
    who=callers,
    sort=st.sampled_from(["", "created", "-created", "level", "-level", "team"]),
)
def test_a_list_shows_exactly_what_gets_show(
    rule: str | None, field_rule: str | None, rows: list[dict[str, Any]], who: Principal, sort: str
) -> None:
    world = _world(rule, field_rule, rows)
    expected = _one_by_one(world, who)
    parameters = {"sort": sort} if sort else {}
    try:
        items = _paged(world, who, parameters)
    except CoveyError as refusal:
        assert refusal.status in (401, 404), refusal
        assert not expected
        return
    assert len({item["id"] for item in items}) == len(items)
    assert {item["id"]: item for item in items} == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rule=rules,
    field_rule=rules,
    rows=st.lists(values, max_size=8),
    who=callers,
    text=st.sampled_from(FILTERS),
)
def test_a_filter_only_takes_away(
    rule: str, field_rule: str, rows: list[dict[str, Any]], who: Principal, text: str
) -> None:
    world = _world(rule, field_rule, rows)
    expected = _one_by_one(world, who)
    try:
        items = _paged(world, who, {"filter": text})
        everyone = (
            {item["id"] for item in _paged(world, ADMIN, {"filter": text})}
            if ("auth" not in text)
            else None
        )
    except CoveyError as refusal:
        assert refusal.status in (401, 404), refusal
        assert not expected
        return
    assert all(expected.get(item["id"]) == item for item in items)
    if everyone is not None:
        assert {item["id"] for item in items} == everyone & expected.keys()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rule=rules,
    field_rule=rules,
    rows=st.lists(values, max_size=6),
    who=callers.filter(lambda who: not who.is_administrator),
    name=st.sampled_from(["secret", "secret == 's1'", "-secret"]),
)
def test_hidden_values_change_nothing_that_is_answered(
    rule: str, field_rule: str, rows: list[dict[str, Any]], who: Principal, name: str
) -> None:
    """Two worlds that differ in hidden values only answer a caller alike, filters included."""
    worlds = []
    for swap in (False, True):
        world = _world(rule, field_rule, [])
        for number, row in enumerate(rows):
            record_id = f"{number:020d}"
            world.add("things", record_id, **row)
            shown = _one_by_one(world, who).get(record_id, {})
            if swap and "secret" not in shown and "secret" in row:
                world.add("things", record_id, **(row | {"secret": "s3"}))
        worlds.append(world)

    def answer(world: World) -> Any:
        parameters = {"filter": name} if "==" in name else {"sort": name}
        results: list[Any] = []
        for asked in ({}, parameters):
            try:
                results.append(world.records.list(who, "things", asked).items)
            except CoveyError as refusal:
                results.append((refusal.status, refusal.code, refusal.detail))
        return results

    assert answer(worlds[0]) == answer(worlds[1])
