"""Versions are kept from the changes, shown under the rules of then and now, and brought back."""

from __future__ import annotations

import random
from typing import Any

import pytest

from covey.collections import load
from covey.errors import CoveyError
from covey.identity.principal import GUEST, Principal
from covey.insight import meter
from covey.pipeline.run import Pipeline
from covey.records.archive import Keeper
from covey.testing.pipeline import MemoryDeadLetters, quiet_gauges, told
from tests.layers.core.records.past import DAY, House
from tests.layers.core.records.world import ADMIN, refused, user

ANNA, BEN = user("anna"), user("ben")
STAFF = user("sue", "staff")

USERS = {
    "name": "users",
    "fields": {"shy": {"type": "bool"}},
    "rules": {"read": "auth != null && !has(shy)"},
}
NOTES = {
    "name": "notes",
    "fields": {
        "title": {"type": "text", "required": True},
        "body": {"type": "text"},
        "meta": {"type": "json"},
        "public": {"type": "bool", "default": True},
        "open": {"type": "bool", "default": True},
        "secret": {"type": "text", "read": "open || auth.id == owner"},
        "owner": {"type": "text", "default": "auth.id"},
        "grade": {
            "type": "integer",
            "read": "'staff' in auth.roles",
            "write": "'staff' in auth.roles",
        },
        "views": {"type": "integer", "write": "false"},
    },
    "rules": {
        "read": "public || owner == auth.id",
        "create": "auth != null",
        "update": "auth != null && title != 'final'",
        "delete": "owner == auth.id",
    },
    "unique": [["title"]],
    "history": "90d",
}
PAGES = {
    "name": "pages",
    "ids": "custom",
    "fields": {"text": {"type": "text"}},
    "rules": {"read": "true", "create": "true", "update": "true", "delete": "true"},
    "history": True,
}
PLAIN = {"name": "plain", "fields": {"text": {"type": "text"}}, "rules": {"read": "true"}}


@pytest.fixture(params=["twin", "engine"])
def house(request: pytest.FixtureRequest) -> House:
    table = request.getfixturevalue("table") if request.param == "engine" else None
    return House(table, USERS, NOTES, PAGES, PLAIN)


def texts(house: House, who: Principal, record_id: str, **parameters: str) -> list[Any]:
    found = house.records.history(who, "notes", record_id, parameters)
    return [(one["version"], one["record"].get("title")) for one in found.items]


def note(house: House, *titles: str, who: Principal = ANNA) -> str:
    """A note that had these titles, one after the other."""
    made = house.records.create(who, "notes", {"title": titles[0], "body": "b"}).id
    for title in titles[1:]:
        house.now += 1000
        house.records.update(who, "notes", made, {"title": title})
    house.tell()
    return made


def test_versions_are_listed_newest_first_from_the_present_one_on(house: House) -> None:
    made = note(house, "one", "two", "three")
    found = house.records.history(ANNA, "notes", made)
    assert [(one["version"], one["record"]["title"]) for one in found.items] == [
        (3, "three"),
        (2, "two"),
        (1, "one"),
    ]
    assert [one["ended"] is None for one in found.items] == [True, False, False]
    assert found.items[1]["ended"] == found.items[0]["updated"]
    assert {one["by"] for one in found.items} == {ANNA.id}
    assert found.next is None
    second = house.records.past(ANNA, "notes", made, 2)
    assert second == found.items[1]
    assert house.records.past(ANNA, "notes", made, 3) == found.items[0]


def test_pages_hold_each_version_once(house: House) -> None:
    made = note(house, *map(str, range(8)))
    seen, parameters = [], {"limit": "3"}
    while True:
        page = house.records.history(ANNA, "notes", made, parameters)
        seen += [one["version"] for one in page.items]
        if page.next is None:
            break
        parameters["cursor"] = page.next
    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]
    assert texts(house, ANNA, made, limit="8")[-1] == (1, "0")


