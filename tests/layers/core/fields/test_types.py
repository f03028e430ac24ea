"""Every field type: what it takes, in which form it keeps it, and what it refuses."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.collections import load
from covey.collections.model import Field
from covey.errors import Invalid
from covey.fields import REGISTRY, FieldFault, validate_value, value_schema

REQUIRED: dict[str, dict[str, Any]] = {
    "choice": {"choices": ["a", "b"]},
    "relation": {"to": "users"},
}


def make(type: str, **written: Any) -> Field:
    document = {"type": type, **REQUIRED.get(type, {}), **written}
    return load({"name": "things", "fields": {"it": document}}).fields["it"]


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


KEPT = [
    # type, options, given, kept
    ("text", {}, "", ""),
    ("text", {"min": 2, "max": 3}, "äöü", "äöü"),
    ("text", {"max": 1}, "𝔸", "𝔸"),
    ("text", {"pattern": "^[a-z]+$"}, "abc", "abc"),
    ("text", {"pattern": "b"}, "abc", "abc"),
    ("integer", {}, 10**38 - 1, 10**38 - 1),
    ("integer", {}, Decimal("1.0"), 1),
    ("integer", {}, Decimal("1E+2"), 100),
    ("integer", {}, 2.0, 2),
    ("integer", {"min": -5, "max": 5}, -5, -5),
    ("number", {}, Decimal("0.10"), Decimal("0.1")),
    ("number", {}, 0.1, Decimal("0.1")),
    ("number", {}, Decimal("-0"), 0),
    ("number", {}, Decimal("100.00"), 100),
    ("number", {}, Decimal("9.9E+125"), Decimal("9.9E+125")),
    ("number", {}, Decimal("1E-130"), Decimal("1E-130")),
    ("number", {}, 10**40, Decimal("1E+40")),
    ("number", {"min": Decimal("0.5")}, Decimal("0.5"), Decimal("0.5")),
    ("bool", {}, False, False),
    ("datetime", {}, "2026-01-31T10:30:00+01:00", "2026-01-31T09:30:00.000Z"),
    ("datetime", {}, "2026-01-31t09:30:00.123456z", "2026-01-31T09:30:00.123Z"),
    ("datetime", {}, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
    (
        "datetime",
        {"min": "2026-01-01T00:00:00+01:00"},
        "2025-12-31T23:00:00Z",
        "2025-12-31T23:00:00.000Z",
    ),
    ("date", {}, "2024-02-29", "2024-02-29"),
    ("date", {"max": "2024-02-29"}, "2024-02-29", "2024-02-29"),
    ("choice", {}, "b", "b"),
    ("email", {}, "Ada.L+x@EXAMPLE.com", "Ada.L+x@example.com"),
    ("email", {}, "a@localhost", "a@localhost"),
    ("url", {}, "HTTPS://Example.COM/Path?q=1#F", "https://example.com/Path?q=1#F"),
    ("url", {}, "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ("url", {}, "http://[::1]:80/x", "http://[::1]:80/x"),
    ("url", {}, "https://bücher.example/Straße", "https://bücher.example/Straße"),
    ("url", {}, "https://example.com./", "https://example.com./"),
    ("relation", {}, "A9_.:-", "A9_.:-"),
    ("file", {}, "0123456789abcdefghijklmnop", "0123456789abcdefghijklmnop"),
    ("file", {"list": True}, ["v" * 26], ["v" * 26]),
    ("relation", {"list": True}, ["a", "b"], ["a", "b"]),
    ("json", {}, {"a": [1, Decimal("1.50"), None, True]}, {"a": [1, Decimal("1.5"), None, True]}),
    ("json", {}, deep(32), deep(32)),
    ("json", {}, "text", "text"),
    ("geo", {}, {"lon": Decimal("11.50"), "lat": 48}, {"lat": 48, "lon": Decimal("11.5")}),
    ("geo", {}, {"lat": -90, "lon": Decimal("180.0")}, {"lat": -90, "lon": 180}),
    ("text", {"list": True}, [], []),
    ("text", {"list": True, "max": 2}, ("ab", "c"), ["ab", "c"]),
    ("integer", {"list": True, "unique_items": True}, [1, 2], [1, 2]),
    ("bool", {"list": True, "min_items": 1}, [True], [True]),
]


@pytest.mark.parametrize(
    ("type", "options", "given", "kept"), KEPT, ids=[f"{case[0]}-{case[1]}" for case in KEPT]
)
def test_what_a_field_keeps(type: str, options: dict[str, Any], given: Any, kept: Any) -> None:
    field = make(type, **options)
    found = validate_value(given, field)
    assert found == kept
    assert repr(found) == repr(kept)  # an int stays an int, zeros are gone
    assert repr(validate_value(found, field)) == repr(found)
    jsonschema.validate(found, value_schema(field))


REFUSED = [
    ("text", {}, 1, "wrong_type", ()),
    ("text", {}, "x" * 100_001, "too_long", ()),
    ("text", {"max": 2}, "abc", "too_long", ()),
    ("text", {"min": 2}, "a", "too_short", ()),
    ("text", {}, "a\x00b", "invalid_character", ()),
    ("text", {}, "a\ud800", "invalid_character", ()),
    ("text", {"pattern": "^a$"}, "a\n", "pattern_mismatch", ()),
    ("text", {"pattern": "a"}, "a" * 10_001, "too_long", ()),
    ("integer", {}, True, "wrong_type", ()),
    ("integer", {}, "1", "wrong_type", ()),
    ("integer", {}, Decimal("1.5"), "wrong_type", ()),
    ("integer", {}, 10**38, "out_of_range", ()),
    ("integer", {}, Decimal("1E+3000000"), "out_of_range", ()),
    ("integer", {}, 1 << 100_000, "out_of_range", ()),
    ("integer", {"max": 5}, 6, "too_large", ()),
    ("number", {}, Decimal("NaN"), "out_of_range", ()),
    ("number", {}, float("inf"), "out_of_range", ()),
    ("number", {}, Decimal("1E+126"), "out_of_range", ()),
    ("number", {}, Decimal("9E-131"), "out_of_range", ()),
    ("number", {}, Decimal("1." + "1" * 38), "out_of_range", ()),
    ("number", {}, False, "wrong_type", ()),
    ("number", {"min": 0}, Decimal("-0.1"), "too_small", ()),
    ("bool", {}, 1, "wrong_type", ()),
    ("bool", {}, "true", "wrong_type", ()),
    ("datetime", {}, "2026-01-31", "invalid_datetime", ()),
    ("datetime", {}, "2026-01-31T09:30:00", "invalid_datetime", ()),
    ("datetime", {}, "2026-02-30T00:00:00Z", "invalid_datetime", ()),
    ("datetime", {}, "٢٠٢٦-01-31T09:30:00Z", "invalid_datetime", ()),
    ("datetime", {}, 5, "wrong_type", ()),
    ("datetime", {"max": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00.001Z", "too_large", ()),
    ("date", {}, "2023-02-29", "invalid_date", ()),
    ("date", {}, "20240229", "invalid_date", ()),
    ("date", {}, "2024-W01-1", "invalid_date", ()),
    ("date", {}, "0000-01-01", "invalid_date", ()),
    ("date", {}, "2024-02-29\n", "invalid_date", ()),
    ("date", {"min": "2024-01-01"}, "2023-12-31", "too_small", ()),
    ("choice", {}, "c", "invalid_choice", ()),
    ("choice", {}, 1, "wrong_type", ()),
    ("email", {}, "a@b@c", "invalid_email", ()),
    ("email", {}, "a@b\n", "invalid_email", ()),
    ("email", {}, "a@-b", "invalid_email", ()),
    ("email", {}, "ä@b", "invalid_email", ()),
    ("email", {}, "a" * 300 + "@b", "too_long", ()),
    ("url", {}, "javascript:alert(1)", "invalid_url", ()),
    ("url", {}, "ftp://a/b", "invalid_url", ()),
    ("url", {}, "//a/b", "invalid_url", ()),
    ("url", {}, "http://", "invalid_url", ()),
    ("url", {}, "http://user:secret@a/", "invalid_url", ()),
    ("url", {}, "http://a\\@b/", "invalid_url", ()),
    ("url", {}, "http://a/ b", "invalid_url", ()),
    ("url", {}, "http://a/\u3000", "invalid_url", ()),
    ("url", {}, "http://a:0/", "invalid_url", ()),
    ("url", {}, "http://a:65536/", "invalid_url", ()),
    ("url", {}, "http://[::g]/", "invalid_url", ()),
    ("url", {}, "http://a..b/", "invalid_url", ()),
    ("url", {}, "http://a/" + "x" * 2_048, "too_long", ()),
    ("relation", {}, "", "invalid_id", ()),
    ("relation", {}, "-a", "invalid_id", ()),
    ("relation", {}, "a/b", "invalid_id", ()),
    ("relation", {}, "a" * 129, "invalid_id", ()),
    ("relation", {}, "a\n", "invalid_id", ()),
    ("relation", {}, ["a"], "wrong_type", ()),
    ("file", {}, "", "invalid_id", ()),
    ("file", {}, "0" * 25, "invalid_id", ()),
    ("file", {}, "../" * 8 + "ab", "invalid_id", ()),
    ("file", {}, "0" * 25 + "\n", "invalid_id", ()),
    ("file", {}, {"id": "0" * 26}, "wrong_type", ()),
    ("file", {"list": True, "max_items": 1}, ["0" * 26, "1" * 26], "too_many_items", ()),
    ("json", {}, deep(33), "too_deep", (0,) * 32),
    ("json", {}, {"a": [1, float("nan")]}, "out_of_range", ("a", 1)),
    ("json", {}, {"a": "\udc00"}, "invalid_character", ("a",)),
    ("json", {}, {"": 1}, "invalid_name", ()),
    ("json", {}, {1: 1}, "invalid_name", ()),
    ("json", {}, {"a": {1, 2}}, "wrong_type", ("a",)),
    ("json", {"max": 10}, "x" * 11, "too_large", ()),
    ("geo", {}, [48, 11], "wrong_type", ()),
    ("geo", {}, {"lat": 48}, "required", ("lon",)),
    ("geo", {}, {"lat": None, "lon": 0}, "required", ("lat",)),
    ("geo", {}, {"lat": 48, "lon": 11, "alt": 5}, "invalid_name", ()),
    ("geo", {}, {"lat": Decimal("90.001"), "lon": 0}, "too_large", ("lat",)),
    ("geo", {}, {"lat": 0, "lon": -181}, "too_small", ("lon",)),
    ("geo", {}, {"lat": True, "lon": 0}, "wrong_type", ("lat",)),
    ("geo", {}, {"lat": float("nan"), "lon": 0}, "out_of_range", ("lat",)),
    ("text", {"list": True}, "a", "wrong_type", ()),
    ("text", {"list": True}, ["a", 1], "wrong_type", (1,)),
    ("text", {"list": True}, ["a", None], "required", (1,)),
    ("text", {"list": True, "max_items": 1}, ["a", "b"], "too_many_items", ()),
    ("text", {"list": True, "min_items": 1}, [], "too_few_items", ()),
    ("text", {"list": True}, ["a"] * 1_001, "too_many_items", ()),
    ("number", {"list": True, "unique_items": True}, [1, Decimal("1.0")], "duplicate_item", (1,)),
]


@pytest.mark.parametrize(
    ("type", "options", "given", "code", "path"), REFUSED, ids=[f"{c[0]}-{c[3]}" for c in REFUSED]
)
def test_what_a_field_refuses(
    type: str, options: dict[str, Any], given: Any, code: str, path: tuple[Any, ...]
) -> None:
    with pytest.raises(FieldFault) as caught:
        validate_value(given, make(type, **options))
    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.message.startswith("must")


ADDRESS = {
    "type": "object",
    "required": ["city"],
    "additionalProperties": False,
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
        "share": {"type": "number", "multipleOf": Decimal("0.1"), "maximum": 1},
        "tags": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/tag"}},
    },
    "$defs": {"tag": {"type": ["string", "integer"]}},
}


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"city": "Ulm", "zip": "89073", "share": Decimal("0.3"), "tags": [1, "1"]}, None, ""),
        ([], (), "must be of type object"),
        ({}, (), "must have city"),
        ({"city": ""}, ("city",), "must fit the schema: minLength 1"),
        ({"city": "Ulm", "zip": "x"}, ("zip",), "must fit the schema: pattern"),
        ({"city": "Ulm", "share": Decimal("0.35")}, ("share",), "multipleOf"),
        ({"city": "Ulm", "share": Decimal("1E+100")}, ("share",), "maximum"),
        ({"city": "Ulm", "tags": [1, 1]}, ("tags",), "uniqueItems"),
        ({"city": "Ulm", "tags": ["a", True]}, ("tags", 1), "must be of type string or integer"),
        ({"city": "Ulm", "land": "x"}, ("land",), "must not be there"),
    ],
)
def test_a_json_field_holds_to_its_schema(value: Any, path: Any, message: str) -> None:
    field = make("json", schema=ADDRESS)
    if path is None:
        assert validate_value(value, field) == value
        return
    with pytest.raises(FieldFault, match=message) as caught:
        validate_value(value, field)
    assert (caught.value.code, caught.value.path) == ("schema_mismatch", path)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (5, "must be a JSON Schema"),
        ({"type": "strin"}, "is no JSON Schema at /type"),
        ({"$ref": "https://example.com/schema"}, "cannot follow /\\$ref"),
        ({"$ref": "#/$defs/none"}, "cannot follow"),
        ({"items": {"$id": "x"}}, "cannot have /items/\\$id"),
        ({"unevaluatedProperties": False}, "cannot have"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "dialect"),
        ({"pattern": "(?=a)"}, "pattern"),
        ({"patternProperties": {"\\bx": {}}}, "pattern"),
        ({"const": deep(20)}, "levels deep"),
        ({"enum": ["x" * 30_000]}, "at most"),
        ({"maximum": float("nan")}, "finite"),
    ],
)
def test_a_schema_that_is_not_possible_is_refused(schema: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        make("json", schema=schema)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#"}, {}),
        ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, {}),
        (
            {
                "$ref": "#/$defs/d0",
                "$defs": {
                    f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)
                }
                | {"d40": {"type": "object"}},
            },
            {},
        ),
        ({"items": {"anyOf": [{"const": n} for n in range(500)]}}, [-1] * 5_000),
        ({"uniqueItems": True, "items": {"type": "object"}}, [{"a": n} for n in range(8_000)] * 2),
        ({"pattern": "(a|a)*b"}, "a" * 90_000),
    ],
)
def test_no_schema_and_no_value_keep_it_busy(schema: Any, value: Any) -> None:
    field = make("json", schema=schema, max=358_400)
    began = time.perf_counter()
    with pytest.raises(FieldFault):
        validate_value(value, field)
    assert time.perf_counter() - began < 2


def test_a_choice_that_is_nearly_right_is_suggested() -> None:
    field = make("choice", choices=["draft", "published"])
    with pytest.raises(FieldFault, match="did you mean 'draft'"):
        validate_value("drafft", field)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(["a", "2026-01-31", "2026-01-31T09:30:00+05:30", "a@B.c", "http://A.b/c"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [make(name) for name in REGISTRY] + [
    make(name, list=True) for name, kind in REGISTRY.items() if kind.scalar
]


@given(st.sampled_from(FIELDS), values)
def test_any_value_is_refused_or_kept_in_a_form_that_stays(field: Field, value: Any) -> None:
    try:
        kept = validate_value(value, field)
    except FieldFault:
        return
    assert repr(validate_value(kept, field)) == repr(kept)
    jsonschema.validate(kept, value_schema(field))


def test_every_type_of_the_registry_is_named_by_its_own_name() -> None:
    assert all(name == kind.name and kind.summary for name, kind in REGISTRY.items())
    assert all(kind.keeps <= set(REGISTRY) - {name} for name, kind in REGISTRY.items())
