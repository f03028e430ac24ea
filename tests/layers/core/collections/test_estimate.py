"""What a change of a collection costs, before it is made."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections import load
from covey.collections.apply import planned
from covey.collections.estimate import estimate

FIELDS: dict[str, Any] = {"a": {"type": "text"}, "b": {"type": "relation", "to": "users"}}
PLAIN = {"name": "posts", "fields": FIELDS}
HELD = {"name": "posts", "fields": {**FIELDS, "b": {**FIELDS["b"], "on_delete": "clear"}}}
NUMBER = {"name": "posts", "fields": {**FIELDS, "a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("document", "units"),
    [
        ({**PLAIN, "indexes": [["a"]]}, 2),
        ({**PLAIN, "indexes": [["a"], ["b"]]}, 3),
        ({**PLAIN, "unique": [["a"]]}, 4),
        (HELD, 5),
        (NUMBER, 1),
    ],
)
def test_what_a_build_writes_for_each_record(document: dict[str, Any], units: int) -> None:
    before = load(PLAIN)
    plan = planned(before, load(document, previous=before))
    found = estimate(plan.before, plan.after, 1_001, 500)
    assert found is not None
    assert (found.write_units, found.seconds) == (1_001 * units, 3)
    assert found.usd == pytest.approx(1_001 * (units * 0.625e-6 + 0.25 * 0.125e-6))
    assert str(found).startswith(f"1001 records: about {1_001 * units} write units, 250.25 read")


def test_nothing_is_said_where_nothing_is_known_or_to_do() -> None:
    before, after = load(PLAIN), load({**PLAIN, "indexes": [["a"]]}, previous=load(PLAIN))
    assert estimate(before, after, None, 500) is None
    assert estimate(before, after, 0, 500) is None
    assert estimate(before, before, 9, 500) is None
    assert estimate(None, after, 9, 500) is None
