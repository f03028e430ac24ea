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
    assert answer.headers["content-disposition"] == 'attachment; filename="ev_il.html"'
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
        ("bytes=0-5", 206, b"abcdef"),
        ("bytes=5-5", 206, b"f"),
        ("bytes=-99", 206, b"abcdef"),
        ("bytes=9-", 416, None),
        ("bytes=6-6", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=4-2", 200, b"abcdef"),
        ("bytes=-", 200, b"abcdef"),
        ("bytes=0-1,3-4", 200, b"abcdef"),
        ("bytes=" + ",".join(["0-"] * 1000), 200, b"abcdef"),
        ("bytes=0-9999999999999999999", 200, b"abcdef"),
        ("bytes=0x1-2", 200, b"abcdef"),
        ("lines=1", 200, b"abcdef"),
    ],
)
def test_ranges(asked: str, status: int, body: bytes | None, world: World) -> None:
    world.blobs.put("k", b"abcdef", content_type="text/plain")
    answer = world.request("GET", world.blobs.sign_download("k", 60), headers={"range": asked})
    assert answer.status_code == status
    if body is not None:
        assert answer.content == body
    if status == 416:
        assert answer.headers["content-range"] == "bytes */6"


def test_a_range_of_what_has_changed_is_answered_by_the_whole(world: World) -> None:
    world.blobs.put("k", b"abcdef", content_type="text/plain")
    url = world.blobs.sign_download("k", 60)
    etag = world.request("GET", url).headers["etag"]
    for told, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        headers = {"range": "bytes=0-1", "if-range": told}
        assert world.request("GET", url, headers=headers).status_code == status
    for told, status in ((f'"x", W/{etag}', 304), ("*", 304), (etag[1:-1], 200)):
        headers = {"if-none-match": told, "range": "bytes=0-1"}
        assert world.request("GET", url, headers=headers).status_code in (status, 206)


def test_empty_missing_preflight_and_other_methods(world: World) -> None:
    world.blobs.put("empty", b"", content_type="text/plain")
    assert world.request("GET", world.blobs.sign_download("empty", 60)).content == b""
    assert world.request("GET", world.blobs.sign_download("none", 60)).status_code == 404
    assert world.request("OPTIONS", "http://here/_files/files/k").status_code == 204
    assert world.request("DELETE", "http://here/_files/files/k").status_code == 405


class TestForms:
    """Forms with a policy, as S3's presigned POST."""

    def form(self, world: World, size: int = 4, key: str = "uploads/x") -> dict[str, str]:
        return world.blobs.sign_form(key, "text/csv", size, 60)["fields"]

    def post(
        self, world: World, fields: dict[str, str], data: bytes = b"a,b\n", **more: Any
    ) -> httpx.Response:
        url = f"http://here/_files/{more.pop('bucket', 'files')}/"
        return world.request("POST", url, data=fields, files={"file": ("n", data)}, **more)

    def nothing(self, world: World) -> bool:
        with pytest.raises(NotFound):
            world.blobs.head("uploads/x")
        incoming = world.directory._incoming
        return world.nudges == 0 and not (incoming.exists() and list(incoming.iterdir()))

    def test_a_form_that_keeps_to_its_policy_is_stored(self, world: World) -> None:
        answer = self.post(world, self.form(world))
        assert answer.status_code == 204
        assert world.blobs.get("uploads/x") == b"a,b\n"
        assert world.blobs.head("uploads/x").content_type == "text/csv"
        assert world.nudges == 1

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"key": "uploads/y"}, "invalid_policy"),
            ({"Content-Type": "text/html"}, "invalid_policy"),
            ({"acl": "public-read"}, "invalid_policy"),
            ({"signature": "0" * 64}, "invalid_policy"),
            ({"signature": "\u00e9"}, "invalid_policy"),
            ({"policy": ""}, "invalid_policy"),
            ({"policy": "e30="}, "invalid_policy"),
            ({"x": "y" * 21_000}, "invalid_form"),
        ],
    )
    def test_what_is_altered_is_refused(
        self, changed: dict[str, str], code: str, world: World
    ) -> None:
        answer = self.post(world, {**self.form(world), **changed})
        assert answer.json()["code"] == code
        assert self.nothing(world)

    def test_a_missing_field_another_bucket_and_the_time_are_refused(self, world: World) -> None:
        fields = self.form(world)
        for name in fields:
            left = {key: value for key, value in fields.items() if key != name}
            assert self.post(world, left).status_code == 403
        assert self.post(world, fields, bucket="others").status_code == 403
        world.clock.time += 61
        assert self.post(world, fields).json()["code"] == "invalid_policy"
        assert self.nothing(world)

    def test_a_policy_of_another_secret_or_of_a_link_is_none(self, world: World) -> None:
        other = DirectoryBlobs(Path("x"), "files", secret="other", public_url="http://here")
        fields = other.sign_form("uploads/x", "text/csv", 4, 10**9)["fields"]
        assert self.post(world, fields).json()["code"] == "invalid_policy"
        assert self.nothing(world)

    @pytest.mark.parametrize("data", [b"", b"abc", b"abcde", b"x" * 100_000])
    def test_the_size_is_exact(self, data: bytes, world: World) -> None:
        assert self.post(world, self.form(world), data).status_code == 400
        assert self.nothing(world)

    @pytest.mark.parametrize(
        "data", [b"\r\n--x", b"--", b"\r\n", b"\r\n--\r\n--", b"\0\xff\r", b"-" * 70_000]
    )
    def test_bytes_that_look_like_boundaries_come_through(self, data: bytes, world: World) -> None:
        assert self.post(world, self.form(world, len(data)), data).status_code == 204
        assert world.blobs.get("uploads/x") == data

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nothing",
            b"--b\r\n",
            b"--b--\r\n",
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx',
            b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--b--\r\n',
            b"--b\r\n" + b"x" * 50_000,
        ],
    )
    def test_what_is_no_form(self, body: bytes, world: World) -> None:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = world.request("POST", "http://here/_files/files/", content=body, headers=headers)
        assert answer.json()["code"] == "invalid_form"
        assert self.nothing(world)

    def test_a_file_that_is_cut_off_leaves_nothing(self, world: World) -> None:
        fields = self.form(world)
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        last = '--b\r\nContent-Disposition: form-data; name="file"; filename="n"\r\n\r\na,b\n'
        body = "".join(parts) + last
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = world.request("POST", "http://here/_files/files/", content=body, headers=headers)
        assert answer.json()["code"] == "invalid_form"
        assert self.nothing(world)


def test_parts_are_held_to_their_link(world: World) -> None:
    upload = world.blobs.begin_parts("uploads/x", "text/csv")
    signed = world.blobs.sign_part("uploads/x", upload, 2, 4, 60)
    for data, status in ((b"abc", 400), (b"abcde", 400), (b"abcd", 200), (b"wxyz", 200)):
        assert world.request("PUT", signed["url"], content=data).status_code == status
    assert world.blobs.parts("uploads/x", upload)[0][:2] == (2, 4)
    url = signed["url"].replace("part=2", "part=3")
    assert world.request("PUT", url, content=b"abcd").status_code == 403
    world.blobs.drop_parts("uploads/x", upload)
    assert world.request("PUT", signed["url"], content=b"abcd").status_code == 404
