from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from covey.collections import RecordScope, load, types
from covey.expressions import EvaluationError, Timestamp, Type, check, parse
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Record

POSTS = load(
    {
        "name": "posts",
        "fields": {
            "title": {"type": "text"},
            "author": {"type": "relation", "to": "users"},
            "tags": {"type": "text", "list": True},
            "ends": {"type": "datetime"},
            "stops": {"type": "datetime", "list": True},
            "day": {"type": "date"},
            "price": {"type": "number"},
            "extra": {"type": "json"},
        },
    }
)
NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z
RECORD = Record(
    "p1",
    NOON,
    NOON + 1,
    3,
    {
        "title": "T",
        "author": "ada",
        "tags": ["a", "b"],
        "ends": "2026-01-31T12:00:00.000Z",
        "stops": ["2026-01-31T12:00:00.000Z"],
        "day": "2026-01-31",
        "removed": 1,
    },
)
ADA = Principal(Kind.USER, id="ada", roles=("editor",), values={"team": "red", "id": "forged"})


def scope(**parts: Any) -> RecordScope:
    return RecordScope(POSTS, RECORD, **({"now": NOON, "auth": ADA} | parts))


HOLDS = [
    ("title == 'T' && id == 'p1' && version == 3", True),
    ("author == auth.id", True),
    ("auth.id == 'forged'", False),
    ("'editor' in auth.roles", True),
    ("auth.team == 'red'", True),
    ("auth.missing == null", False),
    ("created == now && updated > created", True),
    ("ends == now", True),
    ("ends == '2026-01-31T12:00:00Z'", True),
    ("now in stops", True),
    ("day == '2026-01-31'", True),
    ("'a' in tags && size(tags) == 2", True),
    ("price == null", True),
    ("price > 1", False),
    ("has(price)", False),
    ("has(title)", True),
    ("old == null", True),
    ("old.title == 'T'", False),
    ("request.method == 'GET'", False),
]


@pytest.mark.parametrize(("text", "holds"), HOLDS, ids=[text for text, _ in HOLDS])
def test_what_a_rule_reads(text: str, holds: bool) -> None:
    assert check(parse(text), types(POSTS), Type.BOOL).holds(scope()) is holds


def test_a_guest_is_nobody() -> None:
    assert parse("auth == null").holds(scope(auth=GUEST))
    assert not parse("auth.id == ''").holds(scope(auth=GUEST))


def test_the_record_before_the_write_is_old() -> None:
    old = Record("p1", NOON, NOON, 2, {"title": "S", "ends": "2026-01-30T12:00:00.000Z"})
    rule = check(parse("old.title == 'S' && old.ends < ends && old.version == 2"), types(POSTS))
    assert rule.holds(scope(old=old))


def test_the_request_is_read_where_there_is_one() -> None:
    assert parse("request.method == 'GET'").holds(scope(request={"method": "GET"}))


def test_what_is_not_declared_is_not_there() -> None:
    for name in ("removed", "nothing", "uuid"):
        with pytest.raises(KeyError):
            scope().lookup(name)
        with pytest.raises(EvaluationError):
            parse(name).evaluate(scope())


def test_now_stands_still_within_one_decision() -> None:
    running = RecordScope(POSTS, RECORD)
    assert running.lookup("now") == running.lookup("now")
    assert isinstance(running.lookup("now"), Timestamp)


def test_types_name_all_that_a_rule_may_read() -> None:
    known = types(POSTS)
    assert known["ends"] is Type.TIMESTAMP and known["old.ends"] is Type.TIMESTAMP
    assert known["day"] is Type.DATE and known["tags"] is Type.LIST and known["extra"] is Type.ANY
    assert not any(name.startswith("old") for name in types(POSTS, old=False))


class Counting(Mapping[str, Any]):
    def __init__(self) -> None:
        self.reads = 0

    def __getitem__(self, name: str) -> Any:
        self.reads += 1
        return {"team": "red"}[name]

    def __iter__(self) -> Iterator[str]:
        self.reads += 1
        return iter(("team",))

    def __len__(self) -> int:
        return 1


def test_the_caller_s_fields_are_read_only_when_a_rule_names_one() -> None:
    values = Counting()
    who = Principal(Kind.USER, id="ada", values=values)
    assert parse("author == auth.id && auth != null").holds(scope(auth=who))
    assert values.reads == 0
    assert parse("auth.team == 'red'").holds(scope(auth=who))
    assert values.reads > 0


def test_views_are_mappings_of_all_they_hold() -> None:
    auth, old = scope().lookup("auth"), scope(old=RECORD).lookup("old")
    assert dict(auth) == {"id": "ada", "roles": ["editor"], "team": "red"}
    assert len(auth) == 3
    assert set(old) == {"id", "created", "updated", "version", *POSTS.fields}
    assert len(old) == len(dict(old))
