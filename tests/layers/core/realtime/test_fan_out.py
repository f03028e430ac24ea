"""Who is told of a change, who not any more, and that nobody holds up another."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import pytest

from covey.collections import load
from covey.collections.scope import CallerScope
from covey.errors import Unavailable
from covey.expressions import Expression
from covey.realtime.batch import RENEWED_MS
from covey.realtime.delivery import Delivery
from covey.realtime.fan_out import FanOut
from covey.realtime.sockets import Gone
from covey.records.fetching import Fetcher
from covey.testing.realtime import MemoryConnectionStore
from covey.testing.sockets import MemorySockets
from tests.layers.core.realtime.house import ANN, DRAFT, POSTS, PUBLIC, House, change, post


@pytest.fixture
def house() -> House:
    return House()


def test_who_was_disabled_hears_nothing_more_and_is_cut_off(house: House) -> None:
    for name, token in (("a", "ann-token"), ("b", "ben-token")):
        house.listen(house.open(name, token))
    house.ended.add("ann")
    told = house.tell(change(None, PUBLIC))
    assert [kind for kind, _ in told["a"]] == ["closed"]
    assert [kind for kind, _ in told["b"]] == ["created"]
    assert house.sockets.closed == ["a"]
    assert house.store.get("a") is None


def test_who_is_disabled_while_a_change_is_on_its_way_is_not_told(house: House) -> None:
    house.listen(house.open("a", "ann-token"))
    read = house.store.subscribers

    def then_disabled(*asked: object) -> object:
        house.ended.add("ann")
        return read(*asked)  # type: ignore[arg-type]

    house.store.subscribers = then_disabled  # type: ignore[assignment]
    house.tell(change(None, PUBLIC))
    assert [event["type"] for event in house.events("a")] == ["closed"]


def test_who_has_nothing_to_hear_is_not_asked_for(house: House) -> None:
    house.listen(house.open("b", "ben-token"))
    house.ended.add("ben")
    assert house.tell(change(None, DRAFT)) == {}
    assert house.sockets.closed == []


def test_roles_of_now_decide_what_is_told(house: House) -> None:
    house.rule("'staff' in auth.roles || published")
    house.roles["ann"] = ("staff",)
    house.listen(house.open("a", "ann-token"))
    assert house.store.identify("a", replace(identity(house, "a"), roles=("staff",)))
    house.say("a", type="subscribe", id="1", collection="posts")
    assert [kind for kind, _ in house.tell(change(None, DRAFT))["a"]] == ["created"]
    house.roles["ann"] = ()
    assert house.tell(change(None, DRAFT)) == {}
    assert [kind for kind, _ in house.tell(change(None, PUBLIC))["a"]] == ["created"]


class Asked(Fetcher):
    """Reads that note whether two ask at once; a rule holds."""

    def __init__(self, house: House) -> None:
        super().__init__(house.kept, house.catalog.get, 0)
        self.asking, self.met = 0, False

    def holds(self, rule: Expression, scope: CallerScope) -> bool:
        self.asking += 1
        time.sleep(0.02)
        self.met = self.met or self.asking > 1
        self.asking -= 1
        return True


def test_what_rules_read_others_by_is_asked_by_one_at_a_time(house: House) -> None:
    rule = 'record("posts", "p1") != null'
    house.rule(rule)
    house.catalog.save(load({**POSTS, "name": "notes", "rules": {"read": rule}}))
    made: list[Asked] = []

    def reads() -> Asked:
        made.append(Asked(house))
        return made[-1]

    parts = (house.store, house.log, house.places, house.catalog)
    delivery = Delivery(house.sockets, house.store)
    fan_out = FanOut(*parts, delivery, house.present, now=house.clock, reads=reads)
    house.listen(house.open("a", "ann-token"), "posts")
    house.listen(house.open("b", "ben-token"), "notes")
    house.roles |= {"ann": ("new",), "ben": ("new",)}  # so that both are judged while it is sent
    fan_out.tell([change(None, PUBLIC), replace(change(None, PUBLIC), collection="notes")])
    assert [len(house.events(one)) for one in "ab"] == [1, 1]
    assert not any(one.met for one in made)


def identity(house: House, connection: str) -> object:
    found = house.store.get(connection)
    assert found is not None
    return found.identity


def test_a_subscription_to_one_record_hears_of_no_other(house: House) -> None:
    house.listen(house.open("g"), record="p1")
    other = replace(PUBLIC, id="p2")
    assert house.tell(change(None, other)) == {}
    assert len(house.tell(change(None, PUBLIC), change(None, other))["g"]) == 1


def test_only_subscriptions_that_may_want_a_change_are_asked(house: House) -> None:
    for number in range(50):
        house.listen(house.open(f"c{number}"), filter=f'team == "{number}"')
    asked: list[int] = []
    read = house.store.subscribers
    house.store.subscribers = lambda name, topics: asked.append(len(f := read(name, topics))) or f  # type: ignore[assignment, func-returns-value]
    seen = replace(PUBLIC, values={**PUBLIC.values, "team": "7"})
    assert set(house.tell(change(None, seen))) == {"c7"}
    moved = replace(seen, values={**seen.values, "team": "9"}, version=3)
    told = house.tell(change(seen, moved))
    assert {name: kind for name, ((kind, _),) in told.items()} == {"c7": "left", "c9": "updated"}
    assert asked == [1, 2]


def test_a_collection_that_nobody_listens_to_is_not_kept(house: House) -> None:
    assert house.tell(change(None, PUBLIC)) == {}
    assert list(house.log.since(house.catalog.get("posts"), 0, 10)) == []
    house.listen(house.open("g"))
    house.store.close("g")
    house.tell(change(None, PUBLIC))
    assert len(list(house.log.since(house.catalog.get("posts"), 0, 10))) == 1


def test_two_subscriptions_of_a_socket_are_both_told_in_order(house: House) -> None:
    house.open("g")
    for name in ("1", "2"):
        house.say("g", type="subscribe", id=name, collection="posts")
    house.fan_out.tell([change(None, PUBLIC), change(PUBLIC, None)])
    told = [(event["id"], event["kind"]) for event in house.events("g")]
    assert [kind for id, kind in told if id == "1"] == ["created", "deleted"]
    assert [kind for id, kind in told if id == "2"] == ["created", "deleted"]


def test_the_order_of_events_of_a_record_is_told_across_its_lives(house: House) -> None:
    house.listen(house.open("g"))
    later = replace(PUBLIC, created=PUBLIC.created + 5, version=1)
    house.fan_out.tell(
        [
            change(None, replace(PUBLIC, version=1)),
            change(replace(PUBLIC, version=1), PUBLIC),
            change(PUBLIC, replace(DRAFT, version=3)),
            change(replace(PUBLIC, version=4), None),
            change(None, later),
        ]
    )
    events = house.events("g")
    assert [event["kind"] for event in events] == [
        "created", "updated", "left", "deleted", "created",
    ]  # fmt: skip
    orders = [event["order"] for event in events]
    assert orders == sorted(set(orders))


def test_a_socket_that_takes_nothing_is_ended_and_the_others_are_told(house: House) -> None:
    for name in ("stuck", "here"):
        house.listen(house.open(name))
    house.sockets.stuck.add("stuck")
    assert set(house.tell(change(None, PUBLIC))) == {"here"}
    assert house.sockets.closed == ["stuck"]
    assert house.store.get("stuck") is None


def test_while_the_sockets_gateway_is_away_a_batch_fails_and_nobody_is_forgotten(
    house: House,
) -> None:
    for name in ("a", "b"):
        house.listen(house.open(name))
    house.sockets.away = True
    with pytest.raises(Unavailable):
        house.tell(change(None, PUBLIC))
    house.sockets.away = False
    assert set(house.tell(change(None, PUBLIC))) == {"a", "b"}


def test_a_database_that_is_away_fails_the_batch_and_closes_nobody(house: House) -> None:
    house.listen(house.open("a", "ann-token"))

    house.ended.add("?")  # asking who is there fails
    with pytest.raises(Unavailable):
        house.tell(change(None, PUBLIC))
    assert house.sockets.closed == []
    assert house.store.get("a") is not None


def test_a_batch_that_takes_long_is_kept_again_before_its_cursors_grow_old(house: House) -> None:
    for name in ("a", "b"):
        house.listen(house.open(name))
    send = house.sockets.post

    def slowly(connection: str, data: bytes) -> None:
        house.now += RENEWED_MS / 1000 + 1
        send(connection, data)

    house.sockets.post = slowly  # type: ignore[method-assign]
    house.fan_out.tell([change(None, PUBLIC)])
    cursors = [event["cursor"] for name in "ab" for event in house.events(name)]
    places = sorted(json.loads(cursor)[-1] for cursor in cursors)
    assert len(list(house.log.since(house.catalog.get("posts"), 0, 10))) == 2
    assert places[1] - places[0] > RENEWED_MS


def test_a_slow_socket_holds_up_no_other() -> None:
    slow, told = threading.Event(), threading.Event()

    class Sockets(MemorySockets):
        def post(self, connection_id: str, data: bytes) -> None:
            if connection_id.startswith("slow"):
                assert slow.wait(5)
                raise Gone(connection_id)
            super().post(connection_id, data)
            told.set()

    sockets = Sockets()
    delivery = Delivery(sockets, MemoryConnectionStore(), workers=4)
    outbox = {name: [b"{}"] for name in ("slow1", "slow2", "slow3", "here")}
    work = threading.Thread(target=lambda: delivery.deliver(outbox, lambda frame: frame))
    work.start()
    assert told.wait(5)
    assert set(sockets.posted) == {"here"}
    slow.set()
    work.join(5)


def test_a_frame_that_cannot_be_made_stops_no_other_socket() -> None:
    sockets = MemorySockets()
    delivery = Delivery(sockets, MemoryConnectionStore())

    def frame(told: str) -> bytes:
        if told == "bad":
            raise RuntimeError("cannot be made")
        return told.encode()

    with pytest.raises(RuntimeError):
        delivery.deliver({"a": ["bad"], "b": ["good"], "c": ["good"]}, frame)
    assert set(sockets.posted) == {"b", "c"}


def test_a_change_of_somebody_renews_what_they_listen_to(house: House) -> None:
    house.listen(house.open("a", "ann-token"), filter="author == auth.id")
    assert set(house.tell(change(None, DRAFT))) == {"a"}
    assert [one["type"] for one in house.says("a", type="auth", token="ben-token")] == ["auth"]
    assert house.tell(change(None, DRAFT)) == {}
    bens = post(author="ben", published=True)
    assert set(house.tell(change(None, bens))) == {"a"}


def test_a_subscription_that_its_new_caller_may_not_have_is_dropped(house: House) -> None:
    house.rule(f"auth.id == '{ANN.id}'")
    house.listen(house.open("a", "ann-token"))
    said = house.says("a", type="auth", token="ben-token")
    assert [one["type"] for one in said] == ["auth", "unsubscribed"]
    assert said[1]["code"] == "not_found"
    assert house.store.subscriptions("a") == []


def test_a_profile_that_cannot_be_read_fails_the_batch_and_voids_no_filter(house: House) -> None:
    fields = {**POSTS["fields"], "note": {"type": "text", "read": "auth.team == 'red'"}}
    document = {**POSTS, "fields": fields, "rules": {"read": "true"}}
    house.catalog.save(load(document, previous=house.catalog.get("posts")))
    assert house.listen(house.open("b", "ben-token"), filter="note == 'mine'")["type"] == "ready"
    teams, house.teams = house.teams, Away()
    with pytest.raises(Unavailable):
        house.tell(change(None, PUBLIC))
    house.teams = teams
    assert set(house.tell(change(None, PUBLIC))) == {"b"}


class Away(dict[str, object]):
    def get(self, *_: object) -> object:
        raise Unavailable


def test_cursors_of_many_frames_stay_at_the_time_of_their_batch(house: House) -> None:
    for number in range(300):
        house.listen(house.open(f"c{number}"))
    house.fan_out.tell([change(None, PUBLIC)])
    cursors = {event["cursor"] for n in range(300) for event in house.events(f"c{n}")}
    assert {json.loads(cursor)[-1] for cursor in cursors} == {int(house.now * 1000)}
