"""Collections go into a database and come back from it as they were."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.e2e.running import Running, User
from tests.infra.cli.sql.importing import Importer, plain

TEAM = """
name: x_teams
description: Teams, with everything that a field can be.
ids: custom
fields:
  title:    {type: text, required: true, max: 80}
  slug:     {type: text}
  state:    {type: choice, choices: [open, shut, "it's"], default: open}
  amount:   {type: integer, min: 0, max: 100000}
  huge:     {type: integer, max: 99999999999999999999999999999999999999}
  budget:   {type: number, min: 0}
  active:   {type: bool, default: true}
  since:    {type: datetime, default: now}
  day:      {type: date}
  mail:     {type: email, read: auth != null}
  page:     {type: url}
  about:    {type: json}
  words:    {type: text, list: true, max_items: 10}
  amounts:  {type: number, list: true}
  moments:  {type: datetime, list: true}
  parent:   {type: relation, to: x_teams, on_delete: clear}
  lead:     {type: relation, to: x_people}
  likes:    {type: relation, to: x_people, list: true}
rules:
  read: active
indexes:
  - [state, -since, amount]
  - {fields: [-day], covering: false}
unique:
  - [slug]
  - [title, state]
"""
PEOPLE = """
name: x_people
fields:
  name: {type: text}
  team: {type: relation, to: x_teams, required: true, on_delete: cascade}
  gone: {type: relation, to: x_teams, check: false}
"""
FULL: dict[str, Any] = {
    "id": "a.b:c",
    "title": "Ente 🦆 'quoted' \"double\" \\ %s :x\n",
    "slug": "über",
    "state": "it's",
    "amount": 0,
    "huge": 12345678901234567890123456789012345678,
    "budget": Decimal("1234567890.12345678901234567890123456"),
    "active": False,
    "since": "0001-01-01T00:00:00.001Z",
    "day": "9999-12-31",
    "mail": "a@example.org",
    "page": "https://example.org/a?b=c",
    "about": {"a": [1, None, {"b": Decimal("0.1")}], "z": Decimal("1E-20"), "ü": "x"},
    "words": ["", "a,b", '"{}"', "null"],
    "amounts": [1, Decimal("0.30"), -5],
    "moments": ["2024-02-29T12:00:00.999Z"],
    "likes": [],
}


@pytest.fixture(scope="module")
def teams(house: Running, root: User, tmp_path_factory: Any) -> Importer:
    """Two collections that refer to each other, with records."""
    from covey.collections import yaml_files

    folder = tmp_path_factory.mktemp("teams")
    (folder / "x_teams.yaml").write_text(TEAM)
    (folder / "x_people.yaml").write_text(PEOPLE)
    importer = Importer(house.url, root, folder)
    documents = {one["name"]: one for one, _ in yaml_files.read(folder)}
    shell = {"name": "x_people", "fields": {}}
    importer.put("/admin/collections/x_people", shell)
    for name in ("x_teams", "x_people"):
        importer.put(f"/admin/collections/{name}", documents[name])
    importer.put("/records/x_teams/a.b:c", {k: v for k, v in FULL.items() if k != "id"})
    for n in range(230):
        team = {"title": f"T{n}", "budget": n / 8, "parent": "a.b:c", "slug": f"s{n}"}
        importer.put(f"/records/x_teams/t{n}", team)
    people = [
        root.http.post("/records/x_people", json={"name": f"P{n}", "team": f"t{n}", "gone": "no"})
        for n in range(5)
    ]
    first = people[0].json()["id"]
    root.http.patch("/records/x_teams/a.b:c", json={"lead": first, "likes": [first]})
    return importer


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.URL]:
    if request.param == "sqlite":
        yield sa.URL.create("sqlite", database=str(tmp_path / "out.db"))
    else:
        yield request.getfixturevalue("database")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Importer]:
    """Another Covey, to come back into."""
    from tests.infra.cli.sql.conftest import fresh

    folder = tmp_path_factory.mktemp("other")
    with fresh(folder) as (running, user):
        yield Importer(running.url, user, folder)


ONLY = ("--only", "x_teams", "--only", "x_people")


@pytest.mark.slow
def test_what_went_out_comes_back_equal(
    teams: Importer, other: Importer, target: sa.URL, tmp_path: Path
) -> None:
    done = teams.call("export-sql", target, *ONLY)
    assert done.returncode == 0, done.stdout + done.stderr
    back = Importer(other.url, other.root, tmp_path / "back")
    back.load(target)
    for name in ("x_teams", "x_people"):
        before, after = teams.document(name), back.document(name)
        assert after == {**before, "ids": "custom"}
        assert plain_all(back.records(name)) == plain_all(teams.records(name))
    shown = back.records("x_teams")["a.b:c"]
    assert plain({name: shown[name] for name in FULL if name != "likes"}) == plain(
        {name: value for name, value in FULL.items() if name != "likes"}
    )


def plain_all(records: dict[str, Any]) -> dict[str, Any]:
    return {one: plain(record) for one, record in records.items()}


def test_tables_have_types_keys_and_indexes(teams: Importer, target: sa.URL) -> None:
    assert teams.call("export-sql", target, *ONLY).returncode == 0
    engine = sa.create_engine(target, poolclass=sa.NullPool)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        columns = {one["name"]: one for one in inspector.get_columns("x_teams")}
        keys = inspector.get_foreign_keys("x_people")
        unique = {tuple(u["column_names"]) for u in inspector.get_unique_constraints("x_teams")}
        indexes = inspector.get_indexes("x_teams")
    assert columns["title"]["nullable"] is False
    assert columns["title"]["type"].length == 80
    assert isinstance(columns["amount"]["type"], sa.BigInteger)
    assert isinstance(columns["active"]["type"], sa.Boolean)
    assert isinstance(columns["since"]["type"], sa.DateTime)
    assert unique == {("slug",), ("title", "state")}
    assert len([one for one in indexes if not one["unique"]]) == 2
    assert [(k["constrained_columns"], k["referred_table"]) for k in keys] == [
        (["team"], "x_teams")
    ]
    assert keys[0]["options"]["ondelete"] == "CASCADE"


def test_a_database_that_has_tables_is_left_alone(teams: Importer, target: sa.URL) -> None:
    engine = sa.create_engine(target, poolclass=sa.NullPool)
    metadata = sa.MetaData()
    sa.Table("x_teams", metadata, sa.Column("mine", sa.Integer))
    metadata.create_all(engine)
    for more in ((), ("--into-existing",)):
        done = teams.call("export-sql", target, *ONLY, *more)
        assert done.returncode == 1
        assert "already" in done.stderr
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["x_teams"]
    done = teams.call("export-sql", target, "--only", "x_people", "--into-existing")
    assert done.returncode == 0, done.stderr


def test_a_collection_that_is_not_there(teams: Importer, target: sa.URL) -> None:
    done = teams.call("export-sql", target, "--only", "nothing")
    assert done.returncode == 1
    assert "There is no collection nothing" in done.stderr


def test_it_says_who_must_ask() -> None:
    command = [sys.executable, "-m", "infra.cli", "export-sql", "sqlite:///x.db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "COVEY_TOKEN" in done.stderr
