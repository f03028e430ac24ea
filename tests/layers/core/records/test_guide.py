"""The examples of docs/guide/rules.md, tried as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def _examples() -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^## ", GUIDE.read_text(), flags=re.MULTILINE)[1:]:
        block = re.search(r"```yaml\n(.*?)```", part, re.DOTALL)
        if block is None:
            continue
        for line in part[block.end() :].splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("|") and cells[0] in CALLERS:
                yield block[1], cells


EXAMPLES = list(_examples())


def _values(cell: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(cell.strip("`")) or {}
    return {name: uid(one) if one in TEAMS else one for name, one in values.items()}


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
    ("document", "cells"), EXAMPLES, ids=["-".join(cells[:4])[:70] for _, cells in EXAMPLES]
)
def test_an_example_of_the_guide_is_answered_as_it_says(document: str, cells: list[str]) -> None:
    collection = yaml.safe_load(document)
    world = World({"name": "users", "fields": {"team": {"type": "text"}}}, collection)
    for name, team in TEAMS.items():
        world.add("users", uid(name), team=team)
    assert _answer(world, collection["name"], cells) == cells[4]


def test_the_guide_has_its_examples() -> None:
    assert len(EXAMPLES) >= 30
