from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.collections import RecordScope, load
from covey.collections.model import Collection
from covey.errors import Invalid
from covey.fields import expires_at, validate_record
from covey.identity.principal import GUEST, Kind, Principal
from covey.records.model import Record

ADA = Principal(Kind.USER, id="ada", values={"team": "red"})
NOW = 1_769_851_800_000  # 2026-01-31T09:30:00Z


def posts() -> Collection:
    return load(
        {
            "name": "posts",
            "fields": {
                "title": {"type": "text", "required": True, "max": 200},
                "author": {"type": "relation", "to": "users", "default": "auth.id"},
                "team": {"type": "text", "default": "auth.team"},
                "status": {"type": "choice", "choices": ["now", "draft"], "default": "now"},
                "tags": {"type": "text", "list": True, "default": ["new"]},
                "views": {"type": "integer", "default": 0},
                "token": {"type": "text", "default": "uuid"},
                "seen": {"type": "datetime", "default": "now"},
                "day": {"type": "date", "default": "now"},
                "extra": {"type": "json", "default": {"a": [1]}},
                "ends": {"type": "datetime", "expires": True},
            },
        }
    )


def scope(who: Principal) -> RecordScope:
    return RecordScope(posts(), Record("", 0, 0, 0), auth=who, now=NOW)


def faults(error: pytest.ExceptionInfo[Invalid]) -> dict[str, str]:
    return {one.field: one.code for one in error.value.errors}


def test_a_new_record_gets_its_defaults() -> None:
    values = validate_record(posts(), {"title": "T", "team": "blue"}, scope=scope(ADA))
    token = values.pop("token")
    assert len(token) == 36
    assert values == {
        "title": "T",
        "author": "ada",
        "team": "blue",
        "status": "now",
        "tags": ["new"],
        "views": 0,
        "seen": "2026-01-31T09:30:00.000Z",
        "day": "2026-01-31",
        "extra": {"a": [1]},
    }
    assert list(values)[:3] == ["title", "author", "team"]


def test_a_default_that_the_caller_has_no_value_for_is_left_out() -> None:
    values = validate_record(posts(), {"title": "T"}, scope=scope(GUEST))
    assert "author" not in values and "team" not in values


def test_a_default_is_not_shared_between_records() -> None:
    one = validate_record(posts(), {"title": "T"})
    one["extra"]["a"].append(2)
    one["tags"].append("x")
    two = validate_record(posts(), {"title": "T"})
    assert two["extra"] == {"a": [1]} and two["tags"] == ["new"]


def test_null_is_no_value_and_takes_no_default() -> None:
    values = validate_record(posts(), {"title": "T", "views": None}, scope=scope(ADA))
    assert "views" not in values


def test_every_fault_of_a_body_is_told_at_once() -> None:
    body = {"titel": "x", "views": "many", "tags": ["a", 1], "id": "x", "seen": "soon"}
    with pytest.raises(Invalid) as error:
        validate_record(posts(), body)
    assert faults(error) == {
        "titel": "unknown_field",
        "views": "wrong_type",
        "tags.1": "wrong_type",
        "id": "read_only",
        "seen": "invalid_datetime",
        "title": "required",
    }
    assert "did you mean 'title'" in error.value.errors[0].message


def test_a_partial_body_changes_only_what_it_names() -> None:
    before = Record("a", 0, 0, 1, {"title": "T", "views": 3, "gone": 1})
    values = validate_record(posts(), {"views": 4}, before=before, partial=True)
    assert values == {"title": "T", "views": 4}


def test_a_partial_body_may_not_take_away_what_is_required() -> None:
    before = Record("a", 0, 0, 1, {"title": "T"})
    with pytest.raises(Invalid) as error:
        validate_record(posts(), {"title": None}, before=before, partial=True)
    assert faults(error) == {"title": "required"}


def test_a_field_that_became_required_does_not_block_other_changes() -> None:
    values = validate_record(posts(), {"views": 1}, before=Record("a", 0, 0, 1), partial=True)
    assert values == {"views": 1}


def test_what_was_read_may_be_sent_back_whole() -> None:
    before = Record("a", 5, 6, 7, {"title": "T"})
    values = validate_record(posts(), before.document(), before=before, partial=True)
    assert values == {"title": "T"}
    for changed in ({"id": "b"}, {"version": 8}, {"created": "x"}):
        with pytest.raises(Invalid) as error:
            validate_record(posts(), before.document() | changed, before=before)
        assert faults(error) == dict.fromkeys(changed, "read_only")


def test_a_record_has_a_size() -> None:
    collection = load(
        {"name": "big", "fields": {name: {"type": "text"} for name in ("a", "b", "c", "d")}}
    )
    fitting = dict.fromkeys("abc", "x" * 100_000)
    assert validate_record(collection, fitting) == fitting
    with pytest.raises(Invalid) as error:
        validate_record(collection, dict.fromkeys("abcd", "ä" * 50_000))
    assert faults(error) == {"": "too_large"}


def test_a_body_of_unknown_names_gets_a_short_answer() -> None:
    with pytest.raises(Invalid) as error:
        validate_record(posts(), {f"x{n}" * 40: n for n in range(5_000)})
    assert len(error.value.errors) == 100
    assert all(len(one.field) <= 64 for one in error.value.errors)


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_a_body_is_an_object(body: Any) -> None:
    with pytest.raises(Invalid):
        validate_record(posts(), body)


def test_a_record_ends_with_the_second_that_its_field_says() -> None:
    assert expires_at(posts(), {"ends": "2026-01-31T09:30:00.001Z"}) == NOW // 1000 + 1
    assert expires_at(posts(), {"ends": "2026-01-31T09:30:00.000Z"}) == NOW // 1000
    assert expires_at(posts(), {}) is None


names = st.sampled_from([*posts().fields, "id", "nothing", "\ud800"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)


@given(st.dictionaries(names, values, max_size=4), st.booleans())
def test_any_body_is_valid_or_invalid_and_valid_ones_stay(
    body: dict[str, Any], partial: bool
) -> None:
    before = Record("a", 1, 1, 1, {"title": "T"})
    try:
        found = validate_record(posts(), body, before=before, partial=partial)
    except Invalid as error:
        assert error.errors
        str(error).encode()
        return
    assert validate_record(posts(), found, partial=True) == found
