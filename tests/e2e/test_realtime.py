"""Sockets through a running gateway: beginning, coming back, and being cut off."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.running import Listener, Running, User

pytestmark = pytest.mark.slow


def written(user: User, key: str, **values: Any) -> str:
    answer = user.http.post("/records/notes", json={"key": key, **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def subscribed(listener: Listener, **wish: Any) -> list[dict[str, Any]]:
    """What comes until a subscription to notes is ready, and that."""
    listener.say({"type": "subscribe", "id": "1", "collection": "notes", **wish})
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] not in ("ready", "error"):
        told.append(listener.hear())
    return told


def test_a_socket_begins_with_what_is_there_and_comes_back_to_what_it_missed(
    covey: Running, ann: User, ben: User
) -> None:
    mark = uuid4().hex
    mine = {"filter": f'writer == "{ann.id}"'}
    first = written(ann, f"{mark}-1", secret="s")
    with ben.socket(covey.socket_url) as bens:
        snapshot, ready = subscribed(bens, **mine, snapshot=True, limit=1)
        assert [one["id"] for one in snapshot["items"]] == [first]
        assert "secret" not in snapshot["items"][0]
        second = written(ann, f"{mark}-2")
        written(ben, f"{mark}-3")
        event = bens.hear()
        while event["record"]["id"] != second:  # what came meanwhile may be told as well
            event = bens.hear()
        assert event["kind"] == "created"
    third = written(ann, f"{mark}-4")
    ann.http.delete(f"/records/notes/{first}")
    with ben.socket(covey.socket_url) as again:
        *missed, ready = subscribed(again, **mine, cursor=event["cursor"])
        latest = {one["record"]["id"]: one for one in missed}
        live = {third, first} - latest.keys()  # what the function was not yet asked to tell
        while live:
            told = again.hear()
            latest[told["record"]["id"]] = told
            live.discard(told["record"]["id"])
        assert latest[third]["kind"] == "created"
        assert latest[first]["kind"] == "deleted"
        assert set(latest[first]["record"]) == {"id"}
    with ann.socket(covey.socket_url) as anns:
        other = subscribed(anns, **mine, cursor=ready["cursor"])
        assert [one["type"] for one in other] == ["reload", "ready"]


def test_who_is_disabled_is_told_so_and_cut_off(
    covey: Running, administrator: User, ann: User
) -> None:
    zoe = covey.sign_up(f"{uuid4().hex}@example.org")
    with zoe.socket(covey.socket_url) as zoes, ann.socket(covey.socket_url) as anns:
        for listener in (zoes, anns):
            subscribed(listener, filter=f'writer == "{ann.id}"')
        off = administrator.http.post(f"/admin/users/{zoe.id}/disable")
        assert off.status_code < 300, off.text
        id = written(ann, uuid4().hex)
        assert anns.hear()["record"]["id"] == id
        assert zoes.hear()["type"] == "closed"
        with pytest.raises(ConnectionClosed) as closed:
            zoes.hear()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
