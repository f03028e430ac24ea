"""Whatever the rules and the records: a list shows what the evaluator admits, one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.collections import load_all
from covey.collections.document import dump
from covey.collections.scope import RecordScope
from covey.errors import CoveyError, Invalid
from covey.expressions import parse
from covey.identity import authorize as access
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.fetching import Fetcher
from tests.layers.core.records.world import START, World

TEAMS: dict[str, Any] = {
    "name": "teams",
    "ids": "custom",
    "fields": {
        "owner": {"type": "text"},
        "seats": {"type": "integer"},
        "open": {"type": "bool"},
        "above": {"type": "relation", "to": "teams", "check": False},
    },
}
DOCS: dict[str, Any] = {
    "name": "docs",
    "ids": "custom",
    "fields": {
        "team": {"type": "relation", "to": "teams", "check": False},
        "owner": {"type": "text"},
        "score": {"type": "integer"},
        "public": {"type": "bool"},
        "tags": {"type": "text", "list": True},
    },
    "indexes": [["owner", "-score"], ["team", "score"], ["public"]],
}
TEAM_IDS = ("red", "blue", "ann")
ATOMS = (
    *("public", "!public", "true", "false", "public == null", "owner == null", "auth == null"),
    *("owner == auth.id", "auth.id in tags", '"red" in tags', "score > 3", "score in [1, 5]"),
    *('owner == "ann"', 'owner in ["ann", "bob"]', 'team == "red"', "team != null", "score == 5"),
    *("team.open", "team.owner == auth.id", "team.seats > score", "has(team.owner)"),
    *("!team.open", "team.owner == owner", "team.seats / score > 1", 'team.above == "red"'),
    *('record("teams", owner) != null', 'record("teams", team) == null'),
    *('record("teams", team.above).owner == auth.id', 'record("teams", auth.id).open'),
    *('tags.exists(t, record("teams", t).owner == auth.id)', "tags.all(t, has(t.x))"),
    *('["red", "blue"].exists(t, record("teams", t).seats == score)', "'x' in auth.roles"),
)
RULES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=5,
)
FILTERS = st.none() | st.sampled_from(ATOMS[:9]) | st.sampled_from(ATOMS[9:17])
PEOPLE = (
    GUEST,
    Principal(Kind.USER, id="ann", roles=("x",), values={"id": "ann"}),
    Principal(Kind.USER, id="bob", values={"id": "bob"}),
)
OWNERS = st.none() | st.sampled_from(["ann", "bob", "red"])
TEAM = st.fixed_dictionaries(
    {},
    optional={
        "owner": OWNERS,
        "seats": st.integers(0, 9),
        "open": st.booleans(),
        "above": st.sampled_from([*TEAM_IDS, "gone"]),
    },
)
DOC = st.fixed_dictionaries(
    {},
    optional={
        "team": st.sampled_from([*TEAM_IDS, "gone"]),
        "owner": OWNERS,
        "score": st.integers(0, 6),
        "public": st.booleans(),
        "tags": st.lists(st.sampled_from([*TEAM_IDS, "bob"]), max_size=3),
    },
)


def listed(world: World, who: Principal, parameters: dict[str, str]) -> list[str] | None:
    """The ids on all pages, in order; None where the collection or the filter is refused."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        try:
            page = world.records.list(who, "docs", parameters | more)
        except CoveyError as refusal:
            assert refusal.status in (400, 401, 404)
            return None
        found += [item["id"] for item in page.items]
        cursor = page.next
        assert cursor is None or len(page.items) == int(parameters["limit"])
    return found


@given(
    rule=RULES,
    where=FILTERS,
    docs=st.lists(DOC, max_size=9),
    teams=st.dictionaries(st.sampled_from(TEAM_IDS), TEAM),
    who=st.sampled_from(PEOPLE),
    sort=st.sampled_from([None, "score", "-score"]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_list_is_what_the_evaluator_admits(
    rule: str,
    where: str | None,
    docs: list[dict[str, Any]],
    teams: dict[str, dict[str, Any]],
    who: Principal,
    sort: str | None,
) -> None:
    world = made(rule, docs, teams)
    if world is None:
        return
    seen = {record_id for record_id in world.all("docs") if sees(world, who, record_id)}
    parameters = {"limit": "3"} | ({"filter": where} if where else {})
    parameters |= {"sort": sort} if sort else {}
    found = listed(world, who, parameters)
    if found is None:
        assert where or sort or not seen
        return
    assert len(found) == len(set(found))
    assert set(found) == (seen if where is None else seen & matching(world, where, who))
    scores = [world.kept("docs", one).values.get("score") for one in found]
    known = [score for score in scores if score is not None]
    assert not sort or known == sorted(known, reverse=sort.startswith("-"))
    assert counted(world, who, parameters) in (None, len(found))


def matching(world: World, where: str, who: Principal) -> set[str]:
    """What a filter takes, by an evaluator that knows no plan."""
    collection = world.catalog.get("docs")
    return {
        record.id
        for record in world.all("docs").values()
        if parse(where).holds(RecordScope(collection, record, auth=who, now=START))
    }


def sees(world: World, who: Principal, record_id: str) -> bool:
    try:
        world.records.get(who, "docs", record_id)
    except CoveyError:
        return False
    return True


def counted(world: World, who: Principal, parameters: dict[str, str]) -> int | None:
    try:
        count = world.records.list(who, "docs", parameters | {"count": "exact"}).count
    except CoveyError as refusal:
        assert refusal.status == 400
        return None
    return None if count is None else count.number


def made(rule: str, docs: list[dict[str, Any]], teams: dict[str, dict[str, Any]]) -> World | None:
    """A world under this rule; None where it is refused, as it can never hold."""
    try:
        loaded = load_all([TEAMS, DOCS | {"rules": {"read": rule}}])
    except Invalid as refused:
        assert "can never hold" in str(refused)
        return None
    world = World(*map(dump, loaded.values()))
    for name, values in teams.items():
        world.add("teams", name, **values)
    for number, values in enumerate(docs):
        world.add("docs", f"d{number}", **values)
    return world


@given(
    rule=RULES,
    docs=st.lists(DOC, max_size=6),
    teams=st.dictionaries(st.sampled_from(TEAM_IDS), TEAM),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_looked_ahead_for_is_read_no_more(
    rule: str, docs: list[dict[str, Any]], teams: dict[str, dict[str, Any]]
) -> None:
    """And the answers are those of records that are asked about one by one."""
    world = made(rule, docs, teams)
    if world is None:
        return
    collection = world.catalog.get("docs")
    records = list(world.all("docs").values())
    for who in PEOPLE:
        apart, ahead = (Fetcher(world.store, world.catalog.get, START) for _ in range(2))
        access.foresee(who, collection, records, now=START, read=ahead)
        before = len(world.store.reads)
        answers = [access.visible(who, collection, one, now=START, read=ahead) for one in records]
        # Outcomes of ? : may each want another round; all else is known after two.
        assert len(world.store.reads) == before or "?" in rule
        alone = [access.visible(who, collection, one, now=START, read=apart) for one in records]
        assert answers == alone
