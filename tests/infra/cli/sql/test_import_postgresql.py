"""A PostgreSQL database comes into a running Covey, every row and relation."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import simplejson
import sqlalchemy as sa

from infra.cli.sql.record_ids import id_of
from tests.infra.cli.sql.importing import Importer, plain

HERE = Path(__file__).parent
REFUSED = {"never-ends": "ended", "no-number": "ratio", "hole": "amounts", "in-vain": "raw"}
# Table: its collection, the columns of its key, and field by field what it should hold.
Read = dict[str, Any]


def fill(url: sa.URL, script: str) -> None:
    plain_url = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain_url) as connection:
        connection.execute(script.encode())


@pytest.fixture(scope="module")
def works(postgresql: sa.URL) -> sa.URL:
    control = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with control.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE works")
    control.dispose()
    url = postgresql.set(database="works")
    fill(url, (HERE / "works.sql").read_text())
    return url


@pytest.fixture(scope="module")
def imported(house: Any, root: Any, works: sa.URL, tmp_path_factory: Any) -> Importer:
    importer = Importer(house.url, root, tmp_path_factory.mktemp("pg-import"))
    done = importer.call("import-sql", works, "--yes", "--skip", "badge_*", "--map", "badge=badges")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "There is no table badge_*" in done.stderr
    done = importer.call("import-sql", works, "--yes", "--map", "badge=badges")
    assert done.returncode == 1, done.stdout + done.stderr
    importer.said = done.stdout + done.stderr  # type: ignore[attr-defined]
    return importer


def rows(url: sa.URL, statement: str) -> list[dict[str, Any]]:
    engine = sa.create_engine(
        url, poolclass=sa.NullPool, json_deserializer=partial(simplejson.loads, use_decimal=True)
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("SET timezone = 'UTC'")
        found = [dict(row) for row in connection.execute(sa.text(statement)).mappings()]
    engine.dispose()
    return found


def instant(value: datetime | None) -> str | None:
    if value is None:
        return None
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


def ref(*values: Any) -> str | None:
    return None if None in values else id_of([str(value) for value in values])


def company(r: Read) -> Read:
    return {
        "id": str(r["id"]),
        "name": r["name"],
        "founder": ref(r["founder"]),
        "share": r["share"],
        "version_": r["version"],
    }


def person(r: Read) -> Read:
    return {
        "id": str(r["id"]),
        "company": str(r["company_id"]),
        "boss": ref(r["boss_id"]),
        "full_name": r["fullName"],
        "mood": r["mood"],
        "born": r["born"] and r["born"].isoformat(),
    }


def phrase(r: Read) -> Read:
    made = {"id": ref(r["language"], r["key"]), "language": r["language"]}
    return {**made, "key": r["key"], "body": r["body"]}


def phrase_use(r: Read) -> Read:
    made = {"id": str(r["id"]), "language": r["language"], "key": r["key"]}
    made |= {"phrase": ref(r["language"], r["key"]), "person": ref(r["person"])}
    return {**made, "at": instant(r["at"])}


def project(r: Read) -> Read:
    made = {
        name: r[name] for name in ("slug", "state", "budget", "tags", "amounts", "about", "raw")
    }
    made |= {"doubled": r["doubled"], "done": r["done"], "id": ref(r["slug"])}
    made |= {"ratio": Decimal(repr(r["ratio"])), "days": [one.isoformat() for one in r["days"]]}
    made |= {"seal": base64.b64encode(r["seal"]).decode(), "opens": r["opens"].isoformat()}
    made |= {"started": instant(r["started"]), "ended": instant(r["ended"])}
    return {**made, "lasts": r["lasts_text"], "address": r["address_text"]}


def task(r: Read) -> Read:
    made = {"id": str(r["Id"]), "projekt": ref(r["Projekt"]), "f_1st": r["1st"], "in_": r["in"]}
    return {**made, "grosse": r["größe"], "parent": ref(r["parent"])}


def member(r: Read) -> Read:
    return {
        "id": ref(r["project"], r["person"]),
        "project": ref(r["project"]),
        "person": str(r["person"]),
    }


PROJECTS = """SELECT p.*, address::text AS address_text,
  CASE WHEN lasts IS NOT NULL THEN 'P' || extract(day FROM lasts) || 'DT' ||
    extract(hour FROM lasts) || 'H' END AS lasts_text
  FROM project p WHERE budget > 0"""
TABLES = {
    "company": ("company", "SELECT * FROM company", company),
    "person": ("person", "SELECT * FROM person", person),
    "language": (
        "language",
        "SELECT * FROM language",
        lambda r: {"id": r["code"], "code": r["code"], "label": r["label"]},
    ),
    "phrase": ("phrase", "SELECT * FROM phrase", phrase),
    "phrase_use": ("phrase_use", "SELECT * FROM phrase_use", phrase_use),
    "project": ("project", PROJECTS, project),
    "member": ("member", "SELECT * FROM member WHERE project <> 'never-ends'", member),
    "task_list": ("task_list", 'SELECT * FROM "Task List"', task),
    "badges": (
        "badges",
        "SELECT * FROM badge",
        lambda r: {"id": str(r["person"]), "person": str(r["person"]), "number": r["number"]},
    ),
    "by_time": (
        "by_time",
        "SELECT *, at::text AS key FROM by_time",
        lambda r: {"id": ref(r["key"]), "at": instant(r["at"]), "value": Decimal(repr(r["value"]))},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_a_record(imported: Importer, works: sa.URL, name: str) -> None:
    collection, statement, made = TABLES[name]
    wanted = [made(row) for row in rows(works, statement)]
    assert len(wanted) > 2
    wanted = [{k: plain(v) for k, v in one.items() if v is not None} for one in wanted]
    found = imported.records(collection)
    shown = {
        one: {k: plain(v) for k, v in record.items() if v is not None}
        for one, record in found.items()
    }
    assert shown.keys() == {one["id"] for one in wanted}
    for one in wanted:
        record = shown[one["id"]]
        for field in one.keys() | record.keys():
            assert (field, record.get(field)) == (field, one.get(field))


def test_rows_without_a_key_are_there_as_often_as_they_were(imported: Importer) -> None:
    lines = [record.get("line") for record in imported.records("journal").values()]
    assert len(lines) == 102
    assert lines.count("line 3") == 3
    assert lines.count("line 30") == 2
    assert lines.count(None) == 2


def test_rows_that_can_be_no_record_are_reported(imported: Importer) -> None:
    found = {(one["table"], one["id"], one["field"]) for one in imported.refusals()}
    assert {("project", slug, field) for slug, field in REFUSED.items()} <= found
    assert ("member", "never-ends:1", "project") in found
    assert len(found) == len(REFUSED) + 1
    assert "5 refusals" in imported.said  # type: ignore[attr-defined]


def test_collections_say_what_the_tables_said(imported: Importer) -> None:
    people = imported.document("person")
    fields = people["fields"]
    assert fields["mood"]["choices"] == ["sad", "it's ok", "glücklich"]
    assert fields["mood"]["default"] == "it's ok"
    assert fields["company"]["on_delete"] == "cascade"
    assert fields["boss"]["on_delete"] == "clear"
    assert "check" not in fields["company"]
    assert "password_hash" not in fields
    assert people["indexes"] == [["company", "-born"]]
    assert imported.document("company")["unique"] == [["name"]]
    project = imported.document("project")
    assert project["fields"]["state"]["choices"] == ["open", "shut"]
    assert project["fields"]["budget"]["min"] == 0
    assert project["fields"]["tags"] == {
        "type": "text",
        "list": True,
        "required": True,
        "default": [],
    }
    assert project["indexes"] == [["state", "-ended", "slug"]]
    assert imported.document("phrase_use")["fields"]["phrase"]["to"] == "phrase"
    assert imported.document("badges")["fields"]["person"]["required"] is True


def test_what_is_lost_is_said(imported: Importer) -> None:
    said = imported.said  # type: ignore[attr-defined]
    for line in (
        "person: password_hash is left out",
        "person: index person_lower is left out: it is over an expression",
        "CHECK (length",
        "journal: has no primary key",
        "project: seal: bytes are kept as base64 text",
        "Task List: becomes the collection task_list",
        "Task List: in becomes the field in_",
    ):
        assert line in said


def test_the_password_is_nowhere(imported: Importer) -> None:
    said = imported.said  # type: ignore[attr-defined]
    assert "a-secret" not in said
    for file in imported.folder.rglob("*"):
        if file.is_file():
            assert b"a-secret" not in file.read_bytes()
            assert b"pbkdf2" not in file.read_bytes()


def test_a_password_that_is_wrong_is_not_shown(importer: Importer) -> None:
    url = "postgresql://covey:hunter2@127.0.0.1:1/works"
    done = importer.call("import-sql", url, "--yes")
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
