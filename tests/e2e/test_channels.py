"""The chat of examples/chat with two clients, through a running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.running import ROOT, Listener, Running, User, until

pytestmark = pytest.mark.slow


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    chat = ROOT / "examples" / "chat" / "collections"
    running = Running(tmp_path, collections=chat).start()
    yield running
    running.close()


def admitted(owner: User, room: str, *users: User) -> None:
    for user in users:
        body = {"id": f"{room}:{user.id}", "room": room, "user": user.id}
        answer = owner.http.post("/records/members", json=body)
        assert answer.status_code == 201, answer.text


def heard(socket: Listener, kind: str) -> dict[str, Any]:
    """The next event of a kind."""
    return until(lambda: next((e for e in [socket.hear()] if e["type"] == kind), None), kind)


def test_two_clients_talk_see_each_other_and_one_is_put_out(own: Running) -> None:
    olga, mia = own.sign_up("olga@example.org"), own.sign_up("mia@example.org")
    room = olga.http.post("/records/rooms", json={"topic": "Lunch"}).json()["id"]
    address = f"rooms/{room}"
    admitted(olga, room, olga, mia)
    with olga.socket(own.socket_url) as hers, mia.socket(own.socket_url) as other:
        joined = hers.ask({"type": "join", "channel": address})
        assert [one["id"] for one in joined["members"]] == [olga.id]
        joined = other.ask({"type": "join", "channel": address})
        assert {one["id"] for one in joined["members"]} == {olga.id, mia.id}
        assert hers.hear()["event"] == "join"

        assert other.ask({"type": "publish", "channel": address, "data": {"text": 7}})["code"] == (
            "invalid_data"
        )
        for number in range(20):
            other.say({"type": "publish", "channel": address, "data": {"text": str(number)}})
        texts = [heard(hers, "message")["data"]["text"] for _ in range(20)]
        assert texts == [str(number) for number in range(20)]
        assert [heard(other, "published")["channel"] for _ in range(20)] == [address] * 20

        body = {"channel": address, "data": {"text": "by the server"}}
        sent = olga.http.post("/realtime/messages", json=body)
        assert (sent.status_code, heard(other, "message")["data"]) == (201, body["data"])
        assert heard(hers, "message")["from"] == {"id": olga.id}

        with mia.socket(own.socket_url) as second:
            second.ask({"type": "join", "channel": address})
            listed = hers.ask({"type": "presence", "channel": address})["members"]
            assert {one["id"]: one["sockets"] for one in listed} == {olga.id: 1, mia.id: 2}

        taken = olga.http.patch(f"/records/members/{room}:{mia.id}", json={"active": False})
        assert taken.status_code == 200, taken.text
        olga.http.post("/realtime/messages", json=body)
        put_out = heard(other, "left")
        assert put_out == {"type": "left", "channel": address, "reason": "not_allowed"}
        told = heard(hers, "presence")
        assert (told["event"], told["members"]) == ("leave", [{"id": mia.id}])
        assert other.ask({"type": "join", "channel": address})["code"] == "not_found"

        for frame in ("[", '{"type":"join"}', '{"type":"ping","type":"ping"}', "\x00", "null"):
            assert other.ask(frame)["type"] == "error"
        assert other.ask({"type": "ping"}) == {"type": "pong"}


def test_a_client_that_does_not_stop_is_closed(own: Running) -> None:
    ada = own.sign_up("ada@example.org")
    with ada.socket(own.socket_url) as socket, ada.socket(own.socket_url) as calm:
        with pytest.raises(ConnectionClosed):
            for _ in range(2_000):
                socket.say({"type": "ping"})
                answer = socket.hear()
                assert answer["type"] == "pong" or answer["retry_after"] >= 1
        assert calm.ask({"type": "ping"}) == {"type": "pong"}