@pytest.mark.parametrize(
    "parameters",
    [
        {"cursor": "x"}, {"cursor": ""}, {"cursor": "MQ"}, {"cursor": "é"}, {"cursor": "A" * 600},
        {"cursor": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5LjE"}, {"limit": "0"}, {"limit": "201"},
        {"filter": "true"}, {"deleted": "true"},
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused(house: House, parameters: dict[str, str]) -> None:
    made = note(house, "one")
    assert refused(lambda: house.records.history(ANNA, "notes", made, parameters))[0] == 400


@pytest.mark.parametrize("number", [0, 2, 3, 10**9, 10**10, -1])
def test_a_version_that_never_was_is_not_found(house: House, number: int) -> None:
    made = note(house, "one")
    assert refused(lambda: house.records.past(ANNA, "notes", made, number))[0] == 404


def test_a_change_told_twice_late_and_out_of_order_leaves_the_same(house: House) -> None:
    made = note(house, "one", "two", "three", "four")
    house.records.delete(ANNA, "notes", made)
    house.tell()
    before = house.records.history(ADMIN, "notes", made)
    letters = MemoryDeadLetters()
    pipeline = Pipeline(house.catalog, [Keeper(house.archive)], letters, quiet_gauges())
    chance = random.Random(7)
    for _ in range(5):
        house.now += 5000
        again = house.store.changes * 2
        chance.shuffle(again)
        for at in range(0, len(again), 3):
            assert pipeline.take(told(again[at : at + 3]), lambda: True) is None
    assert not letters.letters
    assert house.records.history(ADMIN, "notes", made) == before
    assert [one["version"] for one in before.items] == [4, 3, 2, 1]
    assert [one["deleted"] for one in before.items] == [True, False, False, False]


def test_versions_end_with_their_time(house: House) -> None:
    made = note(house, "one", "two")
    house.now += 60 * DAY
    house.records.update(ANNA, "notes", made, {"title": "three"})
    house.tell()
    house.now += 31 * DAY
    assert texts(house, ANNA, made) == [(3, "three"), (2, "two")]
    assert refused(lambda: house.records.past(ANNA, "notes", made, 1))[0] == 404
    house.now += 60 * DAY
    assert texts(house, ANNA, made) == [(3, "three")]


def test_what_was_written_before_the_history_was_declared_is_kept_when_it_ends(
    house: House,
) -> None:
    made = house.records.create(ADMIN, "plain", {"text": "one"}).id
    document = {**PLAIN, "history": True}
    house.catalog.save(load(document, previous=house.catalog.get("plain")))
    house.records.update(ADMIN, "plain", made, {"text": "two"})
    house.tell()
    found = house.records.history(ADMIN, "plain", made).items
    assert [one["record"]["text"] for one in found] == ["two", "one"]
    assert [one["by"] for one in found] == [ADMIN.id, None]


# ---- who sees what


def test_a_version_is_hidden_where_the_rule_does_not_hold_on_it(house: House) -> None:
    made = house.records.create(ANNA, "notes", {"title": "draft", "public": False}).id
    house.records.update(ANNA, "notes", made, {"title": "two", "public": True})
    house.tell()
    assert texts(house, ANNA, made) == [(2, "two"), (1, "draft")]
    assert texts(house, BEN, made) == [(2, "two")]
    missing = refused(lambda: house.records.past(BEN, "notes", made, 9))
    assert refused(lambda: house.records.past(BEN, "notes", made, 1)) == missing
    assert refused(lambda: house.records.restore(BEN, "notes", made, 1)) == missing


def test_a_record_that_is_hidden_now_has_no_history(house: House) -> None:
    made = note(house, "one", "two")
    house.records.update(ANNA, "notes", made, {"public": False})
    house.tell()
    for call in (
        lambda: house.records.history(BEN, "notes", made),
        lambda: house.records.past(BEN, "notes", made, 1),
        lambda: house.records.restore(BEN, "notes", made, 1),
    ):
        assert refused(call)[0] == 404
    assert len(texts(house, ANNA, made)) == 3


def test_a_field_is_shown_where_it_may_be_read_then_and_now(house: House) -> None:
    made = house.records.create(ANNA, "notes", {"title": "one", "secret": "s1"}).id
    changes: list[dict[str, Any]] = [
        {"open": False, "secret": "s2"},
        {"open": True, "secret": "s3"},
    ]
    for change in changes:
        house.records.update(ANNA, "notes", made, change)
    house.tell()

    def secrets(who: Principal) -> list[Any]:
        found = house.records.history(who, "notes", made).items
        return [one["record"].get("secret") for one in found]

    assert secrets(ANNA) == ["s3", "s2", "s1"]
    assert secrets(BEN) == ["s3", None, "s1"]
    house.records.update(ANNA, "notes", made, {"open": False})
    house.tell()
    assert secrets(BEN) == [None, None, None, None]


def test_who_wrote_is_told_where_they_may_be_seen(house: House) -> None:
    house.user("anna")
    made = note(house, "one")
    house.records.update(BEN, "notes", made, {"title": "two"})
    house.tell()

    def writers(who: Principal) -> list[Any]:
        return [one["by"] for one in house.records.history(who, "notes", made).items]

    assert writers(ADMIN) == [BEN.id, ANNA.id]
    assert writers(STAFF) == [None, ANNA.id]  # ben has no record of `users`
    assert writers(BEN) == [BEN.id, ANNA.id]
    assert writers(GUEST) == [None, None]


def test_what_was_deleted_is_for_administrators(house: House) -> None:
    made = note(house, "one", "two")
    house.records.delete(ANNA, "notes", made)
    house.tell()
    for who in (ANNA, BEN, GUEST, STAFF):
        assert refused(lambda who=who: house.records.history(who, "notes", made))[0] == 404
        assert refused(lambda who=who: house.records.past(who, "notes", made, 1))[0] == 404
        assert refused(lambda who=who: house.records.restore(who, "notes", made, 1))[0] == 404
    assert texts(house, ADMIN, made) == [(2, "two"), (1, "one")]
    never = house.store.new_id(house.catalog.get("notes"))
    assert refused(lambda: house.records.history(ADMIN, "notes", never))[0] == 404


def test_another_record_of_the_same_id_keeps_its_past_to_administrators(house: House) -> None:
    for text in ("a", "b"):
        house.records.replace(ANNA, "pages", "home", {"text": text})
    house.now += 1000
    house.records.delete(ANNA, "pages", "home")
    house.now += 1000
    for text in ("c", "d"):
        house.records.replace(ANNA, "pages", "home", {"text": text})
    house.tell()

    def seen(who: Principal) -> list[Any]:
        return [one["record"]["text"] for one in house.records.history(who, "pages", "home").items]

    assert seen(ANNA) == ["d", "c"]
    assert seen(ADMIN) == ["d", "c", "b", "a"]
    assert house.records.past(ANNA, "pages", "home", 1)["record"]["text"] == "c"


# ---- bringing back


def test_a_version_is_brought_back_as_a_new_one(house: House) -> None:
    made = note(house, "one", "two")
    back = house.records.restore(ANNA, "notes", made, 1)
    assert (back.document["title"], back.etag, back.created) == ("one", '"3"', False)
    house.tell()
    assert texts(house, ANNA, made) == [(3, "one"), (2, "two"), (1, "one")]
    assert house.records.restore(ANNA, "notes", made, 3).etag == '"3"'
    assert house.records.restore(ANNA, "notes", made, 1).etag == '"3"'  # as it is already


def test_values_are_brought_back_whole_and_not_merged(house: House) -> None:
    made = house.records.create(
        ANNA, "notes", {"title": "one", "meta": {"a": 1, "b": {"$inc": 1}}}
    ).id
    house.records.update(ANNA, "notes", made, {"meta": {"a": None, "c": 3}, "body": "new"})
    house.tell()
    back = house.records.restore(ANNA, "notes", made, 1).document
    assert back["meta"] == {"a": 1, "b": {"$inc": 1}}
    assert "body" not in back


def test_fields_that_the_caller_does_not_read_or_write_stay(house: House) -> None:
    made = house.records.create(STAFF, "notes", {"title": "one", "grade": 1}).id
    house.records.update(STAFF, "notes", made, {"title": "two", "grade": 2})
    house.records.update(STAFF, "notes", made, {"secret": "s", "open": False})
    house.tell()
    back = house.records.restore(BEN, "notes", made, 1)
    assert back.document["title"] == "one"
    kept = house.records.get(ADMIN, "notes", made).document
    assert kept["grade"] == 2
    assert kept["secret"] == "s"  # hidden from ben as it is now, whatever it was
    assert kept["open"] is True
    assert house.records.restore(STAFF, "notes", made, 1).document["grade"] == 1


def test_the_rules_of_an_update_decide(house: House) -> None:
    made = note(house, "one", "two")
    assert refused(lambda: house.records.restore(GUEST, "notes", made, 1))[0] == 401
    house.records.update(ANNA, "notes", made, {"body": "x"})
    house.records.update(ADMIN, "notes", made, {"title": "final"})
    house.tell()
    assert refused(lambda: house.records.restore(ANNA, "notes", made, 1))[:2] == (
        403,
        "rule_denied",
    )


def test_todays_checks_hold(house: House) -> None:
    made = note(house, "one", "two")
    note(house, "three")
    house.records.update(ANNA, "notes", made, {"title": "four"})
    house.tell()
    taken = note(house, "one")
    answer = refused(lambda: house.records.restore(ANNA, "notes", made, 1))
    assert answer[:2] == (409, "unique_violation")
    house.records.delete(ANNA, "notes", taken)
    fields = {**NOTES["fields"], "title": {"type": "text", "min": 4}}  # type: ignore[dict-item]
    tighter = load({**NOTES, "fields": fields}, previous=house.catalog.get("notes"))
    house.catalog.save(tighter)
    with pytest.raises(CoveyError) as caught:
        house.records.restore(ANNA, "notes", made, 1)
    assert [(one.field, caught.value.status) for one in caught.value.errors] == [("title", 422)]


def test_a_renamed_field_is_brought_back_under_its_name_of_today(house: House) -> None:
    made = note(house, "one", "two")
    fields: dict[str, Any] = dict(NOTES["fields"])  # type: ignore[call-overload]
    fields["headline"] = {**fields.pop("title"), "was": "title"}
    document = {**NOTES, "fields": fields, "unique": [["headline"]]}
    document["rules"] = {**NOTES["rules"], "update": "auth != null"}  # type: ignore[dict-item]
    house.catalog.save(load(document, previous=house.catalog.get("notes")))
    if not hasattr(house.store, "_records"):  # the twin keeps names, the table physical keys
        assert house.records.restore(ANNA, "notes", made, 1).document["headline"] == "one"


def test_a_deleted_record_is_made_again_above_its_last_version(house: House) -> None:
    made = note(house, "one", "two", "three")
    house.records.delete(ANNA, "notes", made)
    early = refused(lambda: house.records.restore(ADMIN, "notes", made, 1))
    assert early[:2] == (409, "conflict")
    house.tell()
    back = house.records.restore(ADMIN, "notes", made, 2)
    assert (back.id, back.created, back.etag) == (made, True, '"4"')
    assert back.document["title"] == "two"
    house.records.update(ANNA, "notes", made, {"title": "five"})
    house.tell()
    assert [version for version, _ in texts(house, ANNA, made)] == [5, 4, 3, 2, 1]
    assert house.records.get(ANNA, "notes", made).document["created"] == back.document["created"]


def test_a_deleted_record_does_not_take_a_value_that_is_anothers(house: House) -> None:
    made = note(house, "one")
    house.records.delete(ANNA, "notes", made)
    house.tell()
    note(house, "one")
    answer = refused(lambda: house.records.restore(ADMIN, "notes", made, 1))
    assert answer[:2] == (409, "unique_violation")


def test_keeping_a_version_costs_one_write_unit_for_each_kilobyte(table: str) -> None:
    house = House(table, USERS, NOTES)
    for count in (1, 30):
        for number in range(count):
            note_id = house.records.create(ANNA, "notes", {"title": f"{count} {number}"}).id
            house.records.update(ANNA, "notes", note_id, {"body": "x" * 500})
        meter.reset()
        house.tell()
        assert meter.read().wru == count  # a create ends nothing
    meter.reset()
    house.records.history(ANNA, "notes", note_id)
    assert meter.read().rru == 1.5  # the record, consistently, and its versions
