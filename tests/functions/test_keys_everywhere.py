"""What API keys may do, on every route that there is."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from covey.http import Operation, Request
from covey.http.routes import Routes
from covey.identity.api_key import ApiKey, mint
from covey.identity.principal import Kind, Principal
from covey.identity.scopes import ACTIONS, SURFACES, Scopes, stored
from covey.store.transport import transport
from covey.wiring import services
from tests.functions.conftest import Answer, Api

OPERATIONS: list[Operation] = importlib.import_module("app").app.operations
CLOSED = [one for one in OPERATIONS if not one.public]
EVERYTHING = Scopes({"*": frozenset(ACTIONS)}, frozenset(SURFACES))
READING = stored({"collections": {"*": ["read"]}, "surfaces": ["schema:read", "statistics"]})
BODIES: Mapping[str, Any] = {
    "/batch": {
        "atomic": False,
        "operations": [
            {"method": "create", "collection": "notes", "body": {"id": "n9", "text": "x"}},
            {"method": "update", "collection": "notes", "id": "n1", "body": {"text": "x"}},
            {"method": "delete", "collection": "notes", "id": "n1"},
            {"method": "upsert", "collection": "posts", "by": ["slug"], "body": {"slug": "s"}},
        ],
    },
    "/records/{collection}": {"id": "n9", "text": "x"},
    "/records/{collection}/{id}": {"text": "x"},
    "/records/{collection}/import": {"format": "jsonl"},
    "/records/{collection}/aggregate": {"count": True},
    "/auth/keys": {"name": "more", "scopes": {"*": ["read"]}},
    "/auth/impersonate": {"user": "ann"},
}


def a_key(scopes: Scopes, user: str = "", *roles: str) -> str:
    """A key of these scopes, kept as nobody could have it made."""
    name, token, secret = mint(user)
    key = ApiKey(name, "t", secret, scopes, 1, "root", roles=roles, used=2**40)
    assert services().api_key_store.add(key, None)
    return token


def call(api: Api, token: str, operation: Operation, body: Any = None) -> Answer:
    target = operation.path
    for name, value in {"collection": "notes", "id": "n1", "version": "1", "name": "notes"}.items():
        target = target.replace(f"{{{name}}}", value)
    body = BODIES.get(operation.path, {}) if body is None else body
    sent = json.dumps(body) if operation.method not in ("GET", "DELETE") else None
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return api(
        operation.method, target.replace("{", "").replace("}", ""), headers=headers, body=sent
    )


def items() -> dict[str, Any]:
    """All that is kept, but for secrets that the deployment makes for itself by the way."""
    found = transport().call("Scan", {"TableName": services().settings.table_name})["Items"]
    return {
        f"{item['pk']['S']} {item['sk']['S']}": item
        for item in found
        if not item["pk"]["S"].startswith("!secret.")
    }


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def test_a_key_without_scopes_is_refused_on_every_route_but_public_ones(api: Api) -> None:
    for roles in ((), ("admin",)):
        token = a_key(Scopes(), "", *roles)
        for operation in CLOSED:
            answer = call(api, token, operation)
            told = (answer.status, answer.code)
            assert told == (403, "key_not_allowed"), named(operation)


def test_a_key_of_a_user_without_scopes_is_refused_likewise(api: Api) -> None:
    api.token("root", "admin")
    token = a_key(Scopes(), "root")
    assert {call(api, token, one).code for one in CLOSED} == {"key_not_allowed"}


@pytest.mark.parametrize("roles", [(), ("admin",)])
def test_a_key_that_only_reads_changes_nothing_on_any_route(
    api: Api, roles: tuple[str, ...]
) -> None:
    root = api.token("root", "admin")
    api("PUT", "/records/notes/n1", token=root, body={"text": "a"})
    token = a_key(READING, "", *roles)
    before = items()
    answers = {named(one): call(api, token, one).status for one in CLOSED}
    assert items() == before
    assert answers["GET /records/{collection}/{id}"] == 200
    assert answers["GET /records/{collection}"] == 200
    assert answers["POST /records/{collection}/aggregate"] in (200, 400)
    reading = ("/aggregate", "/files/{id}/link")
    changing = [one for one in CLOSED if one.method != "GET" and not one.path.endswith(reading)]
    assert {answers[named(one)] for one in changing} == {403}


def test_a_key_with_every_scope_manages_no_accounts(api: Api) -> None:
    root = api.token("root", "admin")
    api("PUT", "/records/notes/n1", token=root, body={"text": "a"})
    for token in (a_key(EVERYTHING, "root"), a_key(EVERYTHING, "", "admin")):
        for operation in OPERATIONS:
            accounts = operation.path.startswith(("/auth/", "/admin/users", "/admin/audit"))
            letters = operation.path.startswith(
                ("/admin/outbox", "/admin/backup", "/admin/restore")
            )
            if (accounts or letters) and not operation.public:
                assert call(api, token, operation).code == "key_not_allowed", named(operation)
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            target = "/records/users" if method == "POST" else "/records/users/root"
            answer = api(
                method,
                target,
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                body='{"roles":[]}',
            )
            assert answer.code == "key_not_allowed"
        batch = {"operations": [{"method": "delete", "collection": "users", "id": "root"}]}
        refused = call(api, token, _operation("/batch"), batch)
        assert refused.code == "key_not_allowed"
        up = {"email": "new@example.test", "password": "correct horse battery"}
        assert call(api, token, _operation("/auth/sign-up"), up).code == "key_not_allowed"


def test_each_operation_of_a_batch_needs_its_own_scope(api: Api) -> None:
    scopes = stored({"collections": {"notes": ["read", "create"]}, "surfaces": []})
    answer = call(api, a_key(scopes), _operation("/batch"))
    results = answer.json["results"]
    assert [one["status"] for one in results] == [201, 403, 403, 403]
    assert {one["problem"]["code"] for one in results[1:]} == {"key_not_allowed"}


def test_a_key_reads_only_the_collections_that_it_was_given(api: Api) -> None:
    root = api.token("root", "admin")
    made = api("POST", "/records/posts", token=root, body={"title": "a", "published": True})
    assert made.status == 201
    token = a_key(stored({"collections": {"notes": ["read"]}, "surfaces": []}), "", "admin")
    headers = {"Authorization": f"Bearer {token}"}
    for target in (
        "/records/posts",
        f"/records/posts/{made.json['id']}",
        "/records/ledger",
        "/records/users",
        "/records/nosuch",
        "/records/posts/export",
        "/records/posts/search?q=a",
    ):
        assert api("GET", target, headers=headers).code == "key_not_allowed", target
    assert api("GET", "/records/notes", headers=headers).status == 200


def test_a_key_is_taken_by_routes_that_declare_what_it_needs_and_by_no_other() -> None:
    routes = Routes("t")

    @routes.get("/t/open", summary="t")
    def undeclared(request: Request) -> None: ...

    @routes.get("/t/closed", summary="t", key=())
    def empty(request: Request) -> None: ...

    who = Principal(Kind.KEY, "k", key="k", scopes=EVERYTHING)
    for operation in routes.operations:
        with pytest.raises(Exception, match="key_not_allowed"):
            operation.admit(who, "posts")


def test_what_routes_ask_of_keys_is_what_keys_can_be_given() -> None:
    known = {*ACTIONS, *SURFACES, "reads", "writes"}
    for operation in OPERATIONS:
        assert operation.key is None or operation.key, named(operation)
        assert set(operation.key or ()) <= known, named(operation)
        if set(operation.key or ()) & set(ACTIONS):
            assert "{collection}" in operation.path, named(operation)


def test_a_key_opens_a_socket_only_with_the_surface_and_hears_only_what_it_may(api: Api) -> None:
    connect = importlib.import_module("functions.realtime.connect").handler
    api.token("ann")
    for scopes, status in ((READING, 403), (_listening("notes"), 200)):
        event = {
            "requestContext": {"connectionId": "c1"},
            "headers": {"Authorization": f"Bearer {a_key(scopes)}"},
        }
        assert connect(event, None) == {"statusCode": status}
    (answer,) = services().conversation.answers(
        "c1", json.dumps({"type": "subscribe", "id": "1", "collection": "posts"})
    )
    assert answer["code"] == "not_found"
    (answer,) = services().conversation.answers(
        "c1", json.dumps({"type": "subscribe", "id": "2", "collection": "notes"})
    )
    assert answer["type"] == "ready"


def test_a_ticket_of_a_key_carries_its_scopes(api: Api) -> None:
    who = services().key_callers.of(a_key(_listening("notes")))
    identity = services().tickets.redeem(services().tickets.issue(who))
    assert identity is not None
    assert identity.scopes == who.scopes
    assert identity.key == who.key
    assert 0 < identity.until - who.until <= 1 or identity.until == who.until


def test_a_job_of_a_key_ends_with_the_key(api: Api) -> None:
    token = a_key(READING)
    who = services().key_callers.of(token)
    assert services().owner(who.scope).scopes == READING
    services().api_key_store.end(services().api_key_store.of("")[0].name)
    with pytest.raises(Exception, match="invalid_token"):
        services().owner(who.scope)


def _listening(collection: str) -> Scopes:
    return stored({"collections": {collection: ["read"]}, "surfaces": ["realtime"]})


def _operation(path: str) -> Operation:
    return next(one for one in OPERATIONS if (one.method, one.path) == ("POST", path))
