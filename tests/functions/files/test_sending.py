"""What is sent is judged: files that lie, forms sent again, parts, and files given up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from covey.files.model import PART, kept_key, upload_key
from covey.wiring import services
from tests.functions.files.house import Files, png

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
HTML = b"<!doctype html><script>alert(1)</script>"

LIES: dict[str, tuple[str, bytes, str, str]] = {
    "a page as a picture": ("photo", HTML, "image/png", "wrong_type"),
    "another picture": ("photo", png(), "image/jpeg", "wrong_type"),
    "a beginning alone": ("photo", b"\x89PNG\r\n\x1a\n" + HTML, "image/png", "damaged_picture"),
    "half a picture": ("photo", png(300, 300)[:200], "image/png", "damaged_picture"),
    "a program as text": ("papers", b"\x7fELF\0\0", "text/plain", "not_text"),
    "no text": ("papers", b"abc\xff\xfe", "text/csv", "not_text"),
    "a character that is cut": ("papers", "ü".encode()[:1], "text/plain", "not_text"),
    "a program as something else": ("papers", b"MZ\x90", "model/stl", "wrong_type"),
    "a page as PDF": ("papers", HTML, "application/pdf", "wrong_type"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_lies_is_refused_and_nothing_of_it_stays(files: Files, name: str) -> None:
    field, data, of, reason = LIES[name]
    file_id = files.send(field=field, data=data, of=of)
    about = files.about("ada", file_id).json
    assert (about["state"], about["reason"], about["url"]) == ("refused", reason, None)
    assert files.stored() == []
    assert files.read("ada", file_id).status == 404
    value: Any = [file_id] if field == "papers" else file_id
    answer = files.record("ada", **{field: value})
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "file_not_ready")


@pytest.mark.parametrize(
    ("data", "of"),
    [(SVG, "image/svg+xml"), (HTML, "text/html"), (b"%PDF-1.4", "application/pdf"), (b"x", "a/b")],
)
def test_what_could_run_is_saved_and_never_shown(files: Files, data: bytes, of: str) -> None:
    paper = files.send(field="papers", data=data, of=of, name="x\u202e.svg")
    files.record("ada", papers=[paper])
    answer = files.ask("GET", files.read("ada", paper).headers["Location"])
    assert answer.content == data
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_form_that_is_sent_again_changes_nothing(files: Files) -> None:
    data = png(color="red")
    made = files.reserve("ada", "photo", data, "image/png").json
    file_id, upload = made["file"]["id"], made["upload"]
    other = png(color="blue")
    assert files.post(upload, data).status_code == 204
    files.judge()
    files.record("ada", photo=file_id)
    before, stored = files.known(file_id), files.stored()
    for again in (data, other.ljust(len(data))[: len(data)]):
        assert files.post(upload, again).status_code == 204
        files.judge()
        files.event(upload_key(file_id))
        assert (files.known(file_id), files.stored()) == (before, stored)


def test_an_event_that_comes_twice_or_for_nothing_changes_nothing(files: Files) -> None:
    file_id = files.send()
    before = files.known(file_id)
    for key in (
        upload_key(file_id),
        upload_key("0" * 26),
        "uploads/x",
        "uploads/../x",
        "imports/x",
    ):
        files.event(key)
    assert files.known(file_id) == before


def test_an_object_that_is_replaced_while_it_is_judged_is_judged_again(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"%PDF-1.4 is what it is"
    made = files.reserve("ada", "papers", data, "application/pdf").json
    files.post(made["upload"], data)
    blobs, lie = services().blobs, b"MZ".ljust(len(data))
    real = type(blobs).copy

    def copy(self: Any, source: str, target: str, **more: Any) -> Any:
        monkeypatch.setattr(type(blobs), "copy", real)
        assert files.post(made["upload"], lie).status_code == 204
        return real(self, source, target, **more)

    monkeypatch.setattr(type(blobs), "copy", copy)
    files.judge()
    about = files.about("ada", made["file"]["id"]).json
    assert (about["state"], about["reason"]) == ("refused", "wrong_type")
    assert files.stored() == []


def test_two_that_judge_at_once_keep_one_file(files: Files) -> None:
    for _ in range(5):
        data = png()
        made = files.reserve("ada", "photo", data, "image/png").json
        files.post(made["upload"], data)
        key = upload_key(made["file"]["id"])
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(files.event, [key] * 3))
        known = files.known(made["file"]["id"])
        assert known.state == "ready"
        assert kept_key(known) in files.stored()
        assert key not in files.stored()


def test_a_file_that_was_given_up_while_it_was_sent_leaves_nothing(files: Files) -> None:
    data = png()
    made = files.reserve("ada", "photo", data, "image/png").json
    path = f"/files/{made['file']['id']}"
    assert files.api("DELETE", path, token=files.api.token("ada")).status == 204
    assert files.post(made["upload"], data).status_code == 204
    files.judge()
    assert files.stored() == []
    assert files.about("ada", made["file"]["id"]).status == 404
    assert files.api("DELETE", path, token=files.api.token("ada")).status == 404
    taken = files.send()
    files.record("ada", photo=taken)
    answer = files.api("DELETE", f"/files/{taken}", token=files.api.token("ada"))
    assert (answer.status, answer.code) == (409, "file_attached")


def test_a_field_that_is_gone_refuses_its_uploads(files: Files) -> None:
    from covey.collections.document import load
    from tests.functions.files.house import PROFILES

    data = png()
    made = files.reserve("ada", "photo", data, "image/png").json
    before = services().catalog.get("profiles")
    fields = {name: one for name, one in PROFILES["fields"].items() if name != "photo"}
    services().catalog.save(load({**PROFILES, "fields": fields}, previous=before))
    files.post(made["upload"], data)
    files.judge()
    assert files.about("ada", made["file"]["id"]).json["reason"] == "field_gone"


class TestParts:
    """Large files: in parts, with losses."""

    def begin(self, files: Files, data: bytes) -> str:
        made = files.reserve("ada", "papers", data, "application/octet-stream", parts=True)
        assert made.json["upload"]["parts"] == {"part_size": PART, "count": -(-len(data) // PART)}
        return str(made.json["file"]["id"])

    def call(self, files: Files, method: str, path: str, who: str = "ada", **more: Any) -> Any:
        return files.api(method, f"/files/{path}", token=files.api.token(who), **more)

    def test_parts_arrive_in_any_order_and_are_resumed(self, files: Files) -> None:
        data = bytes(range(256)) * 70_000  # 17.9 MB
        file_id = self.begin(files, data)
        body = {"numbers": [2, 1]}
        links = self.call(files, "POST", f"{file_id}/parts", body=body).json["parts"]
        assert [(one["number"], one["size"]) for one in links] == [
            (2, len(data) - PART),
            (1, PART),
        ]
        assert files.ask("PUT", links[0]["url"], content=data[PART:]).status_code == 200
        assert self.call(files, "GET", f"{file_id}/parts").json["received"] == [2]
        early = self.call(files, "POST", f"{file_id}/complete")
        assert (early.status, early.code) == (409, "parts_missing")
        assert files.ask("PUT", links[1]["url"], content=data[:PART]).status_code == 200
        with ThreadPoolExecutor(3) as pool:
            paths = [f"{file_id}/complete"] * 3
            answers = list(pool.map(lambda path: self.call(files, "POST", path), paths))
        assert [one.status for one in answers] == [202] * 3
        files.judge()
        assert files.about("ada", file_id).json["state"] == "ready"
        assert self.call(files, "POST", f"{file_id}/complete").json["state"] == "ready"
        assert self.call(files, "GET", f"{file_id}/parts").status == 404
        files.record("ada", papers=[file_id])
        url = files.read("ada", file_id).headers["Location"]
        assert files.ask("GET", url, headers={"range": "bytes=-3"}).content == data[-3:]

    def test_parts_of_others_and_parts_that_are_none(self, files: Files) -> None:
        file_id = self.begin(files, b"x" * 100)
        for method, path in (("GET", "parts"), ("POST", "parts"), ("POST", "complete")):
            body = {"body": {"numbers": [1]}} if path == "parts" and method == "POST" else {}
            assert self.call(files, method, f"{file_id}/{path}", who="bob", **body).status == 404
        wrong: list[Any] = [[], [0], [2], [-1], ["1"], [True], [1.5], [None], "1", None, [1] * 101]
        for numbers in wrong:
            answer = self.call(files, "POST", f"{file_id}/parts", body={"numbers": numbers})
            assert answer.status == 422, numbers
        whole = files.reserve("ada", "papers", b"x", "a/b").json["file"]["id"]
        assert self.call(files, "GET", f"{whole}/parts").status == 404
        assert self.call(files, "POST", f"{whole}/complete").status == 404
        assert self.call(files, "DELETE", file_id).status == 204
        assert not list((files.directory._root / ".parts").glob("*"))


def test_a_reservation_is_made_once_for_a_key(files: Files) -> None:
    body = {"collection": "profiles", "field": "photo", "name": "n", "type": "image/png", "size": 9}
    token = files.api.token("ada")
    first, again = (
        files.api("POST", "/files", body=body, token=token, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert first.json["file"]["id"] == again.json["file"]["id"]


def test_size_is_that_of_the_reservation_also_where_the_store_was_not_asked(files: Files) -> None:
    made = files.reserve("ada", "papers", b"abc", "text/plain").json
    services().blobs.put(upload_key(made["file"]["id"]), b"abcd", content_type="text/plain")
    files.judge()
    assert files.about("ada", made["file"]["id"]).json["reason"] == "wrong_size"
    assert replace(files.known(made["file"]["id"])).token == ""
