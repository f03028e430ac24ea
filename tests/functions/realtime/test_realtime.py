"""The socket's functions over the table, with the socket API's events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from covey.identity.api_key import ApiKey, mint
from covey.identity.scopes import stored
from covey.insight import meter
from covey.store.layout import layout_of
from covey.testing.sockets import MemorySockets
from covey.wiring import services
from functions.realtime.connect import handler as connect
from functions.realtime.disconnect import handler as disconnect
from functions.realtime.fan_out import handler as fan_out
from functions.realtime.message import handler as message


def event(connection: str, **more: Any) -> dict[str, Any]:
    return {"requestContext": {"connectionId": connection}, **more}


@pytest.fixture
def sockets(api: Any) -> Iterator[MemorySockets]:
    """Where frames go instead of the socket API."""
    kept = MemorySockets()
    services().__dict__["sockets"] = kept
    yield kept


def said(sockets: MemorySockets, connection: str) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in sockets.posted.pop(connection, [])]


def say(connection: str, **body: Any) -> None:
    assert message(event(connection, body=json.dumps(body)), None) == {"statusCode": 200}


def created(api: Any, token: str, **values: Any) -> dict[str, Any]:
    """A post, and what the stream would say of it."""
    made = api("POST", "/records/posts", body=values, token=token).json
    collection = services().catalog.get("posts")
    record = services().record_store.get(collection, made["id"], consistent=True)
    assert record is not None
    item = layout_of(collection).item(record)
    image = {"Keys": {"pk": item["pk"], "sk": item["sk"]}, "NewImage": item, "SequenceNumber": "1"}
    return {"eventName": "INSERT", "dynamodb": image}


def test_a_ticket_opens_a_socket_as_its_owner_and_drafts_stay_theirs(
    api: Any, sockets: MemorySockets
) -> None:
    ada = api.token("ada")
    ticket = api("POST", "/realtime/tickets", token=ada).json["ticket"]
    opened = connect(event("a", queryStringParameters={"ticket": ticket}), None)
    assert opened == {"statusCode": 200}
    assert connect(event("g"), None) == {"statusCode": 200}
    for name in ("a", "g"):
        say(name, type="subscribe", id="1", collection="posts")
        (ready,) = said(sockets, name)
        assert (ready["type"], ready["id"]) == ("ready", "1")
    draft = created(api, ada, title="Draft", secret="s")
    public = created(api, ada, title="Public", secret="s", published=True)
    assert fan_out({"Records": [draft, public]}, None) == {"batchItemFailures": []}
    assert [one["record"]["title"] for one in said(sockets, "a")] == ["Draft", "Public"]
    (seen,) = said(sockets, "g")
    assert seen["record"]["title"] == "Public"
    assert "secret" not in seen["record"]
    disconnect(event("a"), None)
    fan_out({"Records": [public]}, None)
    assert said(sockets, "a") == []


@pytest.mark.parametrize(
    "more",
    [
        {"queryStringParameters": {"ticket": "forged"}},
        {"headers": {"Authorization": "Bearer forged"}},
        {"headers": {"Authorization": "Basic eDp5"}},
    ],
)
def test_a_credential_that_does_not_hold_opens_nothing(
    api: Any, sockets: MemorySockets, more: dict[str, Any]
) -> None:
    assert connect(event("x", **more), None) == {"statusCode": 401}
    assert services().connections.get("x") is None


def test_a_token_in_the_header_opens_a_socket_too(api: Any, sockets: MemorySockets) -> None:
    headers = {"Authorization": f"Bearer {api.token('ada')}"}
    assert connect(event("a", headers=headers), None) == {"statusCode": 200}
    kept = services().connections.get("a")
    assert kept is not None
    assert kept.identity.id == "ada"


def test_a_socket_that_left_before_its_answer_is_no_failure(
    api: Any, sockets: MemorySockets
) -> None:
    connect(event("g"), None)
    sockets.gone.add("g")
    say("g", type="ping")


def test_guests_get_no_tickets(api: Any) -> None:
    assert api("POST", "/realtime/tickets").status == 401


def test_whose_session_was_ended_subscribes_to_nothing_more(
    api: Any, sockets: MemorySockets
) -> None:
    token = api.token("ada")
    connect(event("a", headers={"Authorization": f"Bearer {token}"}), None)
    kept = services().connections.get("a")
    assert kept is not None
    services().sessions.end("ada", kept.identity.session)
    say("a", type="subscribe", id="1", collection="posts")
    (answer,) = said(sockets, "a")
    assert answer["code"] == "invalid_token"


def test_who_is_disabled_hears_nothing_of_what_is_on_its_way(
    api: Any, sockets: MemorySockets
) -> None:
    ada = api.token("ada")
    for name in ("a", "g"):
        headers = {"Authorization": f"Bearer {ada}"} if name == "a" else {}
        connect(event(name, headers=headers), None)
        say(name, type="subscribe", id="1", collection="posts")
        said(sockets, name)
    public = created(api, ada, title="Public", published=True)
    assert api("POST", "/admin/users/ada/disable", token=api.token("root", "admin")).status < 300
    assert fan_out({"Records": [public]}, None) == {"batchItemFailures": []}
    (closed,) = said(sockets, "a")
    assert (closed["type"], closed["code"]) == ("closed", "invalid_token")
    assert sockets.closed == ["a"]
    assert [one["type"] for one in said(sockets, "g")] == ["change"]
    assert services().connections.get("a") is None


def test_a_socket_that_comes_back_is_told_what_it_missed(api: Any, sockets: MemorySockets) -> None:
    ada = api.token("ada")
    connect(event("a"), None)
    say("a", type="subscribe", id="1", collection="posts", filter='title == "T"')
    (ready,) = said(sockets, "a")
    disconnect(event("a"), None)
    public = created(api, ada, title="T", published=True)
    other = created(api, ada, title="Other", published=True)
    draft = created(api, ada, title="T", published=False)
    fan_out({"Records": [public, other, draft]}, None)
    connect(event("b"), None)
    wish = {"collection": "posts", "filter": 'title == "T"', "cursor": ready["cursor"]}
    say("b", type="subscribe", id="7", **wish)
    missed, again = said(sockets, "b")
    assert (missed["type"], missed["id"], missed["kind"]) == ("change", "7", "created")
    assert missed["record"]["title"] == "T"
    assert again["type"] == "ready"
    fan_out({"Records": [public]}, None)
    (live,) = said(sockets, "b")
    assert live["order"] == missed["order"]
    say("b", type="subscribe", id="8", **wish | {"filter": ""})
    assert [one["type"] for one in said(sockets, "b")] == ["reload", "ready"]


def test_a_snapshot_comes_before_what_changes(api: Any, sockets: MemorySockets) -> None:
    ada = api.token("ada")
    titles = ["one", "two", "three"]
    for title in titles:
        created(api, ada, title=title, published=True, secret="s")
    connect(event("g"), None)
    page = {"snapshot": True, "sort": "-views", "limit": 2, "filter": "published"}
    say("g", type="subscribe", id="1", collection="posts", **page)
    snapshot, ready = said(sockets, "g")
    assert len(snapshot["items"]) == 2
    assert not any("secret" in item for item in snapshot["items"])
    rest = api("GET", f"/records/posts?filter=published&sort=-views&limit=2&cursor={ready['next']}")
    assert {one["title"] for one in [*snapshot["items"], *rest.json["items"]]} == set(titles)


def test_what_nobody_listens_to_costs_one_read_for_a_batch(
    api: Any, sockets: MemorySockets
) -> None:
    records = [created(api, api.token("ada"), title=str(number)) for number in range(10)]
    fan_out({"Records": records[:1]}, None)  # the catalog is read
    before = replace(meter.read())
    fan_out({"Records": records}, None)
    spent = meter.read()
    assert (spent.rru - before.rru, spent.wru - before.wru) == (1, 0)


def test_a_key_that_was_ended_hears_nothing_more(api: Any, sockets: MemorySockets) -> None:
    api.token("ada")
    scopes = stored({"collections": {"posts": ["read"]}, "surfaces": ["realtime"]})
    name, key, secret = mint("ada")
    kept = ApiKey(name, "t", secret, scopes, 1, "ada", used=2**40)
    assert services().api_key_store.add(kept, None)
    connect(event("k", headers={"Authorization": f"Bearer {key}"}), None)
    say("k", type="subscribe", id="1", collection="posts")
    assert [one["type"] for one in said(sockets, "k")] == ["ready"]
    public = created(api, api.token("ada"), title="Public", published=True)
    fan_out({"Records": [public]}, None)
    assert [one["type"] for one in said(sockets, "k")] == ["change"]
    assert services().api_key_store.end(name)
    fan_out({"Records": [public]}, None)
    assert [one["type"] for one in said(sockets, "k")] == ["closed"]
    assert services().connections.get("k") is None
