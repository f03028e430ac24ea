"""What a subscription begins with: what is there, and what was missed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from covey.identity.principal import SYSTEM
from covey.realtime.catching_up import MOST
from covey.realtime.model import KEPT_SECONDS
from covey.records.model import Change, ChangeKind, Record
from tests.layers.core.realtime.house import DRAFT, PUBLIC, House, change, post


@pytest.fixture
def house() -> House:
    return House()


def made(house: House, **values: Any) -> str:
    return house.records.create(SYSTEM, "posts", {"published": True, **values}).id


def subscribe(house: House, connection: str, **more: Any) -> list[dict[str, Any]]:
    return house.says(connection, type="subscribe", id="1", collection="posts", **more)


def test_a_snapshot_is_a_list_under_the_rules_of_the_caller(house: House) -> None:
    mine = made(house, title="mine", author="ann", published=False, note="n")
    public = made(house, title="public", author="ben", note="hidden")
    made(house, title="draft", author="ben", published=False)
    snapshot, ready = subscribe(house, house.open("a", "ann-token"), snapshot=True)
    assert [item["id"] for item in snapshot["items"]] == [public, mine]
    assert "note" not in snapshot["items"][0]
    assert snapshot["items"][1]["note"] == "n"
    assert (ready["type"], ready["next"]) == ("ready", None)


def test_a_snapshot_takes_a_filter_a_limit_and_one_record(house: House) -> None:
    ids = [made(house, title=str(number)) for number in range(5)]
    snapshot, ready = subscribe(house, house.open("a"), snapshot=True, limit=2)
    assert [item["id"] for item in snapshot["items"]] == [ids[4], ids[3]]
    rest = house.records.list(SYSTEM, "posts", {})
    assert ready["next"] is not None
    assert len(rest.items) == 5
    snapshot, _ = subscribe(house, "a", snapshot=True, record=ids[2])
    assert [item["id"] for item in snapshot["items"]] == [ids[2]]
    snapshot, _ = subscribe(house, "a", snapshot=True, record=ids[2], filter='title == "3"')
    assert snapshot["items"] == []
    snapshot, _ = subscribe(house, "a", snapshot=True, record='") || true || id == ("')
    assert snapshot["items"] == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"snapshot": "yes"}, "invalid_message"),
        ({"sort": "title"}, "invalid_message"),
        ({"limit": 3}, "invalid_message"),
        ({"snapshot": True, "limit": 100_000}, "invalid_limit"),
        ({"snapshot": True, "limit": "x"}, "invalid_limit"),
        ({"snapshot": True, "sort": "nothing"}, "invalid_sort"),
        ({"snapshot": True, "sort": "note"}, "invalid_sort"),
        ({"record": 7}, "invalid_message"),
        ({"record": "x" * 300}, "invalid_message"),
        ({"cursor": 7}, "invalid_message"),
        ({"cursor": "x" * 3000}, "invalid_message"),
    ],
)
def test_what_cannot_be_taken_changes_nothing(
    house: House, more: dict[str, Any], code: str
) -> None:
    (answer,) = subscribe(house, house.open("g"), **more)
    assert (answer["type"], answer["code"]) == ("error", code)
    assert house.store.subscriptions("g") == []


def test_large_records_come_in_several_frames_and_too_large_ones_by_their_id(house: House) -> None:
    ids = [made(house, title="x" * 40_000) for _ in range(5)]
    ids.append(made(house, title="é" * 60_000))
    *snapshots, _ = subscribe(house, house.open("g"), snapshot=True)
    assert len(snapshots) > 1
    assert [one["id"] for frame in snapshots for one in frame["items"]] == ids[::-1]
    assert [one for frame in snapshots for one in frame.get("partial", ())] == [ids[-1]]


def test_what_happened_while_a_socket_was_away_is_told_when_it_comes_back(house: House) -> None:
    house.listen(house.open("g"))
    house.tell(change(None, PUBLIC))
    (event,) = house.events("g")
    house.store.close("g")
    house.now += 60
    house.tell(change(PUBLIC, replace(PUBLIC, version=3)), change(PUBLIC, None))
    house.now += 20
    *missed, ready = subscribe(house, house.open("h"), cursor=event["cursor"])
    assert [one["kind"] for one in missed][-2:] == ["updated", "deleted"]
    assert ready["type"] == "ready"
    assert ready["cursor"] != event["cursor"]
    house.now += 60
    assert [one["type"] for one in subscribe(house, "h", cursor=ready["cursor"])] == ["ready"]


def test_what_was_told_again_is_not_the_last_word_on_a_record(house: House) -> None:
    ready = house.listen(house.open("g"))
    house.store.close("g")
    changes = [
        change(None, PUBLIC),
        change(PUBLIC, replace(PUBLIC, version=3)),
        change(replace(PUBLIC, version=3), None),
    ]
    house.now += 60
    house.tell(changes[0])
    house.now += 60
    house.tell(*changes[1:])
    cursor = house.listen(house.open("h"))["cursor"]
    house.now += 60
    house.tell(*changes)  # as after a crash, from a place before
    missed = subscribe(house, house.open("i"), cursor=cursor)
    assert [one["kind"] for one in missed[:-1]][-1] == "deleted"
    missed = subscribe(house, house.open("j"), cursor=ready["cursor"])
    assert [one.get("kind") for one in missed] == ["created", "updated", "deleted", None]


def test_the_cursor_of_ready_is_enough_to_come_back(house: House) -> None:
    ready = house.listen(house.open("g"))
    house.store.close("g")
    house.now += 30
    house.tell(change(None, PUBLIC))
    *missed, _ = subscribe(house, house.open("h"), cursor=ready["cursor"])
    assert [one["kind"] for one in missed] == ["created"]


def test_what_was_missed_is_told_by_the_rules_of_now(house: House) -> None:
    house.listen(house.open("b", "ben-token"))
    red = replace(DRAFT, values={**DRAFT.values, "team": "red"})
    house.tell(change(None, red))
    (event,) = house.events("b")
    house.teams["ben"] = {"team": "blue"}
    told = subscribe(house, house.open("c", "ben-token"), cursor=event["cursor"])
    assert [one["type"] for one in told] == ["ready"]


def test_what_is_missed_carries_the_cursor_that_was_given(house: House) -> None:
    """So that who is cut off in the middle misses nothing of the rest."""
    ready = house.listen(house.open("g"))
    house.tell(change(None, PUBLIC), change(PUBLIC, None))
    *missed, _ = subscribe(house, house.open("h"), cursor=ready["cursor"])
    assert {one["cursor"] for one in missed} == {ready["cursor"]}


def test_a_cursor_that_is_too_old_unknown_or_another_s_is_answered_by_reload(house: House) -> None:
    ready = house.listen(house.open("g"))
    others = house.listen(house.open("b", "ben-token"))
    for cursor in ("forged", others["cursor"]):
        assert [one["type"] for one in subscribe(house, "g", cursor=cursor)] == ["reload", "ready"]
    narrower = subscribe(house, "g", cursor=ready["cursor"], filter='title == "x"')
    assert [one["type"] for one in narrower] == ["reload", "ready"]
    house.now += KEPT_SECONDS
    late = subscribe(house, house.open("h"), cursor=ready["cursor"])
    assert [one["type"] for one in late] == ["reload", "ready"]


def test_after_a_time_in_which_nobody_listened_cursors_mean_reload(house: House) -> None:
    ready = house.listen(house.open("g"))
    (noted,) = house.store.listened(["posts"], house.now).values()
    house.store._listened["posts"] = replace(noted, since=int(house.now * 1000) + 1)
    told = subscribe(house, house.open("h"), cursor=ready["cursor"])
    assert [one["type"] for one in told] == ["reload", "ready"]


def test_too_much_to_tell_is_a_reload_or_the_snapshot_that_was_asked_for(house: House) -> None:
    ready = house.listen(house.open("g"))
    many = [change(None, replace(PUBLIC, id=f"p{number}")) for number in range(MOST + 1)]
    house.log.append(house.catalog.get("posts"), int(house.now * 1000), many)
    told = subscribe(house, house.open("h"), cursor=ready["cursor"])
    assert told[0]["type"] == "reload"
    house.now += 60
    both = subscribe(house, "h", cursor=ready["cursor"], snapshot=True)
    assert [one["type"] for one in both] == ["reload", "snapshot", "ready"]


@pytest.mark.parametrize("more", [{"snapshot": True}, {"cursor": True}])
@pytest.mark.parametrize("between", ["append", "subscribers", "post"])
def test_a_change_that_is_told_while_somebody_subscribes_reaches_them(
    house: House, more: dict[str, Any], between: str
) -> None:
    """Whichever came first at each step, it is in the snapshot, in what was missed, or told."""
    ready = house.listen(house.open("old"))
    if "cursor" in more:
        more = {"cursor": ready["cursor"]}
    said: list[dict[str, Any]] = []

    def subscribing(*_: Any) -> None:
        if not said:
            said.append({"type": "begun"})
            said.extend(subscribe(house, house.open("new"), **more))

    where = house.sockets if between == "post" else house.log
    where = house.store if between == "subscribers" else where
    real = getattr(where, between)

    def stepped(*arguments: Any) -> Any:
        if between == "append":
            subscribing()
            return real(*arguments)
        answer = real(*arguments)
        subscribing()
        return answer

    setattr(where, between, stepped)
    house.fan_out.tell([change(None, PUBLIC)])
    told = [one for one in said + house.events("new") if one["type"] == "change"]
    assert [one["record"]["id"] for one in told] == ["p1"]


class Watching(RuleBasedStateMachine):
    """Clients that come, go and come back; changes told late, twice, and with failures.

    A client takes an event that is later than what it knows of a record, by ``order``; a snapshot
    and a reload are new beginnings. In the end each has what a list would show it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.waiting: list[Change] = []
        self.ids: list[str] = []
        self.number = 0
        self.clients = {
            "ann": Client(self.house, "ann-token", {}),
            "ben": Client(self.house, "ben-token", {"filter": 'team == "red"'}),
            "guest": Client(self.house, "", {}),
        }

    # ---- what happens

    @rule(
        which=st.integers(0, 4),
        published=st.booleans(),
        team=st.sampled_from(["red", "blue"]),
        author=st.sampled_from(["ann", "ben"]),
        gone=st.sampled_from([False, False, True]),
    )
    def write(self, which: int, published: bool, team: str, author: str, gone: bool) -> None:
        """A record is made, changed or deleted."""
        house, posts = self.house, self.house.catalog.get("posts")
        values = {"published": published, "team": team, "author": author, "title": str(self.number)}
        if which >= len(self.ids):
            id, before = house.records.create(SYSTEM, "posts", values).id, None
            self.ids.append(id)
        else:
            id = self.ids[which]
            before = house.kept.get(posts, id)
            if gone:
                house.records.delete(SYSTEM, "posts", id)
                self.ids.remove(id)
            else:
                house.records.update(SYSTEM, "posts", id, values)
        self._changed(before, house.kept.get(posts, id), id)

    def _changed(self, before: Record | None, after: Record | None, id: str) -> None:
        self.number += 1
        kinds = {(True, False): ChangeKind.CREATED, (False, True): ChangeKind.DELETED}
        kind = kinds.get((before is None, after is None), ChangeKind.UPDATED)
        version = (after or before or post()).version
        self.waiting.append(Change("posts", id, version, kind, before, after, f"{self.number:06}"))

    @rule(count=st.integers(1, 5), twice=st.booleans())
    def tell(self, count: int, twice: bool) -> None:
        """The oldest changes are told, maybe once more: as where a batch failed at its end."""
        batch, self.waiting = self.waiting[:count], self.waiting[count:]
        for _ in range(1 + twice):
            self.house.fan_out.tell(batch)

    @rule(who=st.sampled_from(["ann", "ben", "guest"]), snapshot=st.booleans())
    def connect(self, who: str, snapshot: bool) -> None:
        """A client opens a socket, in place of one that it may have lost."""
        self.clients[who].connect(snapshot)

    @rule(who=st.sampled_from(["ann", "ben", "guest"]))
    def lose(self, who: str) -> None:
        """A socket goes, and nobody knows yet."""
        self.clients[who].lose()

    @rule(seconds=st.sampled_from([0.01, 1.0, 40.0, 400.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.house.now += seconds

    # ---- what holds

    @invariant()
    def told_only_what_may_be_seen(self) -> None:
        """Nobody was ever sent what the rules hide from them."""
        for who, client in self.clients.items():
            client.take()
            for record in client.seen:
                own = record["author"] == who or (who == "ben" and record["team"] == "red")
                assert record["published"] or own

    def teardown(self) -> None:
        """All come back, all is told, and each sees what there is."""
        for client in self.clients.values():
            client.connect(False)
        self.house.fan_out.tell(self.waiting)
        for client in self.clients.values():
            client.take()
            assert client.view() == client.listed()


class Client:
    """One client and what it knows, by id: the latest order and the record, None where gone."""

    def __init__(self, house: House, token: str, wish: dict[str, Any]) -> None:
        self.house, self.token, self.wish = house, token, wish
        self.known: dict[str, tuple[str, dict[str, Any] | None]] = {}
        self.seen: list[dict[str, Any]] = []
        self.cursor, self.socket, self.sockets = "", "", 0

    def connect(self, snapshot: bool) -> None:
        """Open a socket, come back by the cursor if there is one, and begin anew where told to."""
        self.lose()
        self.sockets += 1
        self.socket = self.house.open(f"{self.token}{self.sockets}", self.token)
        begin = snapshot or not self.cursor
        more = {"snapshot": True, "limit": 200} if begin else {"cursor": self.cursor}
        for frame in subscribe(self.house, self.socket, **self.wish, **more):
            self._take(frame)

    def lose(self) -> None:
        """The socket is gone."""
        if self.socket:
            self.take()
            self.house.sockets.gone.add(self.socket)
            self.socket = ""

    def take(self) -> None:
        """What was sent since."""
        for frame in self.house.events(self.socket) if self.socket else ():
            self._take(frame)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "snapshot":
            self.seen += frame["items"]
            self.known = {one["id"]: ("", one) for one in frame["items"]}
        elif frame["type"] == "reload":
            self.known = {one["id"]: ("", one) for one in self.listed().values()}
        elif frame["type"] == "change":
            record = frame["record"]
            shown = record if frame["kind"] in ("created", "updated") else None
            self.seen += [record] if shown else []
            if frame["order"] >= self.known.get(record["id"], ("", None))[0]:
                self.known[record["id"]] = (frame["order"], shown)
        self.cursor = frame.get("cursor", self.cursor)

    def view(self) -> dict[str, dict[str, Any]]:
        """The records that it knows to be there."""
        return {id: record for id, (_, record) in self.known.items() if record is not None}

    def listed(self) -> dict[str, dict[str, Any]]:
        """What a list shows it."""
        who = self.house.verify(self.token)[0] if self.token else None
        from covey.identity.principal import GUEST

        caller = self.house.profiled(who) if who else GUEST
        page = self.house.records.list(caller, "posts", {**self.wish, "limit": "200"})
        return {one["id"]: one for one in page.items}


Watching.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestWatching = Watching.TestCase
