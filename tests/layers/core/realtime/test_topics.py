"""Where changes find subscriptions: never past one that wants them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.collections import load
from covey.identity.authorize import check_filter, list_rule
from covey.identity.principal import GUEST, Kind, Principal
from covey.realtime.judging import meaning
from covey.realtime.topics import MAX_TOPICS, topics_of, touched
from covey.records.model import Change, ChangeKind, Record

ANN = Principal(Kind.USER, "ann")
POSTS = load(
    {
        "name": "posts",
        "fields": {
            "team": {"type": "text"},
            "author": {"type": "relation", "to": "users"},
            "state": {"type": "choice", "choices": ["open", "done"]},
            "done": {"type": "bool"},
            "price": {"type": "number"},
            "at": {"type": "datetime"},
            "tags": {"type": "text", "list": True},
            "slug": {"type": "text"},
        },
        "rules": {"read": "true"},
        "unique": [["slug"]],
    }
)
OWN = load(
    {
        "name": "own",
        "fields": {"author": {"type": "text"}, "public": {"type": "bool"}},
        "rules": {"read": "public || author == auth.id"},
    }
)


def fields(filter: str, record: str = "") -> list[str]:
    """By which fields a subscription is found; "*": by none."""
    where = check_filter(ANN, POSTS, parse(filter)) if filter else None
    keys = {field.key: name for name, field in POSTS.fields.items()} | {".id": "id"}
    found = topics_of(POSTS, record, (where, list_rule(ANN, POSTS)))  # type: ignore[arg-type]
    return sorted(keys[topic.field] for topic in found) or ["*"]


def parse(text: str) -> Any:
    from covey.expressions import parse

    return parse(text)


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", ["*"]),
        ("price > 10", ["*"]),
        ('team == "red"', ["team"]),
        ('"red" == team && price > 10', ["team"]),
        ('done && team == "red"', ["team"]),
        ('!done && state == "open"', ["state"]),
        ('author == "ann" && team == "red"', ["author"]),
        ('slug == "a" && author == "ann"', ["slug"]),
        ('id == "p1" && slug == "a"', ["id"]),
        ("author == auth.id", ["author"]),
        ('team == "red" || team == "blue"', ["team", "team"]),
        ('team in ["red", "blue", "green"]', ["team", "team", "team"]),
        ('(team == "red" || author == "ann") && price > 1', ["author", "team"]),
        ('(team == "red" && done) || (state == "open" && price > 2)', ["state", "team"]),
        ('team == "red" || price > 10', ["*"]),
        (f"team in {[str(number) for number in range(MAX_TOPICS + 1)]}", ["*"]),
        ('team != "red"', ["*"]),
        ('!(team == "red")', ["*"]),
        ("team == null", ["*"]),
        ('"x" in tags', ["*"]),
        ('at == timestamp("2026-01-01T00:00:00Z")', ["*"]),
        ("team == slug", ["*"]),
        ("price == 1.50", ["price"]),
    ],
)
def test_a_subscription_is_found_by_the_most_telling_value(filter: str, found: list[str]) -> None:
    assert fields(filter) == found


def test_one_record_is_found_by_its_id() -> None:
    assert fields("price > 10", "p1") == ["id"]


def test_who_sees_their_own_records_is_found_by_those() -> None:
    rule = list_rule(ANN, OWN)
    found = topics_of(OWN, "", (None, rule))  # type: ignore[arg-type]
    assert {topic.field for topic in found} == {OWN.fields["author"].key, OWN.fields["public"].key}
    guests = topics_of(OWN, "", (None, list_rule(GUEST, OWN)))  # type: ignore[arg-type]
    assert {topic.field for topic in guests} == {OWN.fields["public"].key}


VALUES = {
    "team": st.sampled_from(["red", "blue", "", None]),
    "author": st.sampled_from(["ann", "ben", None]),
    "state": st.sampled_from(["open", "done", None]),
    "done": st.sampled_from([True, False, None]),
    "price": st.sampled_from([1, Decimal("1.5"), 100, Decimal("1E+2"), None]),
    "slug": st.sampled_from(["a", "b"]),
}
PARTS = st.sampled_from(
    [
        'team == "red"', '"blue" == team', 'author == "ann"', "done", "!done", "price == 1.5",
        "price == 100", 'state == "open"', "price > 1", 'team in ["red", "blue"]', "true",
        'team != "red"', 'slug == "a"', 'id == "p1"', "price + 1 == 2.5", 'team + "x" == "redx"',
    ]
)  # fmt: skip
FILTERS = st.recursive(
    PARTS,
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
        lambda three: f"({three[0]}) {three[1]} ({three[2]})"
    ),
    max_leaves=5,
)
RECORDS = st.none() | st.builds(
    lambda id, values: Record(id, 1_800_000_000_000, 1_800_000_000_000, 1, values),
    st.sampled_from(["p1", "p2"]),
    st.fixed_dictionaries({}, optional=VALUES),
)


@given(filter=FILTERS, before=RECORDS, after=RECORDS)
def test_no_change_that_means_something_passes_a_subscription_by(
    filter: str, before: Record | None, after: Record | None
) -> None:
    if before is None and after is None:
        return
    id = (after or before).id  # type: ignore[union-attr]
    change = Change("posts", id, 1, ChangeKind.UPDATED, before, after)
    where = check_filter(ANN, POSTS, parse(filter))
    found = topics_of(POSTS, "", (where, list_rule(ANN, POSTS)))  # type: ignore[arg-type]
    if before is not None and after is not None and before.id != after.id:
        return
    if meaning(ANN, POSTS, where, change) is not None and found:
        spoken = set(touched(POSTS, change, {topic.field for topic in found}))
        assert spoken & {topic.text for topic in found}
