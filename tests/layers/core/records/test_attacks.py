"""What a caller may not see or write, tried from every side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from covey.errors import BadRequest, CoveyError, Forbidden, Invalid
from covey.identity.principal import GUEST, Principal
from covey.records.conditions import Conditions
from tests.layers.core.records.world import ADMIN, World, refused, uid, user

ANNA, BEN = user("anna"), user("ben")
STAFF_ONLY = "'staff' in auth.roles"

USERS = {"name": "users", "fields": {"debt": {"type": "integer", "read": "false"}}}
STAFFS = {
    "name": "staffs",
    "fields": {
        "name": {"type": "text", "required": True},
        "boss": {"type": "relation", "to": "staffs"},
        "peers": {"type": "relation", "to": "staffs", "list": True},
        "salary": {"type": "integer", "read": STAFF_ONLY, "write": STAFF_ONLY},
        "pin": {"type": "integer", "read": "false", "max": 9999},
        "mentor": {"type": "relation", "to": "staffs", "read": "false"},
        "diary": {"type": "text", "read": "owner == auth.id"},
        "owner": {"type": "text", "default": "auth.id"},
        "open": {"type": "bool", "default": True},
        "score": {"type": "integer", "write": "false", "default": 0},
        "badge": {"type": "text", "write": "owner == auth.id"},
    },
    "rules": {"read": "open || owner == auth.id", "create": "true", "update": "open",
              "delete": "owner == auth.id"},
    "indexes": [["salary"], ["name"], ["open", "salary"], ["diary"]],
}  # fmt: skip
SECRET_RULE = {
    "name": "leads",
    "fields": {"name": {"type": "text"}, "banned": {"type": "bool", "read": "false"}},
    "rules": {"read": "!banned", "create": "auth != null"},
    "indexes": [["name"]],
}


@pytest.fixture
def world() -> World:
    world = World(USERS, STAFFS, SECRET_RULE)
    world.add("users", ANNA.id, debt=5)
    return world


@pytest.fixture
def person(world: World) -> str:
    return world.add(
        "staffs",
        name="Sue",
        salary=70_000,
        pin=1234,
        diary="dear",
        owner=BEN.id,
        open=True,
        score=1,
    )


def hidden(text: str) -> bool:
    return any(name in text for name in ("salary", "pin", "diary", "mentor", "banned", "debt"))


# ---- reading hidden fields

HIDDEN = ["salary", "pin", "diary", "mentor"]


@pytest.mark.parametrize("name", HIDDEN)
def test_a_hidden_field_is_in_no_answer(world: World, person: str, name: str) -> None:
    assert name not in world.records.get(ANNA, "staffs", person).document
    assert all(name not in item for item in world.records.list(ANNA, "staffs").items)
    assert name not in world.records.update(ANNA, "staffs", person, {"name": "X"}).document
    made = world.records.create(ANNA, "staffs", {"name": "Y"}).document
    assert name not in made or name == "diary"


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("filter_text", [
    "{} == 1", "{} > 1", "1 < {}", "has({})", "!({} == null)", "true || {} == 1",
    "name == 'a' ? {} == 1 : false", "name.startsWith({})", "[{}].exists(x, x == 1)",
    "{} in [1]", "size({}) > 0", "{}.x == 1", "open && {} == null",
])  # fmt: skip
def test_a_filter_cannot_name_a_hidden_field(
    world: World, person: str, name: str, filter_text: str
) -> None:
    def answer(of: str) -> tuple[int, str, str]:
        return refused(
            lambda: world.records.list(ANNA, "staffs", {"filter": filter_text.format(of)})
        )

    # The name is made as long, so that positions agree; nothing else may differ.
    unknown = "z" * len(name)
    assert answer(name)[:2] == (400, "invalid_filter")
    assert answer(name)[2].replace(name, "?") == answer(unknown)[2].replace(unknown, "?")


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("parameter", ["sort", "fields", "expand"])
def test_no_parameter_tells_a_hidden_field_from_an_unknown_one(
    world: World, person: str, name: str, parameter: str
) -> None:
    if name == "diary" and parameter == "fields":
        shown = world.records.get(ANNA, "staffs", person, parameters={"fields": "diary"})
        assert shown.document == {"id": person}
        return
    if name == "diary" and parameter == "expand":
        return
    for sign in ("", "-") if parameter == "sort" else ("",):
        known, unknown = (
            refused(lambda of=of: world.records.list(ANNA, "staffs", {parameter: of}))
            for of in (sign + name, sign + "zzz")
        )
        assert known[:2] == unknown[:2] == (400, f"invalid_{parameter}")
        assert known[2].replace(name, "?") == unknown[2].replace("zzz", "?")


def test_no_hint_names_a_hidden_field(world: World) -> None:
    for parameters in ({"filter": "salery == 1"}, {"sort": "salery"}, {"fields": "pinn"}):
        _, _, detail = refused(lambda of=parameters: world.records.list(ANNA, "staffs", of))
        assert not hidden(detail.replace("pinn", ""))
    with pytest.raises(Invalid) as caught:
        world.records.create(ANNA, "staffs", {"name": "x", "salery": 1})
    assert not hidden(str(caught.value.errors))


@pytest.mark.parametrize("text", [
    "auth.debt > 1", "has(auth.debt)", "size(auth) > 2", "auth != null", "'debt' in auth",
    "old.salary == 1", "old != null", "request.ip == ''", "[1].all(x, auth.debt == 5)",
    "record('staffs', 'x') == null",
])  # fmt: skip
def test_a_filter_reads_nothing_else_of_the_caller_or_the_request(world: World, text: str) -> None:
    status, code, _ = refused(lambda: world.records.list(ANNA, "staffs", {"filter": text}))
    assert (status, code) == (400, "invalid_filter")


def test_a_filter_may_read_who_asks_and_the_clock(world: World, person: str) -> None:
    for text in ("owner != auth.id && name == 'Sue'", "name == 'Sue' && created <= now",
                 "name == 'Sue' && !('staff' in auth.roles)"):  # fmt: skip
        assert len(world.records.list(ANNA, "staffs", {"filter": text}).items) == 1
    assert world.records.list(GUEST, "staffs", {"filter": "owner == auth.id"}).items == ()


def test_a_rule_that_hides_records_is_not_explained_to_those_it_hides_from(world: World) -> None:
    world.add("leads", name="x", banned=True)
    status, code, detail = refused(
        lambda: world.records.explain(ANNA, "leads", {"filter": "name == 'x'"})
    )
    assert (status, code) == (403, "explain_denied")
    assert not hidden(detail)
    assert world.records.explain(ADMIN, "leads", {"filter": "name == 'x'"})


def test_a_missing_index_names_no_hidden_field(world: World) -> None:
    for number in range(2_100):
        world.add("leads", name=f"n{number}", banned=False)
    status, code, detail = refused(
        lambda: world.records.list(ANNA, "leads", {"filter": "name.contains('zzz')"})
    )
    assert (status, code) == (400, "index_required")
    assert not hidden(detail)


# ---- records that are not there for the caller


def test_a_hidden_record_answers_as_a_missing_one_to_every_method(world: World) -> None:
    secret = world.add("staffs", name="Spy", owner=BEN.id, open=False)
    missing = world.store.new_id(world.catalog.get("staffs"))
    records = world.records
    conditions = [
        Conditions.parse(*pair) for pair in ((None, None), ('"1"', None), ("*", None), (None, "*"))
    ]
    calls: list[Any] = [
        lambda it, c: records.get(ANNA, "staffs", it, conditions=c),
        lambda it, c: records.update(ANNA, "staffs", it, {"name": "x"}, conditions=c),
        lambda it, c: records.update(ANNA, "staffs", it, {"score": 5}, conditions=c),
        lambda it, c: records.update(ANNA, "staffs", it, {"nope": 5}, conditions=c),
        lambda it, c: records.replace(ANNA, "staffs", it, {"name": "x"}, conditions=c),
        lambda it, c: records.replace(ANNA, "staffs", it, {"nope": 1}, conditions=c),
        lambda it, c: records.delete(ANNA, "staffs", it, conditions=c),
        lambda it, c: records.create(ANNA, "staffs", {"name": "x", "boss": it}),
        lambda it, c: records.create(ANNA, "staffs", {"name": "x", "peers": [it]}),
    ]
    for call in calls:
        for condition in conditions:
            answers = [
                refused(lambda it=it, call=call, c=condition: call(it, c))
                for it in (secret, missing, "not-an-id")
            ]
            assert len(set(answers)) == 1, answers
    assert world.store.writes == 0


def test_expand_follows_only_what_the_caller_may_see(world: World, person: str) -> None:
    secret = world.add("staffs", name="Spy", owner=BEN.id, open=False, salary=1)
    seen = world.add("staffs", name="Ann", owner=BEN.id, open=True, salary=2)
    made = world.add("staffs", name="Ted", boss=secret, peers=[secret, seen, uid("gone")],
                     mentor=seen, open=True, owner=BEN.id)  # fmt: skip
    shown = world.records.get(ANNA, "staffs", made, parameters={"expand": "boss,peers"}).document
    assert shown["expand"]["boss"] is None
    assert [target["name"] for target in shown["expand"]["peers"]] == ["Ann"]
    assert not hidden(str(shown))
    for names in (
        "boss.boss.boss.boss",
        "boss.mentor",
        "boss.",
        ".boss",
        "mentor",
        "name",
        "boss,boss",
        "",
        "id",
        "expand",
    ):
        call = {"expand": names}
        status, code, _ = refused(
            lambda of=call: world.records.get(ANNA, "staffs", made, parameters=of)
        )
        assert (status, code) == (400, "invalid_expand")


def test_expand_is_limited(world: World) -> None:
    peers = [uid(f"p{number}") for number in range(600)]
    for letter in "ab":
        world.add("staffs", name="x", open=True, peers=[f"{letter}{peer[:-1]}" for peer in peers])
    assert refused(lambda: world.records.list(ANNA, "staffs", {"expand": "peers"}))[:2] == (
        400,
        "invalid_expand",
    )


# ---- writing what is not the caller's

WRITES: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "an id": ({"id": "x"}, (422, "validation_failed")),
    "a creation time": ({"created": "2020-01-01T00:00:00.000Z"}, (422, "validation_failed")),
    "a version": ({"version": 99}, (422, "validation_failed")),
    "a version by operator": ({"version": {"$inc": 1}}, (422, "validation_failed")),
    "no version": ({"version": None}, (422, "validation_failed")),
    "a protected field": ({"score": 5}, (403, "field_write_denied")),
    "a protected field by operator": ({"score": {"$inc": 1}}, (403, "field_write_denied")),
    "a protected field away": ({"score": None}, (403, "field_write_denied")),
    "a field of the owner": ({"badge": "gold"}, (403, "field_write_denied")),
    "a field of the owner, by becoming it": (
        {"badge": "gold", "owner": ANNA.id},
        (403, "field_write_denied"),
    ),
    "a field that is neither read nor written": ({"salary": 1}, (422, "validation_failed")),
    "that field by operator": ({"salary": {"$inc": 0}}, (422, "validation_failed")),
    "a count on what is hidden": ({"pin": {"$inc": 1}}, (403, "field_write_denied")),
    "what breaks the rule after": ({"open": False}, (403, "rule_denied")),
}


@pytest.mark.parametrize("case", WRITES.values(), ids=WRITES.keys())
@pytest.mark.parametrize("method", ["update", "replace"])
def test_a_write_of_what_is_not_the_callers_is_refused(
    world: World, person: str, case: tuple[dict[str, Any], tuple[int, str]], method: str
) -> None:
    body, expected = case
    before = world.kept("staffs", person)
    call = getattr(world.records, method)
    if method == "replace":
        body = {"name": "Sue", "owner": BEN.id} | body
        if "$" in str(body) or body.get("score", 0) is None:
            expected = (422, "validation_failed") if "$" in str(body) else expected
    assert refused(lambda: call(ANNA, "staffs", person, body))[:2] == expected
    assert world.kept("staffs", person) is before


def test_a_field_that_is_neither_read_nor_written_is_unknown(world: World, person: str) -> None:
    def faults(name: str, call: Any) -> Any:
        with pytest.raises(Invalid) as caught:
            call({"name": "x", name: 1})
        return [
            (each.field.replace(name, "?"), each.code, each.message) for each in caught.value.errors
        ]

    for call in (
        lambda body: world.records.create(ANNA, "staffs", body),
        lambda body: world.records.update(ANNA, "staffs", person, body),
        lambda body: world.records.replace(ANNA, "staffs", person, body),
    ):
        assert faults("salary", call) == faults("zzzzzz", call)


@pytest.mark.parametrize("body", [{"score": 0}, {"score": 5}, {"score": None}])
def test_a_protected_field_is_not_given_at_creation(world: World, body: dict[str, Any]) -> None:
    with pytest.raises(Forbidden) as caught:
        world.records.create(ANNA, "staffs", {"name": "x", **body})
    assert caught.value.code == "field_write_denied"
    assert [fault.field for fault in caught.value.errors] == ["score"]


def test_a_guess_at_a_hidden_value_looks_the_same_right_or_wrong(world: World, person: str) -> None:
    versions = []
    for guess in (1111, 1234):
        world.add("staffs", person, name="Sue", pin=1234, open=True, owner=BEN.id)
        versions.append(world.records.update(ANNA, "staffs", person, {"pin": guess}).etag)
    assert versions == ['"2"', '"2"']


def test_a_guess_at_a_hidden_relation_looks_the_same_right_or_wrong(world: World) -> None:
    secret = world.add("staffs", name="Spy", owner=BEN.id, open=False)
    made = world.add("staffs", name="Ted", owner=BEN.id, open=True, mentor=secret)
    right, wrong = (
        refused(lambda it=it: world.records.update(ANNA, "staffs", made, {"mentor": it}))
        for it in (secret, uid("gone"))
    )
    assert right == wrong


def test_a_round_trip_of_a_readable_protected_field_is_allowed(world: World, person: str) -> None:
    document = world.records.get(ANNA, "staffs", person).document
    answer = world.records.replace(ANNA, "staffs", person, document | {"name": "Susan"})
    assert answer.document["name"] == "Susan"
    kept = world.kept("staffs", person).values
    assert (kept["salary"], kept["pin"], kept["diary"], kept["score"]) == (70_000, 1234, "dear", 1)


def test_old_is_not_there_when_a_record_is_created() -> None:
    for rule in ("old.open == true", "old.owner == auth.id", "old.score != 5", "old.open"):
        world = World(USERS, {**STAFFS, "rules": {"create": rule, "read": "true"}})
        assert refused(lambda world=world: world.records.create(ANNA, "staffs", {"name": "x"}))
        assert not world.all("staffs")


def test_nothing_of_validation_is_told_to_those_who_may_not_write() -> None:
    world = World(USERS, {**STAFFS, "rules": {"read": "true", "create": STAFF_ONLY}})
    made = world.add("staffs", name="x")
    for body in ({}, {"name": 5}, {"nope": 1}, {"id": "x"}):
        for call in (
            lambda body=body: world.records.create(ANNA, "staffs", body),
            lambda body=body: world.records.update(ANNA, "staffs", made, body),
        ):
            assert refused(call)[:2] == (403, "rule_denied")


# ---- hostile input

HOSTILE: list[dict[str, str]] = [
    {"filter": ""}, {"filter": "((("}, {"filter": "true" * 600}, {"filter": "'"},
    {"filter": "name"}, {"filter": "1"}, {"filter": "name == 1"}, {"filter": "\x00"},
    {"filter": "-" * 1999 + "1"}, {"filter": "x" * 100_000}, {"filter": "__class__ == 1"},
    {"sort": ""}, {"sort": "-"}, {"sort": "name,name"}, {"sort": "name,-name"}, {"sort": "--name"},
    {"sort": ",".join(["name"] * 5000)}, {"sort": "peers"}, {"sort": "name;drop"}, {"sort": " "},
    {"limit": "0"}, {"limit": "201"}, {"limit": "-1"}, {"limit": "1e2"}, {"limit": "٣"},
    {"limit": "9" * 5000}, {"limit": ""}, {"limit": "3.0"}, {"limit": " 3"},
    {"cursor": ""}, {"cursor": "x"}, {"cursor": "é"}, {"cursor": "a" * 100_000},
    {"fields": ""}, {"fields": ","}, {"fields": "name,name"}, {"fields": "expand"},
    {"fields": "x" * 100_000}, {"explain": "yes"}, {"nope": "1"}, {"filtr": "true"},
]  # fmt: skip


@pytest.mark.parametrize("parameters", HOSTILE, ids=[str(each)[:30] for each in HOSTILE])
def test_a_hostile_parameter_is_a_bad_request(
    world: World, person: str, parameters: dict[str, str]
) -> None:
    with pytest.raises(BadRequest) as caught:
        world.records.list(ANNA, "staffs", parameters)
    (name,) = parameters
    expected = {"nope": "invalid_parameter", "filtr": "invalid_parameter"}
    assert caught.value.code == expected.get(name, f"invalid_{name}")
    assert len(caught.value.detail) < 500


@pytest.mark.parametrize("bad", ["", "..", "x" * 10_000, "a/b", "\x00", "é", "=x", "0" * 20 + "\n"])
def test_an_impossible_id_is_not_found_and_reads_nothing(world: World, bad: str) -> None:
    assert refused(lambda: world.records.get(ADMIN, "staffs", bad))[0] == 404
    assert refused(lambda: world.records.delete(ADMIN, "staffs", bad))[0] == 404
    assert world.store.reads == []


def test_a_sum_that_no_number_holds_is_refused(world: World, person: str) -> None:
    call = {"score": {"$inc": Decimal("1e-130")}}
    assert refused(lambda: world.records.update(ADMIN, "staffs", person, call))[0] == 422
    huge = {"score": {"$inc": 10**40}}
    assert refused(lambda: world.records.update(ADMIN, "staffs", person, huge))[0] == 422


def test_every_refusal_is_of_the_one_family(world: World, person: str) -> None:
    bodies: list[Any] = [{"name": {"$inc": 1}}, {"peers": {"$append": None}}, {"peers": [[1]]},
                         {"name": {}}, {"name": ["x"]}, {"open": {"$inc": 1}}, {"": 1}, {"$inc": 1},
                         {"peers": {"$append": ["x"] * 2000}}, {"name": "\ud800"},
                         {5: 5}]  # fmt: skip
    for body in bodies:
        with pytest.raises(CoveyError) as caught:
            world.records.update(ANNA, "staffs", person, body)
        assert caught.value.status in (403, 422), body
    assert world.kept("staffs", person).version == 1


@pytest.mark.parametrize("who", [GUEST, ANNA, ADMIN])
def test_a_cursor_of_one_caller_is_no_cursor_of_another(world: World, who: Principal) -> None:
    for _ in range(3):
        world.add("leads", name="x", banned=False)
    cursor = world.records.list(BEN, "leads", {"limit": "1"}).next
    assert cursor
    again = {"limit": "1", "cursor": cursor}
    assert len(world.records.list(BEN, "leads", again).items) == 1
    assert refused(lambda: world.records.list(who, "leads", again))[:2] == (400, "invalid_cursor")


def test_put_over_a_hidden_record_changes_nothing() -> None:
    world = World(
        {
            "name": "rooms",
            "ids": "custom",
            "fields": {"name": {"type": "text"}},
            "rules": {"read": "name == 'mine'", "create": "true", "update": "true"},
        }
    )
    world.add("rooms", "r1", name="theirs")
    status, code, detail = refused(lambda: world.records.replace(ANNA, "rooms", "r1", {}))
    assert (status, code) == (409, "exists")
    assert refused(lambda: world.records.create(ANNA, "rooms", {"id": "r1"}))[2] == detail
    assert refused(lambda: world.records.update(ANNA, "rooms", "r1", {}))[0] == 404
    assert world.kept("rooms", "r1").values == {"name": "theirs"}
