from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from covey.errors import NotFound
from covey.files.directory import Directory, DirectoryBlobs
from infra.gateway.blobs import FilesApp
from infra.gateway.city import UploadTrigger
from infra.gateway.deliveries import Deliveries
from infra.gateway.state import State
from infra.gateway.uploads import Uploads
from tests.infra.gateway.twins import Functions, ManualClock, city

TRIGGER = UploadTrigger("imports", "work", "files", ("s3:ObjectCreated:*",), prefix="imports/")


class World:
    def __init__(self, folder: Path, *triggers: UploadTrigger) -> None:
        self.clock = ManualClock()
        self.nudges = 0
        self.directory = Directory(folder / "files")
        self.blobs = DirectoryBlobs(
            folder / "files",
            "files",
            secret="secret",
            public_url="http://here",
            now=self.clock.now,
        )
        self.app = FilesApp(self.directory, secret="secret", stored=self.stored, now=self.clock.now)
        self.state = State(folder / "s.db")
        self.functions = Functions(work=lambda event: None)
        made = city(uploads=triggers or (TRIGGER,))
        self.deliveries = Deliveries(
            self.state,
            made,
            invoker=self.functions,
            clock=self.clock,
            dead_letter=lambda name, letter: None,
        )
        self.uploads = Uploads(
            self.state,
            made,
            directory=self.directory,
            deliveries=self.deliveries,
            clock=self.clock,
        )

    def stored(self) -> None:
        self.nudges += 1

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())

    def put(self, data: bytes = b"a,b\n1,2\n", key: str = "imports/x.csv") -> httpx.Response:
        signed = self.blobs.sign_upload(key, "text/csv", 100, 60)
        return self.request("PUT", signed["url"], content=data, headers=signed["headers"])

    def events(self) -> list[Any]:
        self.uploads.collect()

        async def deliver() -> None:
            task = asyncio.create_task(self.deliveries.run())
            while self.deliveries.waiting():
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(deliver())
        return [event["Records"][0] for _, event in self.functions.calls]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_upload_is_stored_and_announced_as_s3_does(world: World) -> None:
    answer = world.put(key="imports/my file+ä.csv")
    assert answer.status_code == 200
    assert world.nudges == 1
    assert world.blobs.get("imports/my file+ä.csv") == b"a,b\n1,2\n"
    (record,) = world.events()
    assert record["s3"]["bucket"]["name"] == "files"
    assert record["s3"]["object"] == {
        "key": "imports/my+file%2B%C3%A4.csv",
        "size": 8,
        "eTag": answer.headers["etag"].strip('"'),
        "sequencer": record["s3"]["object"]["sequencer"],
    }
    assert record["eventName"] == "ObjectCreated:Put"
    assert set(record) == {
        *("eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "userIdentity"),
        *("requestParameters", "responseElements", "s3"),
    }
    assert world.functions.kinds == ["upload"]


def test_what_a_function_stores_is_announced_too(world: World) -> None:
    world.blobs.put("imports/y", b"", content_type="text/plain")
    world.blobs.put("elsewhere/y", b"", content_type="text/plain")
    assert [record["s3"]["object"]["key"] for record in world.events()] == ["imports/y"]


def test_filters_and_removals(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        UploadTrigger("made", "work", "files", ("s3:ObjectCreated:Put",), suffix=".csv"),
        UploadTrigger("gone", "work", "files", ("s3:ObjectRemoved:*",)),
        UploadTrigger("other", "work", "others", ("s3:ObjectCreated:*",)),
    )
    for key in ("a.csv", "a.txt"):
        world.blobs.put(key, b"x", content_type="text/plain")
    world.blobs.delete("a.txt")
    found = sorted((r["eventName"], r["s3"]["object"]["key"]) for r in world.events())
    assert found == [("ObjectCreated:Put", "a.csv"), ("ObjectRemoved:Delete", "a.txt")]


def test_a_crash_between_the_rows_and_the_marker_announces_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put()

    def crash(self: Path, missing_ok: bool = False) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(OSError):
            world.uploads.collect()
    assert len(world.events()) == 1


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "another type": ({"headers": {"content-type": "text/html"}}, 403, "wrong_type"),
    "no type": ({"headers": {}}, 403, "wrong_type"),
    "too many bytes": ({"content": b"x" * 101}, 413, "too_large"),
    "no length": ({"chunked": True}, 411, "length_required"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_uploads_that_do_not_keep_to_their_link(case: str, world: World) -> None:
    change, status, code = REFUSED[case]
    signed = world.blobs.sign_upload("imports/x", "text/csv", 100, 60)
    asked: dict[str, Any] = {"headers": signed["headers"], "content": b"x", **change}
    if asked.pop("chunked", False):
        asked["content"] = _pieces()
    answer = world.request("PUT", signed["url"], **asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.events() == []
    with pytest.raises(NotFound):
        world.blobs.head("imports/x")


async def _pieces() -> AsyncIterator[bytes]:
    yield b"x"


def test_a_body_that_is_not_what_it_said_leaves_nothing(world: World) -> None:
    signed = world.blobs.sign_upload("imports/x", "text/csv", 100, 60, size=10)
    for content, said in ((b"x" * 9, "9"), (b"x" * 9, "10"), (b"x" * 11, "10")):
        fields = {**signed["headers"], "content-length": said}
        answer = world.request("PUT", signed["url"], content=content, headers=fields)
        assert answer.status_code == 400
    assert list((world.directory.events.parent / ".incoming").iterdir()) == []
    with pytest.raises(NotFound):
        world.blobs.head("imports/x")


def tamper(url: str) -> dict[str, tuple[str, str]]:
    return {
        "another key": ("PUT", url.replace("imports/x", "imports/y")),
        "a larger limit": ("PUT", url.replace("max=100", "max=1000")),
        "a later expiry": ("PUT", url.replace("expires=18", "expires=19")),
        "another type": ("PUT", url.replace("text%2Fcsv", "text%2Fhtml")),
        "another method": ("GET", url),
        "another bucket": ("PUT", url.replace("/files/", "/others/")),
        "no signature": ("PUT", url.partition("&signature")[0]),
        "a short signature": ("PUT", url[:-1]),
        "a signature beyond ASCII": ("PUT", url[:-1] + "%C3%A4"),
        "one parameter more": ("PUT", url + "&x=1"),
        "a parameter twice": ("PUT", url + "&max=1000"),
        "no query": ("PUT", url.partition("?")[0]),
        "a way out": ("PUT", url.replace("imports/x", "imports/..%2f..%2f..%2fx")),
    }


@pytest.mark.parametrize("case", tamper(""))
def test_altered_links_are_refused(case: str, world: World) -> None:
    signed = world.blobs.sign_upload("imports/x", "text/csv", 100, 60)
    method, url = tamper(signed["url"])[case]
    answer = world.request(method, url, content=b"x", headers=signed["headers"])
    assert (answer.status_code, answer.json()["code"]) == (403, "invalid_link")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_links_expire(world: World) -> None:
    signed = world.blobs.sign_upload("imports/x", "text/csv", 100, 60)
    world.clock.time += 61
    assert world.request("PUT", signed["url"], headers=signed["headers"]).status_code == 403


def test_downloads_never_render(world: World) -> None:
    world.blobs.put("page", b"<script>", content_type="text/html")
    url = world.blobs.sign_download("page", 60, filename='ev"il\r\n.html')
    answer = world.request("GET", url)
    assert answer.content == b"<script>"
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''ev%22il%0D%0A.html"
    )
    assert world.request("HEAD", url).headers["content-length"] == "8"
    same = world.request("GET", url, headers={"if-none-match": answer.headers["etag"]})
    assert same.status_code == 304


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-1", 206, b"ab"),
        ("bytes=3-", 206, b"def"),
        ("bytes=-2", 206, b"ef"),
        ("bytes=2-99", 206, b"cdef"),
        ("bytes=0-5", 200, b"abcdef"),
        ("bytes=9-", 416, None),
        ("bytes=0-1,3-4", 200, b"abcdef"),
        ("lines=1", 200, b"abcdef"),
    ],
)
def test_ranges(asked: str, status: int, body: bytes | None, world: World) -> None:
    world.blobs.put("k", b"abcdef", content_type="text/plain")
    answer = world.request("GET", world.blobs.sign_download("k", 60), headers={"range": asked})
    assert answer.status_code == status
    if body is not None:
        assert answer.content == body


def test_empty_missing_preflight_and_other_methods(world: World) -> None:
    world.blobs.put("empty", b"", content_type="text/plain")
    assert world.request("GET", world.blobs.sign_download("empty", 60)).content == b""
    assert world.request("GET", world.blobs.sign_download("none", 60)).status_code == 404
    assert world.request("OPTIONS", "http://here/_files/files/k").status_code == 204
    assert world.request("DELETE", "http://here/_files/files/k").status_code == 405
