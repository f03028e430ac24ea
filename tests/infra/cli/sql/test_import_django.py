"""A Django project's SQLite database comes into a running Covey, every row and relation."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.cli.sql.record_ids import id_of
from tests.infra.cli.sql.importing import Importer, plain

# Column by column what a field holds; the others are as they are.
TIMES = {"created", "placed", "date_joined", "last_login"}
BOOLS = {"active", "rated", "is_superuser", "is_staff", "is_active"}
JSON = {"attributes", "extra"}
RENAMED = {"created": "created_", "function": "function_"}
KEYS = {"shop_country": "code", "shop_warranty": "product_id"}
TABLES = {
    *("auth_group", "auth_user", "auth_user_groups", "shop_category", "shop_country"),
    *("shop_customer", "shop_employee", "shop_employee_knows", "shop_labelling", "shop_order"),
    *("shop_orderline", "shop_product", "shop_product_categories", "shop_supplier", "shop_tag"),
    "shop_warranty",
}


@pytest.fixture(scope="module")
def imported(house: Any, root: Any, django_file: Path, tmp_path_factory: Any) -> Importer:
    importer = Importer(house.url, root, tmp_path_factory.mktemp("django-import"))
    said = importer.load(f"sqlite:///{django_file}")
    assert "auth_user: password is left out" in said
    assert "django_session: sessions of Django" in said
    return importer


def expected(table: str, row: dict[str, Any], relations: set[str]) -> dict[str, Any]:
    """What a record should hold, told apart from the code under test."""
    key = KEYS.get(table, "id")
    record: dict[str, Any] = {"id": id_of([str(row[key])])}
    for column, value in row.items():
        short = column.removesuffix("_id")
        if short in relations:
            if value is not None:
                record[short] = id_of([str(value)])
        elif column == "id" and isinstance(value, int):
            continue
        elif value is not None and column != "password":
            record[RENAMED.get(column, "id_" if column == "id" else column)] = held(column, value)
    return record


def held(column: str, value: Any) -> Any:
    if column in TIMES:
        day, _, time = value.partition(" ")
        return f"{day}T{time[:12].ljust(12, '0') if '.' in time else time + '.000'}Z"
    if column in BOOLS:
        return bool(value)
    if column in JSON:
        return plain(json.loads(value, parse_float=Decimal))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return plain(Decimal(repr(value))) if isinstance(value, float) else value


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in record.items() if value is not None}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_row_is_a_record(imported: Importer, django_file: Path, table: str) -> None:
    fields = imported.document(table)["fields"]
    relations = {name for name, about in fields.items() if about["type"] == "relation"}
    with closing(sqlite3.connect(django_file)) as base:
        base.row_factory = sqlite3.Row
        rows = [dict(row) for row in base.execute(f'SELECT * FROM "{table}"')]
    wanted = [expected(table, row, relations) for row in rows]
    assert table == "auth_group" or table == "auth_user_groups" or wanted
    found = {one: without_nulls(record) for one, record in imported.records(table).items()}
    assert found == {record["id"]: record for record in wanted}


def test_every_relation_finds_its_record(imported: Importer) -> None:
    ids = {table: set(imported.records(table)) for table in TABLES}
    checked = 0
    for table in TABLES:
        fields = imported.document(table)["fields"]
        links = [(name, about["to"]) for name, about in fields.items() if "to" in about]
        for record in imported.records(table).values():
            for name, to in links:
                if record.get(name) is not None:
                    assert record[name] in ids[to]
                    checked += 1
    assert checked > 700
    answer = imported.root.http.get("/records/shop_orderline?expand=order,product&limit=5").json()
    assert all(item["expand"]["order"]["id"] == item["order"] for item in answer["items"])


def test_constraints_and_indexes_come_along(imported: Importer) -> None:
    product = imported.document("shop_product")
    assert product["fields"]["sku"] == {"type": "text", "required": True, "max": 20}
    assert product["fields"]["stock"] == {"type": "integer", "required": True, "min": 0}
    assert product["fields"]["attributes"] == {"type": "json", "required": True}
    assert product["unique"] == [["sku"]]
    assert ["state", "-created_"] in product["indexes"]
    line = imported.document("shop_orderline")
    assert line["unique"] == [["order", "product"]]
    assert line["fields"]["quantity"]["min"] == 1
    assert imported.document("shop_customer")["unique"] == [["user"]]
    assert "password" not in imported.document("auth_user")["fields"]
    assert not (TABLES - {one.stem for one in imported.collections.glob("*.yaml")})


def test_only_administrators_may_reach_what_came_in(imported: Importer, house: Any) -> None:
    assert house.client().get("/records/auth_user").status_code in (401, 403, 404)


def test_again_it_changes_nothing(imported: Importer, django_file: Path) -> None:
    before = imported.root.http.get("/records/shop_product/1").json()
    files = {one: one.read_bytes() for one in imported.collections.iterdir()}
    said = imported.load(f"sqlite:///{django_file}")
    assert "shop_product.yaml is there and stays" in said
    assert imported.root.http.get("/records/shop_product/1").json() == before
    assert files == {one: one.read_bytes() for one in imported.collections.iterdir()}
