"""What the store says of an index or a unique tuple names no field that its caller cannot know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covey.errors import Conflict, CoveyError, FieldError, Invalid
from covey.records.concealing import VEILED, concealed_plan
from tests.layers.core.records.world import ADMIN, World, user

ANNA = user("anna")
PEOPLE = {
    "name": "people",
    "fields": {
        "name": {"type": "text"},
        "badge": {"type": "text", "read": "false", "write": "false"},
        "pin": {"type": "text", "read": "false"},
    },
    "rules": {"read": "true", "create": "true", "update": "true"},
    "indexes": [["name"], ["name", "badge"], ["-badge"]],
    "unique": [["name", "badge"]],
}


def _taken() -> CoveyError:
    return Conflict("Taken.", code="unique_violation", errors=_faults("unique_violation"))


def _too_long() -> CoveyError:
    return Invalid("[name, badge]", code="index_value_too_long", errors=_faults("too_long"))


def _faults(code: str) -> list[FieldError]:
    return [FieldError(name, code, "of [name, badge]") for name in ("name", "badge")]


class Refusing(World):
    """A world whose store refuses every write in the same words."""

    def __init__(self, error: CoveyError) -> None:
        super().__init__(PEOPLE)
        self.id = self.add("people", name="Sue")

        def refuse() -> None:
            raise error

        self.store.before_write = refuse


@pytest.mark.parametrize("error", [_taken, _too_long], ids=["unique", "index"])
@pytest.mark.parametrize("kind", ["create", "update"])
def test_a_refusal_of_the_store_names_no_hidden_field(
    error: Callable[[], CoveyError], kind: str
) -> None:
    world = Refusing(error())
    write = {
        "create": lambda: world.records.create(ANNA, "people", {"name": "Sue"}),
        "update": lambda: world.records.update(ANNA, "people", world.id, {"name": "Tom"}),
    }[kind]
    with pytest.raises(CoveyError) as caught:
        write()
    assert caught.value.code == error().code
    assert [fault.field for fault in caught.value.errors] == ["name"]
    told = " ".join([caught.value.detail, *(fault.message for fault in caught.value.errors)])
    assert "badge" not in told


def test_who_knows_all_fields_is_told_all() -> None:
    world = Refusing(_taken())
    with pytest.raises(CoveyError) as caught:
        world.records.create(ADMIN, "people", {"name": "Sue"})
    assert [fault.field for fault in caught.value.errors] == ["name", "badge"]


def test_a_plan_names_no_index_of_hidden_fields() -> None:
    people = World(PEOPLE).records._catalog.get("people")
    plan = {
        "source": "index [name]",
        "rejected": [
            {"source": "index [name, badge]", "reason": "badge is not held to one value"},
            {"source": "creation order", "reason": "another reads less"},
        ],
    }
    told = concealed_plan(ANNA, people, plan)
    assert "badge" not in str(told)
    assert told["rejected"] == [{"source": "creation order", "reason": "another reads less"}]
    assert concealed_plan(ADMIN, people, plan) == plan
    assert concealed_plan(ANNA, people, {"source": "index [-badge]"})["source"] == VEILED
