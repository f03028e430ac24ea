"""Credentials of the table and their twin: what was read is kept again, for that user only."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections import users
from covey.errors import Conflict, Invalid
from covey.identity import passwords
from covey.identity.ports import Account
from covey.records.ids import IdMaker, created_of
from covey.records.model import Record
from covey.store.credentials import DynamoCredentials
from covey.store.models.account import DynamoAccountStore
from covey.store.records import DynamoRecordStore
from covey.store.transport import transport

ID = IdMaker()


def add(store: DynamoRecordStore, user: str, also: list[dict[str, Any]]) -> None:
    record = Record(user, created_of(user), created_of(user), 1, {"email": f"{user}@example.test"})
    store.create(users.collection(), record, also=also)


def test_accounts_are_kept_as_they_were(table: str) -> None:
    store, accounts = DynamoRecordStore(transport(), table), DynamoAccountStore()
    credentials = DynamoCredentials(transport(), table)
    password = passwords.digest("three small ducks swim")
    many = [ID.make() for _ in range(120)]
    for user in many[:3]:
        add(store, user, [accounts.creation(Account(user, password, 5))])
    found = credentials.of(many)
    assert set(found) == set(many[:3])
    new = ID.make()
    kept = {**found[many[0]], "user": {"S": new}, "names": {"SS": ["a", "b"]}}
    add(store, new, [credentials.creation(new, kept)])
    assert accounts.get(new) == Account(new, password, 5)
    assert credentials.of([new])[new]["names"] == {"SS": ["a", "b"]}
    with pytest.raises(Conflict):
        store.create(
            users.collection(),
            Record(other := ID.make(), created_of(other), created_of(other), 1, {}),
            also=[credentials.creation(new, kept)],
        )


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {},
        {"user": "u"},
        {"user": {"S": "other"}},
        {"user": {"S": "u"}, "password": "text"},
        {"user": {"S": "u"}, "password": {"S": 5}},
        {"user": {"S": "u"}, "password": {"S": "a", "N": "1"}},
        {"user": {"S": "u"}, "x": {"L": [{"S": None}]}},
        {"user": {"S": "u"}, "x": {"M": {"a": {"what": "b"}}}},
        {"user": {"S": "u"}, "x": {"NULL": "yes"}},
    ],
    ids=str,
)
def test_what_was_never_kept_is_refused(table: str, kept: Any) -> None:
    with pytest.raises(Invalid):
        DynamoCredentials(transport(), table).creation("u", kept)
