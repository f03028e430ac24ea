"""API keys, impersonation and new signing keys, over the wire and across processes."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.running import Running, User, listening, until


def key(owner: User, **asked: Any) -> str:
    made = owner.http.post("/auth/keys", json={"name": "e2e", **asked})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def test_an_import_goes_on_as_the_key_that_began_it_and_ends_with_it(
    covey: Running, ann: User
) -> None:
    scopes = {"rows": ["read", "create"]}
    with covey.client(key(ann, scopes=scopes, surfaces=["jobs"])) as http:
        started = http.post("/records/rows/import", json={"format": "jsonl"})
        assert started.status_code == 202, started.text
        upload, job = started.json()["upload"], started.json()["job"]["id"]
        rows = b"".join(b'{"number": %d, "text": "of a key"}\n' % n for n in range(50))
        httpx.request(upload["method"], upload["url"], headers=upload["headers"], content=rows)
        done = until(
            lambda: (
                (shown := http.get(f"/jobs/{job}").json())["status"] in ("done", "failed") and shown
            ),
            "the import done",
        )
        assert (done["status"], done["done"]) == ("done", 50)
        assert ann.http.get(f"/jobs/{job}").status_code == 404, "the job is the key's"
        assert http.get("/records/notes").json()["code"] == "key_not_allowed"
        started = http.post("/records/rows/import", json={"format": "jsonl"}).json()
        for one in ann.http.get("/auth/keys").json()["items"]:
            assert ann.http.delete(f"/auth/keys/{one['id']}").status_code == 204
        assert http.get(f"/jobs/{job}").status_code == 401
        upload = started["upload"]
        rows = b'{"number": 1000001}\n'
        httpx.request(upload["method"], upload["url"], headers=upload["headers"], content=rows)
    listed = ann.http.get("/records/rows", params={"filter": "number == 1000001"})
    assert listed.json()["items"] == []


def test_a_socket_of_a_key_hears_what_the_key_may_read(covey: Running, ben: User) -> None:
    token = key(ben, scopes={"notes": ["read"]}, surfaces=["realtime"])
    with covey.client(token) as http:
        ticket = http.post("/realtime/tickets").json()["ticket"]
    with listening(f"{covey.socket_url}?ticket={ticket}") as listener:
        told = listener.ask({"type": "subscribe", "id": "1", "collection": "rows"})
        assert told["code"] == "not_found"
        told = listener.ask({"type": "subscribe", "id": "2", "collection": "notes"})
        assert told["type"] == "ready"


def test_a_new_signing_key_logs_nobody_out(covey: Running, ann: User, administrator: User) -> None:
    before = len(ann.http.get("/.well-known/jwks.json").json()["keys"])
    assert administrator.http.post("/admin/signing-keys").status_code == 201
    for path in ("/auth/me", "/records/notes", "/jobs"):
        assert ann.http.get(path).status_code == 200
    listed = administrator.http.get("/admin/signing-keys").json()["items"]
    assert [one["state"] for one in listed] == ["signing", "coming"]
    assert before >= 1


def test_an_administrator_sees_what_a_user_sees(
    covey: Running, ben: User, administrator: User
) -> None:
    ben.http.post("/records/diaries", json={"title": "mine alone"})
    made = administrator.http.post("/auth/impersonate", json={"user": ben.id}).json()
    with covey.client(made["access_token"]) as http:
        assert http.get("/auth/me").json()["impersonated_by"] == administrator.id
        titles = [one["title"] for one in http.get("/records/diaries").json()["items"]]
        assert "mine alone" in titles
        for path in ("/auth/keys", "/auth/change-password", "/auth/change-email/request"):
            assert http.post(path, json={}).json()["code"] == "impersonating"
