"""What a backup keeps besides records: walked, checked and put back in the table."""

from __future__ import annotations

from typing import Any

import pytest

from covey.errors import Invalid
from covey.store.remains import DynamoRemains
from covey.store.transport import transport


def item(pk: str, sk: str = ".", **more: Any) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, **more}


KEPT = [
    item("!account.ann", "totp", secret={"S": "sealed"}),
    item("!history.notes.1", "000000000000001.0000000001", v={"N": "1"}),
    item("!buried.notes.0", "1", v={"N": "3"}, x={"N": "4000000000"}),
    item("!secret.factors", s={"B": "AAE="}),
    item("!identity.abc", user={"S": "ann"}),
    item("!schedules", "nightly", schedule={"S": "{}"}, revision={"N": "1"}),
]
LEFT = [
    item("!account.ann", password={"S": "goes with the record"}),
    item("!session.ann", "sid"),
    item("!catalog", "notes"),
    item("!buried.notes.0", "late", x={"N": "1"}),
    item("notes.0", "1"),
]


def write(table: str, items: list[dict[str, Any]]) -> None:
    for one in items:
        transport().call("PutItem", {"TableName": table, "Item": one})


def place_of(one: dict[str, Any]) -> tuple[str, str]:
    return one["pk"]["S"], one["sk"]["S"]


def walked(remains: DynamoRemains) -> list[Any]:
    found, place = remains.walk("")
    while place is not None:
        more, place = remains.walk(place)
        found += more
    return sorted(found, key=place_of)


def test_what_is_walked_can_be_put_into_an_empty_table(table: str) -> None:
    write(table, KEPT + LEFT)
    remains = DynamoRemains(transport(), table)
    found = walked(remains)
    assert found == sorted(KEPT, key=place_of)
    for one in found:
        transport().call(
            "DeleteItem", {"TableName": table, "Key": item(one["pk"]["S"], one["sk"]["S"])}
        )
    assert walked(remains) == []
    for _ in range(2):
        remains.put(found)
    assert walked(remains) == found


def test_what_is_there_stays_but_for_secrets(table: str) -> None:
    remains = DynamoRemains(transport(), table)
    write(table, [item("!account.ann", "totp", secret={"S": "newer"}), item("!secret.factors")])
    remains.put(KEPT)
    found = {one["pk"]["S"]: one for one in walked(remains)}
    assert found["!account.ann"]["secret"] == {"S": "newer"}
    assert found["!secret.factors"] == KEPT[3]


REFUSED: dict[str, Any] = {
    "a record": item("notes.0", "1"),
    "the catalog": item("!catalog", "notes"),
    "a session": item("!session.ann", "sid"),
    "an account": item("!account.ann"),
    "no key": {"v": {"N": "1"}},
    "a key of another type": {"pk": {"N": "1"}, "sk": {"S": "."}},
    "no item": ["!account.ann"],
    "no value": item("!account.ann", "totp", secret="bare"),
    "a made-up type": item("!account.ann", "totp", secret={"X": "y"}),
}


@pytest.mark.parametrize("wrong", REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused_before_one_is_put(table: str, wrong: Any) -> None:
    remains = DynamoRemains(transport(), table)
    with pytest.raises(Invalid) as refused:
        remains.put([KEPT[0], wrong])
    assert refused.value.code == "invalid_backup"
    assert walked(remains) == []
