"""The small parts: ids, names, checks, defaults, conversions, order, YAML."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from covey.collections import yaml_files
from covey.collections.naming import field_name_fault, is_name
from covey.fields.relation import ID
from infra.cli.sql import checks, database, defaults, naming, yaml_writing
from infra.cli.sql.column_types import kind_of
from infra.cli.sql.converting import converted, key_text
from infra.cli.sql.faults import SqlFaultError
from infra.cli.sql.ordering import arranged, components
from infra.cli.sql.record_ids import id_of, values_of

KEYS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=12), min_size=1)


@given(KEYS)
def test_a_key_is_known_by_its_id(key: list[str]) -> None:
    try:
        made = id_of(key)
    except ValueError:
        return
    assert re.fullmatch(ID, made)
    assert made not in ("import", "export", "search", "aggregate")
    assert values_of(made) == key


@pytest.mark.parametrize(
    ("key", "made"),
    [
        (["42"], "42"),
        (["7", "a b"], "7:a.20b"),
        (["-5"], "0.-5"),
        ([""], "0."),
        (["", ""], "0.:"),
        (["import"], "0..69mport"),
        (["0.41"], "0.2e41"),
    ],
)
def test_ids(key: list[str], made: str) -> None:
    assert id_of(key) == made
    assert values_of(made) == key


@given(st.lists(st.text(max_size=90), max_size=8))
def test_every_name_becomes_a_legal_one_of_its_own(names: list[str]) -> None:
    collections: list[str] = []
    fields: list[str] = []
    for name in names:
        collections.append(naming.collection_name(name, collections))
        fields.append(naming.relation_name(name, fields))
        fields.append(naming.field_name(name, fields))
    assert all(is_name(name) and name != "users" for name in collections)
    assert not any(field_name_fault(name) for name in fields)
    assert len(set(collections)) == len(collections)
    assert len(set(fields)) == len(fields)


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("author_id", "author"),
        ("authorId", "author"),
        ("version_id", "version_id"),
        ("id", "id_"),
        ("paid", "paid"),
        ("Größe", "grosse"),
        ("created", "created_"),
    ],
)
def test_names_of_relations(column: str, name: str) -> None:
    assert naming.relation_name(column, ()) == name


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('"n" >= 0', [checks.Said("n", low=Decimal(0))]),
        ("n > 0 AND n <= 1.5", [
            checks.Said("n", low=Decimal(0), strict=True), checks.Said("n", high=Decimal("1.5")),
        ]),
        ("((n >= (0)::numeric))", [checks.Said("n", low=Decimal(0))]),
        ("n BETWEEN -1 AND 5", [checks.Said("n", low=Decimal(-1), high=Decimal(5))]),
        ("s in ('a', 'it''s')", [checks.Said("s", choices=("a", "it's"))]),
        ("(s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])",
         [checks.Said("s", choices=("a", "b"))]),
        ('(JSON_VALID("j") OR "j" IS NULL)', [checks.Said("j", json=True)]),
        ("a < b", None),
        ("length(s) > 3", None),
        ("n >= 0 OR n < -5", None),
        ("s IN ('a') OR n > 3", None),
        ("", None),
    ],
)  # fmt: skip
def test_checks(expression: str, said: list[checks.Said] | None) -> None:
    assert checks.read(expression) == said


@given(st.text(alphabet="()'\"cheCK >=0,ain[]`", max_size=60))
def test_no_statement_stops_the_reading_of_checks(text: str) -> None:
    for one in checks.of_statement(f"CREATE TABLE t (a CHECK (a > 0), {text})"):
        checks.read(one)


def test_checks_of_a_statement() -> None:
    statement = "CREATE TABLE t (\"check (\" int CHECK (a IN ('(', ')''')), CHECK((b>1)))"
    assert list(checks.of_statement(statement)) == ["a IN ('(', ')''')", "(b>1)"]


@pytest.mark.parametrize(
    ("written", "kind", "found"),
    [
        ("'a'::character varying", "text", "a"),
        ("'it''s'", "choice", "it's"),
        ("now()", "datetime", "now"),
        ("CURRENT_TIMESTAMP", "datetime", "now"),
        ("now()", "text", defaults.NOTHING),
        ("'now'", "text", defaults.NOTHING),
        ("gen_random_uuid()", "text", "uuid"),
        ("(-1)", "integer", -1),
        ("1.50", "number", Decimal("1.50")),
        ("1.5", "integer", defaults.NOTHING),
        ("true", "bool", True),
        ("0", "bool", False),
        ("'{\"a\": 0.1}'::jsonb", "json", {"a": Decimal("0.1")}),
        ("nextval('x'::regclass)", "integer", defaults.NOTHING),
        ("lower('x')", "text", defaults.NOTHING),
    ],
)
def test_defaults(written: str, kind: str, found: Any) -> None:
    assert defaults.read(written, kind) == found


@pytest.mark.parametrize(
    ("reading", "value", "held"),
    [
        ("datetime", "2024-02-29 23:59:59.9876+05:30", "2024-02-29T18:29:59.987Z"),
        ("datetime", "0001-01-01 00:00:00", "0001-01-01T00:00:00.000Z"),
        ("datetime", "2024-01-01 10:00:00+00", "2024-01-01T10:00:00.000Z"),
        ("date", "2024-01-01 00:00:00", "2024-01-01"),
        ("number", 0.1, Decimal("0.1")),
        ("number", "1e5", Decimal("1e5")),
        ("integer", 5.0, 5),
        ("bool", "t", True),
        ("bool", 0, False),
        ("bytes", b"\x00\xff", "AP8="),
        ("json_text", '{"a": 1.10}', {"a": Decimal("1.10")}),
        ("anything", 1.5, Decimal("1.5")),
        ("uuid", "0" * 32, "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_values(reading: str, value: Any, held: Any) -> None:
    assert converted(reading, value) == held


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        ("datetime", "infinity"),
        ("datetime", "0044-03-15 00:00:00 BC"),
        ("datetime", 5),
        ("datetime", "0001-01-01 00:00:00+10"),
        ("date", "10000-01-01"),
        ("number", float("nan")),
        ("number", "1" * 39),
        ("number", 10**40 + 1),
        ("number", Decimal("1E+999999999")),
        ("number", True),
        ("integer", 1.5),
        ("integer", "x"),
        ("bool", "maybe"),
        ("bool", []),
        ("text", "a\0b"),
        ("text", b"\xff"),
        ("json_text", "NaN"),
        ("json_text", "{"),
        ("json_text", "[" * 100_000),
        ("json", [{"a": Decimal("1e400")}]),
        ("json", NotImplemented),
        ("uuid", "x"),
    ],
)
def test_values_that_no_record_holds(reading: str, value: Any) -> None:
    with pytest.raises(ValueError):
        converted(reading, value)


def test_items_that_are_null_are_refused() -> None:
    assert converted("number", [1, 2.5], many=True) == [1, Decimal("2.5")]
    for value in ([1, None], "5", 5):
        with pytest.raises(ValueError):
            converted("number", value, many=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (5.0, "5"), (Decimal("5.00"), "5"), (Decimal("1E+3"), "1000"), (True, "true")],
)
def test_both_sides_of_a_foreign_key_have_one_text(value: Any, text: str) -> None:
    assert key_text(value) == text


def test_what_others_refer_to_comes_first() -> None:
    refers = {"line": ["order", "item"], "order": ["person"], "person": ["order", "person"]}
    needs = {"order": ["person"]}
    places = arranged({**refers, "item": []}, needs)
    names = [place.name for place in places]
    assert names.index("item") < names.index("line")
    assert names.index("person") < names.index("order") < names.index("line")
    tied = {place.name: place for place in places}
    assert tied["order"].loose == {"order", "person"}
    assert tied["order"].tight == {"order"}


def test_a_long_chain_of_tables() -> None:
    names = [f"t{n}" for n in range(5_000)]
    refers = {name: [after] for name, after in pairwise(names)}
    assert components(names, refers) == [[n] for n in reversed(names)]


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5, unique=True))
def test_any_choice_is_read_again_as_it_was(choices: list[str]) -> None:
    field = {"type": "choice", "choices": choices, "default": choices[0], "description": "x: #"}
    document = {"name": "things", "ids": "custom", "fields": {"no": field, "n": {"type": "text"}}}
    assert read_back(document) == document


def read_back(document: dict[str, Any]) -> dict[str, Any]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        yaml_writing.write(Path(folder), [document], "Made of it")
        [(found, _)] = yaml_files.read(Path(folder))
    return found


def test_a_file_that_is_there_counts_if_it_fits(tmp_path: Path) -> None:
    wanted = {"name": "a", "ids": "custom", "fields": {"x": {"type": "text"}}}
    own = {**wanted, "rules": {"read": "true"}}
    yaml_writing.write(tmp_path, [own], "me")
    settled, new = yaml_writing.settle(tmp_path, [wanted])
    assert not new
    assert settled[0]["rules"] == {"read": "true"}
    other = {**wanted, "fields": {"x": {"type": "integer"}}}
    with pytest.raises(SqlFaultError, match="the type of x is text, not integer"):
        yaml_writing.settle(tmp_path, [other])


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("mysql://root:hunter2@h/d", "mysql is not taken"),
        ("hunter2", "no address"),
        ("postgresql://a:hunter2@h:port/d", "no address"),
    ],
)
def test_addresses_that_are_none(address: str, why: str) -> None:
    with pytest.raises(SqlFaultError, match=why) as refused:
        database.address(address)
    assert "hunter2" not in str(refused.value)


def test_a_file_is_not_made_by_looking_for_it(tmp_path: Path) -> None:
    with pytest.raises(SqlFaultError, match="There is no SQLite file"):
        database.source(database.address(f"sqlite:///{tmp_path}/none.db"))
    assert not list(tmp_path.iterdir())


def test_a_password_is_in_no_fingerprint() -> None:
    one = database.address("postgresql://a:one@h/d")
    two = database.address("postgres://a:two@h/d")
    assert database.fingerprint(one) == database.fingerprint(two)
    assert database.fingerprint(one) != database.fingerprint(one, "more")
    assert "one" not in database.shown(one)


def test_every_type_has_a_kind() -> None:
    kinds = {kind_of(one()).document["type"] for one in (sa.Text, sa.BigInteger, sa.JSON, sa.Time)}
    assert kinds == {"text", "integer", "json"}
    assert kind_of(sa.Numeric(10, 0)).document == {"type": "integer"}
    assert kind_of(sa.Enum("", "a")).document == {"type": "text"}
