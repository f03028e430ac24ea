"""The life of a file: reserved, sent, judged, taken by a record, read under its rules."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from covey.collections.document import load, load_all
from covey.errors import Invalid
from covey.identity.principal import Kind, Principal
from covey.wiring import services
from tests.functions.conftest import USERS
from tests.functions.files.house import Files, png


def test_a_picture_from_reservation_to_thumbnail(files: Files) -> None:
    data = png(120, 60)
    made = files.reserve("ada", "photo", data, "image/png", name="../../My photo.PNG")
    assert made.status == 201
    file, upload = made.json["file"], made.json["upload"]
    assert (file["state"], file["name"], file["url"]) == ("reserved", "My photo.PNG", None)
    assert files.post(upload, data).status_code == 204
    files.judge()
    about = files.about("ada", file["id"]).json
    assert (about["state"], about["width"], about["height"]) == ("ready", 120, 60)
    assert about["thumbs"] == ["40x40", "16x16c"]
    record = files.record("ada", photo=file["id"])
    assert record.status == 201, record
    assert record.json["photo"] == file["id"]
    read = files.read("bob", file["id"])
    assert read.status == 302
    assert read.headers["Cache-Control"] == "private, no-store"
    bytes_ = files.ask("GET", read.headers["Location"])
    assert bytes_.status_code == 200
    assert Image.open(BytesIO(bytes_.content)).size == (120, 60)
    assert bytes_.headers["content-disposition"] == 'inline; filename="My photo.PNG"'
    assert bytes_.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in bytes_.headers["content-security-policy"]
    for thumb, size in (("40x40", (40, 20)), ("16x16c", (16, 16))):
        to = files.read("bob", file["id"], f"?thumb={thumb}").headers["Location"]
        assert Image.open(BytesIO(files.ask("GET", to).content)).size == size
    assert not [key for key in files.stored() if key.startswith("uploads")]


def test_a_file_of_a_hidden_record_or_field_answers_as_if_there_were_none(files: Files) -> None:
    shut = files.send()
    assert files.record("ada", id="shut", photo=shut, open=False).status == 201
    paper = files.send(field="papers", data=b"hello", of="text/plain")
    assert files.record("ada", id="open", papers=[paper]).status == 201
    waiting = files.send()
    nowhere = "0" * 26
    for file_id in (shut, paper, waiting, nowhere, "x", "..", "%2e%2e"):
        for query in ("", "?thumb=40x40", "?download=true"):
            for who in ("bob", None):
                answer = files.read(who, file_id, query)
                assert (answer.status, answer.code) == (404, "not_found"), file_id
                assert answer.json["detail"] == "No such file."
        assert files.about("bob", file_id).status == 404
        link = files.api("POST", f"/files/{file_id}/link", body={}, token=files.api.token("bob"))
        assert link.status == 404
        assert files.api("DELETE", f"/files/{file_id}", token=files.api.token("bob")).status == 404
    for file_id in (shut, paper, waiting):
        assert files.read("ada", file_id).status == 302


def test_only_who_may_write_the_field_reserves(files: Files) -> None:
    data = b"x"
    guest = {"collection": "profiles", "field": "photo", "name": "n", "type": "image/png"}
    assert files.api("POST", "/files", body={**guest, "size": 1}).status == 401
    assert files.record("ada", id="adas").status == 201
    assert files.record("ada", id="shut", open=False).status == 201
    cases = [
        ("bob", "sealed", {}, 403, "field_write_denied"),
        ("bob", "secret", {}, 201, ""),
        ("bob", "nothing", {}, 422, "validation_failed"),
        ("bob", "owner", {}, 422, "validation_failed"),
        ("bob", "papers", {"record": "adas"}, 403, "rule_denied"),
        ("bob", "papers", {"record": "shut"}, 404, "not_found"),
        ("bob", "papers", {"record": "gone"}, 404, "not_found"),
        ("ada", "papers", {"record": "adas"}, 201, ""),
        ("ada", "papers", {"collection": "ledger"}, 404, "not_found"),
        ("ada", "papers", {"collection": "nowhere"}, 404, "not_found"),
    ]
    for who, field, more, status, code in cases:
        answer = files.reserve(who, field, data, "text/plain", **more)
        assert answer.status == status, (who, field, more, answer)
        assert not code or answer.code == code


BODIES: list[tuple[dict[str, Any], str, str]] = [
    ({"size": 0}, "size", "too_small"),
    ({"size": -1}, "size", "too_small"),
    ({"size": 10_485_761}, "size", "too_large"),
    ({"size": "5"}, "size", "wrong_type"),
    ({"size": True}, "size", "wrong_type"),
    ({"size": None}, "size", "wrong_type"),
    ({"type": "text/html"}, "type", "type_not_allowed"),
    ({"type": "image/svg+xml"}, "type", "type_not_allowed"),
    ({"type": "image"}, "type", "invalid_media_type"),
    ({"type": "image/png\r\nX: y"}, "type", "invalid_media_type"),
    ({"type": ["image/png"]}, "type", "wrong_type"),
    ({"name": 5}, "name", "wrong_type"),
    ({"name": "x" * 1025}, "name", "too_long"),
    ({"record": 5}, "record", "wrong_type"),
    ({"parts": "yes"}, "parts", "wrong_type"),
    ({"public": True}, "public", "unknown_field"),
]


@pytest.mark.parametrize(("body", "field", "code"), BODIES)
def test_what_cannot_be_reserved(files: Files, body: dict[str, Any], field: str, code: str) -> None:
    answer = files.reserve("ada", "photo", b"x", "image/png", **body)
    assert answer.status == 422
    assert (answer.json["errors"][0]["field"], answer.json["errors"][0]["code"]) == (field, code)


def test_a_file_belongs_to_the_field_of_one_record_of_who_reserved_it(files: Files) -> None:
    mine, other = files.send(), files.send(who="bob")
    refused = [
        ("ada", {"photo": other}),  # another's
        ("ada", {"badge": mine}),  # for another field
        ("ada", {"photo": "0" * 26}),
        ("ada", {"papers": [mine]}),
    ]
    for who, values in refused:
        answer = files.record(who, **values)
        assert (answer.status, answer.json["errors"][0]["code"]) == (422, "file_not_found"), values
    assert files.record("ada", id="one", photo=mine).status == 201
    again = files.record("ada", id="two", photo=mine)
    assert (again.status, again.json["errors"][0]["code"]) == (422, "file_not_found")
    assert files.patch("ada", "one", photo=mine, open=True).status == 200
    one = files.send(field="papers", data=b"1", of="text/plain")
    two = files.send(field="papers", data=b"2", of="text/plain")
    twice = files.patch("ada", "one", papers=[one, one])
    assert (twice.status, twice.json["errors"][0]["code"]) == (422, "duplicate_item")
    assert files.patch("ada", "one", papers=[one]).status == 200
    assert files.patch("ada", "one", papers={"$append": [two]}).json["papers"] == [one, two]
    for wrong in ("x", 5, ["0" * 26], {"id": mine}, mine.upper()):
        assert files.record("ada", photo=wrong).status == 422


def test_a_file_is_taken_once_within_a_batch_and_when_records_race_for_it(files: Files) -> None:
    for atomic in (True, False):
        mine = files.send()
        operations = [
            {"method": "create", "collection": "profiles", "body": {"photo": mine}}
            for _ in range(2)
        ]
        body = {"atomic": atomic, "operations": operations}
        answer = files.api("POST", "/batch", body=body, token=files.api.token("ada"))
        if atomic:
            assert answer.status == 422, answer
            assert answer.json["errors"][0]["code"] == "file_not_found"
        else:
            assert [one["status"] for one in answer.json["results"]] == [201, 422]


def test_a_file_that_is_not_ready_is_not_taken(files: Files) -> None:
    data = png()
    made = files.reserve("ada", "photo", data, "image/png").json
    for _ in range(2):
        answer = files.record("ada", photo=made["file"]["id"])
        assert (answer.status, answer.json["errors"][0]["code"]) == (422, "file_not_ready")
        assert files.read("ada", made["file"]["id"]).status == 404
        files.post(made["upload"], data)
    files.judge()
    assert files.record("ada", photo=made["file"]["id"]).status == 201


def test_what_is_public_is_read_by_all_who_have_its_address(files: Files) -> None:
    badge = files.send(field="badge")
    assert files.read(None, badge).status == 404  # until a record holds it
    assert files.record("ada", id="shut", badge=badge, open=False).status == 201
    answer = files.read(None, badge)
    assert (answer.status, answer.headers["Cache-Control"]) == (302, "public, max-age=240")
    got = files.ask("GET", answer.headers["Location"])
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert files.patch("ada", "shut", badge=None).status == 200
    assert files.read(None, badge).status == 404


def test_conditional_reads_and_links(files: Files) -> None:
    photo = files.send()
    files.record("ada", photo=photo)
    first = files.read("bob", photo)
    etag = first.headers["ETag"]
    assert files.read("bob", photo, **{"If-None-Match": f'W/{etag}, "x"'}).status == 304
    assert files.read("bob", photo, **{"If-None-Match": '"x"'}).status == 302
    assert files.read("bob", photo, "?thumb=40x40").headers["ETag"] != etag
    assert files.read("bob", photo, "?thumb=41x41").status == 404
    assert files.read("bob", photo, "?thumb=../../x").code == "invalid_parameter"
    saved = files.read("bob", photo, "?download=true").headers["Location"]
    told = files.ask("GET", saved).headers["content-disposition"]
    assert told == 'attachment; filename="a file.png"'
    token = files.api.token("bob")
    body = {"expires_in": 60, "thumb": "40x40", "download": True}
    link = files.api("POST", f"/files/{photo}/link", body=body, token=token).json
    assert files.ask("GET", link["url"]).status_code == 200
    for wrong in ({"expires_in": 0}, {"expires_in": 3601}, {"thumb": 5}, {"x": 1}):
        answer = files.api("POST", f"/files/{photo}/link", body=wrong, token=token)
        assert answer.status == 422


def test_keys_read_and_write_files_by_their_scopes(files: Files) -> None:
    from covey.identity.scopes import asked

    assert asked({"profiles": ["read"]}, None).meet("reads")
    assert not asked({"profiles": ["create"]}, None).meet("reads")


def test_a_row_of_an_import_that_comes_again_keeps_its_file(files: Files) -> None:
    mine, others = files.send(), files.send(who="bob")
    ada = Principal(Kind.USER, "ada")
    row = {"record_id": "row-1", "derived": False, "upsert": False}
    for _ in range(2):
        services().records.put_row(ada, "profiles", {"photo": mine}, **row)
    with pytest.raises(Invalid, match="file"):
        services().records.put_row(
            ada, "profiles", {"photo": others}, **{**row, "record_id": "row-2"}
        )
    assert files.known(mine).record == "row-1"


def test_files_of_another_tenant_are_not_there(files: Files) -> None:
    users = {**USERS, "fields": {"org": {"type": "text", "write": "false"}}}
    services().catalog.save(load(users, previous=services().catalog.get("users")))
    vaults = {
        "name": "vaults",
        "ids": "custom",
        "tenant": "org",
        "fields": {"org": {"type": "text"}, "paper": {"type": "file"}},
        "rules": dict.fromkeys(("read", "create", "update", "delete"), "auth != null"),
    }
    every = {one.name: one for one in services().catalog.all()}
    services().catalog.save(load_all([users, vaults], every)["vaults"])
    tokens = {}
    for who, org in (("ann", "a"), ("abe", "a"), ("ben", "b")):
        tokens[who] = files.api.token(who)
        store, there = services().record_store, services().catalog.get("users")
        before = store.get(there, who, consistent=True)
        assert before is not None
        values = {**before.values, "org": org}
        store.update(there, before, replace(before, version=before.version + 1, values=values))
    paper = files.send(who="ann", field="paper", data=b"x", of="text/plain", collection="vaults")
    body = {"paper": paper}
    made = files.api("PUT", "/records/vaults/v", body=body, token=tokens["ann"])
    assert made.status == 201, made
    assert files.read("abe", paper).status == 302
    assert files.read("ben", paper).status == 404
    more = {"collection": "vaults", "record": "v"}
    assert files.reserve("abe", "paper", b"x", "text/plain", **more).status == 201
    assert files.reserve("ben", "paper", b"x", "text/plain", **more).status == 404
