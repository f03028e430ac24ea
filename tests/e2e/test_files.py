"""A real picture through a real gateway, with kill -9 between its arrival and its judgement."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.e2e.running import Running, User, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ALBUMS = """
name: albums
fields:
  title: {type: text}
  photo: {type: file, types: [image/*], thumbs: [50x50]}
  tapes: {type: file, list: true, max_size: 100000000}
rules: {read: "true", create: auth != null, update: auth != null, delete: auth != null}
"""


@pytest.fixture
def covey(tmp_path: Path) -> Iterator[Running]:
    collections = tmp_path / "collections"
    collections.mkdir()
    (collections / "albums.yaml").write_text(ALBUMS)
    running = Running(tmp_path, collections=collections).start()
    yield running
    running.close()


def photograph() -> bytes:
    """A JPEG as a camera makes it: lying on its side, with a position."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCamera"
    target = BytesIO()
    Image.effect_noise((800, 600), 60).convert("RGB").save(target, "JPEG", exif=exif)
    return target.getvalue()


def reserve(who: User, field: str, data: bytes, of: str, **more: Any) -> Any:
    body = {"collection": "albums", "field": field, "name": "x", "type": of, "size": len(data)}
    answer = who.http.post("/files", json={**body, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def ready(who: User, file_id: str) -> Any:
    def look() -> Any:
        about = who.http.get(f"/files/{file_id}/about").json()
        return about if about["state"] in ("ready", "refused") else None

    return until(look, f"{file_id} judged")


def test_a_picture_is_sent_judged_shown_and_goes_with_its_record(covey: Running) -> None:
    ann = covey.sign_up("ann@example.org")
    data = photograph()
    made = reserve(ann, "photo", data, "image/jpeg")
    upload, file_id = made["upload"], made["file"]["id"]
    with httpx.Client() as anybody:
        sent = anybody.post(upload["url"], data=upload["fields"], files={"file": data})
        assert sent.status_code == 204, sent.text
    covey.crash()
    covey.start()
    ann = covey.sign_in("ann@example.org")
    about = ready(ann, file_id)
    assert (about["state"], about["width"], about["height"]) == ("ready", 600, 800), about
    record = ann.http.post("/records/albums", json={"title": "one", "photo": file_id}).json()
    guest = covey.client()
    for query, size in (("", (600, 800)), ("?thumb=50x50", (37, 50))):
        got = guest.get(f"/files/{file_id}{query}", follow_redirects=True)
        assert got.status_code == 200
        assert Image.open(BytesIO(got.content)).size == size
        assert b"SecretCamera" not in got.content
        assert got.headers["x-content-type-options"] == "nosniff"
    part = guest.get(f"/files/{file_id}", headers={"Range": "bytes=0-1"}, follow_redirects=True)
    assert (part.status_code, part.content) == (206, b"\xff\xd8")
    tape = bytes(20_000_000)
    made = reserve(ann, "tapes", tape, "application/octet-stream", parts=True)
    tape_id, size = made["file"]["id"], made["upload"]["parts"]["part_size"]
    numbers = {"numbers": [1, 2]}
    for link in ann.http.post(f"/files/{tape_id}/parts", json=numbers).json()["parts"]:
        at = (link["number"] - 1) * size
        assert httpx.put(link["url"], content=tape[at : at + link["size"]]).status_code == 200
    assert ann.http.post(f"/files/{tape_id}/complete").status_code == 202
    assert ready(ann, tape_id)["state"] == "ready"
    one = f"/records/albums/{record['id']}"
    assert ann.http.patch(one, json={"tapes": [tape_id]}).status_code == 200
    assert guest.get(f"/files/{tape_id}").status_code == 302
    stored = covey.folder / "data" / "files"
    assert list(stored.rglob("*@meta"))
    assert ann.http.delete(one).status_code == 204
    assert guest.get(f"/files/{file_id}").status_code == 404
    until(lambda: not list(stored.rglob("*@meta")), "the files to go with their record")
