"""The examples of docs/guide/rules.md, tried as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from covey.collections import dump, load_all
from covey.errors import CoveyError
from covey.identity.principal import GUEST
from tests.layers.core.records.world import ADMIN, World, uid, user

GUIDE = Path(__file__).parents[4] / "docs/guide/rules.md"
CALLERS = {
    "guest": GUEST,
    "admin": ADMIN,
    "anna": user("anna"),
    "ben": user("ben"),
    "sue": user("sue", "staff"),
}
TEAMS = {"anna": "red", "ben": "blue", "sue": "red"}


class Example(NamedTuple):
    """A line of a table: what stands in it, and the collections and records of its section."""

    documents: list[dict[str, Any]]
    given: dict[str, dict[str, Any]]
    cells: list[str]


def _examples() -> Iterator[Example]:
    for part in re.split(r"^## ", GUIDE.read_text(), flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"```yaml\n(.*?)```", part, re.DOTALL)
        if not blocks:
            continue
        documents = list(yaml.safe_load_all(blocks[0]))
        given = yaml.safe_load(blocks[1]) if len(blocks) > 1 else {}
        for line in part.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("|") and cells[0] in CALLERS:
                yield Example(documents, given, cells)


EXAMPLES = list(_examples())


def _named(value: Any) -> Any:
    """A value with the ids of people in place of their names, also where ids are joined."""
    if not isinstance(value, str):
        return value
    return ":".join(uid(part) if part in TEAMS else part for part in value.split(":"))


def _values(cell: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(cell.strip("`")) or {}
    return {name: _named(one) for name, one in values.items()}


def _world(example: Example) -> World:
    documents = {document["name"]: document for document in example.documents}
    users = {"name": "users", "fields": {"team": {"type": "text"}}}
    loaded = load_all([documents.pop("users", users), *documents.values()])
    world = World(*map(dump, loaded.values()))
    for name, team in TEAMS.items():
        world.add("users", uid(name), **({"team": team} if "orgs" not in documents else {}))
    for collection, records in example.given.items():
        for record_id, values in records.items():
            world.add(
                collection, _named(record_id), **{name: _named(one) for name, one in values.items()}
            )
    return world


def _answer(world: World, name: str, cells: list[str]) -> str:
    who, does, record, change = CALLERS[cells[0]], cells[1], cells[2], cells[3]
    made = world.add(name, **_values(record))
    records = world.records
    try:
        match does.split():
            case ["read"]:
                records.get(who, name, made)
            case ["create"]:
                records.create(who, name, _values(change))
            case ["create", other]:
                records.create(who, other, _values(change))
            case ["update"]:
                records.update(who, name, made, _values(change))
            case ["delete"]:
                records.delete(who, name, made)
            case ["see", field]:
                return "yes" if field in records.get(who, name, made).document else "no"
    except CoveyError as refusal:
        return f"{refusal.status} {refusal.code}"
    return "yes"


@pytest.mark.parametrize(
    "example",
    EXAMPLES,
    ids=["-".join((one.documents[0]["name"], *one.cells[:4]))[:90] for one in EXAMPLES],
)
def test_an_example_of_the_guide_is_answered_as_it_says(example: Example) -> None:
    name = example.documents[0]["name"]
    assert _answer(_world(example), name, example.cells) == example.cells[4]


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.cells[1] == "read"], ids=lambda one: one.cells[2]
)
def test_a_list_shows_what_a_read_does(example: Example) -> None:
    """The same record, met in a list, a count and an expansion instead of by its id."""
    name, cells = example.documents[0]["name"], example.cells
    world, who = _world(example), CALLERS[example.cells[0]]
    made = world.add(name, **_values(cells[2]))
    try:
        items = world.records.list(who, name, {"count": "exact"}).items
    except CoveyError as refusal:
        assert refusal.status in (401, 404)
        items = ()
    assert [item["id"] for item in items] == ([made] if cells[4] == "yes" else [])


def test_the_guide_has_its_examples() -> None:
    assert len(EXAMPLES) >= 90
