"""What is deleted softly is gone for every reader, costs lists nothing, and can come back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from covey.errors import CoveyError, NotSupported
from covey.identity.principal import GUEST
from covey.insight import meter
from covey.records.batch import Batches
from covey.records.conditions import Conditions
from covey.records.model import ChangeKind
from covey.records.operations import parse_batch
from covey.records.service import Records
from tests.layers.core.records.past import DAY, House
from tests.layers.core.records.world import ADMIN, refused, user

ANNA, BEN = user("anna"), user("ben")

USERS = {"name": "users", "rules": {"read": "true"}}
TASKS = {
    "name": "tasks",
    "fields": {
        "title": {"type": "text"},
        "owner": {"type": "text", "default": "auth.id"},
        "state": {"type": "text", "default": "open"},
        "parent": {"type": "relation", "to": "tasks", "on_delete": "clear"},
        "public": {"type": "bool", "default": True},
        "until": {"type": "datetime", "expires": True},
    },
    "rules": {
        "read": "public || owner == auth.id",
        "create": "auth != null",
        "update": "auth != null",
        "delete": "owner == auth.id",
    },
    "indexes": [["state", "-created"], ["parent", "-created"]],
    "unique": [["title"]],
    "soft_delete": "30d",
}
PAGES = {
    "name": "pages",
    "ids": "custom",
    "fields": {"text": {"type": "text"}},
    "rules": {"read": "true", "create": "true", "update": "true", "delete": "true"},
    "soft_delete": True,
    "history": True,
}


@pytest.fixture(params=["twin", "engine"])
def house(request: pytest.FixtureRequest) -> House:
    table = request.getfixturevalue("table") if request.param == "engine" else None
    return House(table, USERS, TASKS, PAGES)


def task(house: House, title: str = "one", **values: Any) -> str:
    return house.records.create(ANNA, "tasks", {"title": title, **values}).id


def ids(house: House, who: Any = ADMIN, **parameters: str) -> list[str]:
    return [one["id"] for one in house.records.list(who, "tasks", parameters).items]


def buried(house: House, **parameters: str) -> list[str]:
    found = house.records.deleted(ADMIN, "tasks", {"deleted": "true", **parameters})
    return [one["record"]["id"] for one in found.items]


def test_it_is_gone_for_every_reader(house: House) -> None:
    parent = task(house, "parent")
    child = task(house, "child", parent=parent)
    house.records.delete(ANNA, "tasks", parent)
    for who in (ANNA, BEN, ADMIN):
        assert refused(lambda who=who: house.records.get(who, "tasks", parent))[0] == 404
        assert refused(lambda who=who: house.records.update(who, "tasks", parent, {}))[0] == 404
        assert refused(lambda who=who: house.records.delete(who, "tasks", parent))[0] == 404
        assert ids(house, who) == [child]
        assert ids(house, who, filter="state == 'open'") == [child]
        assert ids(house, who, filter="title == 'parent'") == []
        count = house.records.list(who, "tasks", {"count": "exact"}).count
        assert count is not None
        assert count.number == 1
        shown = house.records.get(who, "tasks", child, parameters={"expand": "parent"})
        assert shown.document["expand"] == {"parent": None}
    assert house.store.count(house.catalog.get("tasks")) == 1


def test_its_unique_values_are_free(house: House) -> None:
    made = task(house)
    house.records.delete(ANNA, "tasks", made)
    other = task(house)
    taken = refused(lambda: house.records.restore(ANNA, "tasks", made))
    assert taken[:2] == (409, "unique_violation")
    house.records.update(ANNA, "tasks", other, {"title": "two"})
    assert house.records.restore(ANNA, "tasks", made).document["title"] == "one"


def test_the_stream_tells_of_a_removal_and_of_a_new_record(house: House) -> None:
    made = task(house)
    house.records.delete(ANNA, "tasks", made)
    house.records.restore(ANNA, "tasks", made)
    kinds = [(one.kind, one.version) for one in house.store.changes]
    assert kinds == [(ChangeKind.CREATED, 1), (ChangeKind.DELETED, 1), (ChangeKind.CREATED, 2)]


def test_it_comes_back_as_it_was_with_a_version_of_its_own(house: House) -> None:
    made = task(house, "one", state="done")
    before = house.records.get(ANNA, "tasks", made).document
    house.records.delete(ANNA, "tasks", made)
    house.now += 1000
    back = house.records.restore(ANNA, "tasks", made)
    assert (back.created, back.etag) == (True, '"2"')
    assert {**back.document, "version": 1, "updated": before["updated"]} == before
    assert ids(house, filter="state == 'done'") == [made]
    assert refused(lambda: house.records.restore(ANNA, "tasks", made))[0] == 404
    assert buried(house) == []


def test_who_may_delete_it_may_bring_it_back_and_nobody_else_knows_of_it(house: House) -> None:
    made = task(house)
    house.records.delete(ANNA, "tasks", made)
    never = house.store.new_id(house.catalog.get("tasks"))
    for who, record_id in ((BEN, made), (ANNA, never), (BEN, never), (ANNA, "no-id")):
        answer = refused(lambda w=who, r=record_id: house.records.restore(w, "tasks", r))
        assert answer == (404, "not_found", "No such record.")
    assert refused(lambda: house.records.restore(GUEST, "tasks", made))[0] == 401
    assert house.records.restore(ADMIN, "tasks", made).id == made


def test_what_they_may_not_read_they_do_not_bring_back(house: House) -> None:
    made = task(house, public=False)
    house.records.delete(ANNA, "tasks", made)
    assert refused(lambda: house.records.restore(BEN, "tasks", made))[0] == 404
    assert house.records.restore(ANNA, "tasks", made).id == made


def test_administrators_list_what_was_deleted(house: House) -> None:
    made = [task(house, str(number)) for number in range(7)]
    for one in made:
        house.now += 1000
        house.records.delete(ANNA, "tasks", one)
    page = house.records.deleted(ADMIN, "tasks", {"deleted": "true", "limit": "3"})
    seen = [one["record"]["id"] for one in page.items]
    while page.next is not None:
        page = house.records.deleted(
            ADMIN, "tasks", {"deleted": "true", "limit": "3", "cursor": page.next}
        )
        seen += [one["record"]["id"] for one in page.items]
    assert seen == sorted(made, reverse=True)
    (last,) = page.items
    assert (last["deleted"], last["deleted_by"], last["version"]) == (True, ANNA.id, 1)
    for who, status in ((ANNA, 403), (GUEST, 401)):
        assert refused(lambda who=who: house.records.deleted(who, "tasks"))[0] == status
    for wrong in ({"filter": "true"}, {"cursor": "!"}, {"cursor": ""}, {"limit": "x"}):
        assert refused(lambda wrong=wrong: house.records.deleted(ADMIN, "tasks", wrong))[0] == 400


def test_it_is_purged_when_its_time_is_over(house: House) -> None:
    made = task(house)
    house.records.delete(ANNA, "tasks", made)
    house.now += 29 * DAY
    assert buried(house) == [made]
    house.now += 2 * DAY
    assert buried(house) == []
    assert refused(lambda: house.records.restore(ANNA, "tasks", made))[0] == 404


def test_administrators_purge(house: House) -> None:
    made, there = task(house), task(house, "there")
    house.records.delete(ANNA, "tasks", made)
    assert refused(lambda: house.records.purge(ANNA, "tasks", there))[0] == 403
    assert refused(lambda: house.records.purge(ANNA, "tasks", made))[0] == 404
    stale = Conditions.parse('"7"', None)
    assert refused(lambda: house.records.purge(ADMIN, "tasks", there, conditions=stale))[0] == 412
    house.records.purge(ADMIN, "tasks", made)
    house.records.purge(ADMIN, "tasks", there)
    assert (buried(house), ids(house)) == ([], [])
    assert refused(lambda: house.records.purge(ADMIN, "tasks", made))[0] == 404


def test_a_relation_to_what_is_gone_keeps_it_from_coming_back(house: House) -> None:
    parent = task(house, "parent")
    child = task(house, "child", parent=parent)
    house.records.delete(ANNA, "tasks", child)
    house.records.delete(ANNA, "tasks", parent)
    answer = refused(lambda: house.records.restore(ANNA, "tasks", child))
    assert answer[0] == 422
    house.records.restore(ANNA, "tasks", parent)
    assert house.records.restore(ANNA, "tasks", child).document["parent"] == parent


def test_others_may_refer_to_what_has_come_back(table: str) -> None:
    house = House(table, USERS, TASKS)
    parent = task(house, "parent")
    house.records.delete(ANNA, "tasks", parent)
    house.records.restore(ANNA, "tasks", parent)
    assert task(house, "child", parent=parent)


def test_an_id_may_be_used_again_meanwhile(house: House) -> None:
    house.records.replace(ANNA, "pages", "home", {"text": "old"})
    house.records.delete(ANNA, "pages", "home")
    house.records.replace(ANNA, "pages", "home", {"text": "new"})
    assert refused(lambda: house.records.restore(ANNA, "pages", "home"))[:2] == (409, "exists")
    house.records.purge(ADMIN, "pages", "home")
    assert refused(lambda: house.records.restore(ANNA, "pages", "home"))[0] == 404


def test_history_goes_on_over_a_removal(house: House) -> None:
    house.records.replace(ANNA, "pages", "home", {"text": "one"})
    house.records.delete(ANNA, "pages", "home")
    house.now += 1000
    house.records.restore(ANNA, "pages", "home")
    house.records.update(ANNA, "pages", "home", {"text": "three"})
    house.tell()
    found = house.records.history(ANNA, "pages", "home").items
    assert [(one["version"], one["deleted"]) for one in found] == [
        (3, False),
        (2, False),
        (1, True),
    ]
    house.records.delete(ANNA, "pages", "home")
    house.tell()
    back = house.records.restore(ADMIN, "pages", "home", 1)
    assert (back.document["text"], back.etag) == ("one", '"4"')
    assert house.records.deleted(ADMIN, "pages").items == ()


def test_what_expires_is_not_kept(house: House) -> None:
    made = task(house, until="2027-02-01T00:00:00Z")
    house.now += 60 * DAY
    assert house.records.expire("tasks", made)
    assert buried(house) == []


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_deletes_softly(house: House, atomic: bool) -> None:
    made = [task(house, title) for title in "abc"]
    stated = [{"method": "delete", "collection": "tasks", "id": one} for one in made]
    failing = {
        "method": "update",
        "collection": "tasks",
        "id": made[0],
        "body": {},
        "if_match": '"9"',
    }
    batches = Batches(house.records, house.store, house.catalog)

    def run(*operations: dict[str, Any]) -> None:
        asked = parse_batch({"atomic": atomic, "operations": list(operations)})
        do = batches.atomic if atomic else batches.each
        list(do(ANNA, asked.operations, request={}))

    if atomic:
        assert refused(lambda: run(*stated[1:], failing))[0] == 412
        assert buried(house) == []
    run(*stated)
    assert sorted(buried(house)) == sorted(made)
    assert ids(house) == []


def test_a_batch_that_keeps_too_much_is_refused_as_too_large(table: str) -> None:
    big = {"name": "big", "fields": {"text": {"type": "json", "max": 350_000}}, "soft_delete": True}
    house = House(table, USERS, big)
    made = [house.records.create(ADMIN, "big", {"text": "x" * 340_000}).id for _ in range(8)]
    stated = [{"method": "delete", "collection": "big", "id": one} for one in made]
    batches = Batches(house.records, house.store, house.catalog)
    asked = parse_batch({"operations": stated})
    answer = refused(lambda: list(batches.atomic(ADMIN, asked.operations, request={})))
    assert answer[:2] == (413, "batch_too_large")


def test_one_of_many_brings_it_back(table: str) -> None:
    house = House(table, USERS, TASKS)
    made = task(house)
    house.records.delete(ANNA, "tasks", made)

    def bring(_: int) -> int:
        try:
            house.records.restore(ANNA, "tasks", made)
        except CoveyError as error:
            return error.status
        return 201

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(bring, range(10)))
    assert answers.count(201) == 1
    assert set(answers[1:]) <= {404, 409}
    assert house.records.get(ANNA, "tasks", made).etag == '"2"'


def test_without_an_archive_nothing_is_lost(house: House) -> None:
    bare = Records(house.store, house.catalog)
    made = task(house)
    with pytest.raises(NotSupported):
        bare.delete(ANNA, "tasks", made)
    assert ids(house) == [made]


def test_lists_cost_nothing_for_what_was_deleted(table: str) -> None:
    house = House(table, USERS, TASKS)
    made = [task(house, str(number)) for number in range(60)]

    def cost(call: Any) -> tuple[float, float]:
        meter.reset()
        call()
        return meter.read().rru, meter.read().wru

    lists = [{"limit": "5"}, {"limit": "5", "filter": "state == 'open'"}]
    for parameters in lists:
        ids(house, **parameters)
    few = [cost(lambda p=parameters: ids(house, **p)) for parameters in lists]
    for one in made[6:]:
        house.records.delete(ANNA, "tasks", one)
    assert [cost(lambda p=parameters: ids(house, **p)) for parameters in lists] <= few
    assert cost(lambda: ids(house, filter="title == '50'"))[0] <= 1

    plain = {
        **TASKS,
        "name": "plain",
        "indexes": [],
        "unique": [],
        "fields": {"t": {"type": "text"}},
    }
    plain["rules"] = {}
    house = House(table, USERS, plain)
    one = house.records.create(ADMIN, "plain", {"t": "x"}).id
    assert cost(lambda: house.records.delete(ADMIN, "plain", one)) == (1, 4)
    back = cost(lambda: house.records.restore(ADMIN, "plain", one))
    assert back == (2, 6)  # the record looked for, and where it lies; both, and the gate
