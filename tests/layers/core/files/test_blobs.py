from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from covey.aws.s3 import S3Blobs
from covey.errors import BadRequest, Conflict, NotFound
from covey.files.blobs import MIN_PART, Blobs
from covey.files.directory import Directory, DirectoryBlobs
from covey.testing.blobs import MemoryBlobs


@pytest.fixture(params=["memory", "directory", "s3"])
def blobs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Blobs]:
    if request.param == "memory":
        yield MemoryBlobs()
    elif request.param == "directory":
        yield DirectoryBlobs(tmp_path, "files", secret="s", public_url="http://here")
    else:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        with mock_aws():
            boto3.client("s3").create_bucket(Bucket="files")
            yield S3Blobs("files")


KEYS = [
    "a",
    "a/b",
    "a/b/c.txt",
    "A/B",
    "../../etc/passwd",
    "/absolute",
    "with space+plus%2F?#&",
    "naïve/文.txt",
    "double//slash",
    ".hidden",
    "con:*|",
    "x" * 300,
    "y/" * 300 + "z",
]


class TestBlobs:
    @pytest.mark.parametrize("key", KEYS)
    def test_what_was_put_is_got(self, blobs: Blobs, key: str) -> None:
        stored = blobs.put(key, b"hello", content_type="text/plain")
        assert blobs.get(key) == b"hello"
        assert blobs.head(key) == stored
        assert (stored.key, stored.size, stored.content_type) == (key, 5, "text/plain")
        assert stored.etag == "5d41402abc4b2a76b9719d911017c592"

    def test_keys_that_look_alike_are_apart(self, blobs: Blobs) -> None:
        keys = [*KEYS[:11], "a%2fb", "a@meta"]
        for key in keys:
            blobs.put(key, key.encode(), content_type="text/plain")
        assert [blobs.get(key).decode() for key in keys] == keys

    def test_a_put_replaces(self, blobs: Blobs) -> None:
        blobs.put("k", b"one", content_type="text/plain")
        blobs.put("k", [b"tw", b"o!"], content_type="text/csv")
        assert blobs.get("k") == b"two!"
        assert blobs.head("k").content_type == "text/csv"

    @pytest.mark.parametrize(("start", "rest"), [(0, b"abcdef"), (4, b"ef"), (6, b""), (9, b"")])
    def test_a_stream_starts_anywhere(self, blobs: Blobs, start: int, rest: bytes) -> None:
        blobs.put("k", b"abcdef", content_type="text/plain")
        assert b"".join(blobs.stream("k", start=start)) == rest

    def test_an_empty_object(self, blobs: Blobs) -> None:
        blobs.put("k", b"", content_type="text/plain")
        assert blobs.get("k") == b""

    def test_what_is_not_there(self, blobs: Blobs) -> None:
        blobs.delete("gone")
        for read in (blobs.get, blobs.head, blobs.stream):
            with pytest.raises(NotFound):
                read("gone")

    def test_deleted_is_gone(self, blobs: Blobs) -> None:
        blobs.put("k", b"x", content_type="text/plain")
        blobs.delete("k")
        with pytest.raises(NotFound):
            blobs.get("k")

    @pytest.mark.parametrize("key", ["", "x" * 1025, "\ud800"])
    def test_bad_keys(self, blobs: Blobs, key: str) -> None:
        with pytest.raises(BadRequest, match="invalid_key"):
            blobs.put(key, b"", content_type="text/plain")

    def test_an_upload_is_signed_for_its_type(self, blobs: Blobs) -> None:
        signed = blobs.sign_upload("a/b", "text/csv", 100, 60, size=10)
        assert signed["method"] == "PUT"
        assert signed["headers"] == {"Content-Type": "text/csv"}
        with pytest.raises(BadRequest, match="invalid_size"):
            blobs.sign_upload("a/b", "text/csv", 100, 60, size=101)
        assert blobs.sign_download("a/b", 60, filename="b.csv")

    def test_parts_become_the_object_when_they_are_joined(self, blobs: Blobs) -> None:
        upload = blobs.begin_parts("a/b", "text/csv")
        big, other = b"x" * MIN_PART, b"y" * MIN_PART
        tags = [
            blobs.put_part("a/b", upload, number, data) for number, data in ((1, big), (2, b"z"))
        ]
        with pytest.raises(NotFound):
            blobs.head("a/b")
        tags[0] = blobs.put_part("a/b", upload, 1, other)
        blob = blobs.join_parts("a/b", upload, tags)
        assert (blob.size, blob.content_type) == (MIN_PART + 1, "text/csv")
        assert blobs.get("a/b") == other + b"z"

    def test_parts_that_were_joined_or_dropped_are_gone(self, blobs: Blobs) -> None:
        joined, dropped = blobs.begin_parts("k", "text/csv"), blobs.begin_parts("k", "text/csv")
        tags = [blobs.put_part("k", joined, 1, b"x")]
        blobs.join_parts("k", joined, tags)
        blobs.put_part("k", dropped, 1, b"y")
        blobs.drop_parts("k", dropped)
        assert blobs.get("k") == b"x"
        if isinstance(blobs, S3Blobs):  # which says NoSuchUpload, where moto fails
            return
        for upload in (joined, dropped, "../..", "never"):
            blobs.drop_parts("k", upload)
            with pytest.raises(NotFound):
                blobs.put_part("k", upload, 1, b"z")
            with pytest.raises(NotFound):
                blobs.join_parts("k", upload, tags)
        assert blobs.get("k") == b"x"

    def test_the_parts_that_arrived_are_listed_the_last_of_each(self, blobs: Blobs) -> None:
        upload = blobs.begin_parts("k", "text/csv")
        assert blobs.parts("k", upload) == []
        blobs.put_part("k", upload, 2, b"last")
        blobs.put_part("k", upload, 1, b"y" * MIN_PART)
        tag = blobs.put_part("k", upload, 1, b"x" * (MIN_PART + 1))
        first, second = blobs.parts("k", upload)
        assert first == (1, MIN_PART + 1, tag)
        assert second[:2] == (2, 4)
        blobs.join_parts("k", upload, [first.tag, second.tag])
        assert blobs.get("k") == b"x" * (MIN_PART + 1) + b"last"
        assert blobs.sign_part("k", upload, 1, 4, 60)["method"] == "PUT"

    def test_a_copy_is_of_the_bytes_that_were_looked_at(self, blobs: Blobs) -> None:
        seen = blobs.put("uploads/k", b"one", content_type="text/plain")
        copied = blobs.copy("uploads/k", "files/k", etag=seen.etag, content_type="text/csv")
        assert (copied.key, copied.size, copied.content_type) == ("files/k", 3, "text/csv")
        blobs.put("uploads/k", b"two", content_type="text/plain")
        with pytest.raises(Conflict, match="object_replaced"):
            b"".join(blobs.stream("uploads/k", etag=seen.etag))
        if isinstance(blobs, S3Blobs):  # moto passes over the condition: see below
            return
        with pytest.raises(Conflict, match="object_replaced"):
            blobs.copy("uploads/k", "files/k", etag=seen.etag, content_type="text/csv")
        assert blobs.get("files/k") == b"one"
        with pytest.raises(NotFound):
            blobs.copy("gone", "files/k", etag="x", content_type="text/csv")

    def test_a_form_is_signed_for_its_type_and_size(self, blobs: Blobs) -> None:
        form = blobs.sign_form("uploads/k", "text/csv", 10, 60)
        assert form["method"] == "POST"
        assert (form["fields"]["key"], form["fields"]["Content-Type"]) == ("uploads/k", "text/csv")

    def test_a_part_that_another_wrote_is_not_joined(self, blobs: Blobs) -> None:
        upload = blobs.begin_parts("k", "text/csv")
        blobs.put_part("k", upload, 1, b"x")
        with pytest.raises(Conflict, match="part_replaced"):
            blobs.join_parts("k", upload, ["0" * 32])
        with pytest.raises(NotFound):
            blobs.head("k")


def test_s3_signs_type_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=boto3.session.Config(signature_version="s3v4"),
    )
    signed = S3Blobs("files", client=client).sign_upload("k", "text/csv", 100, 60, size=10)
    query = parse_qs(urlsplit(signed["url"]).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert query["X-Amz-Expires"] == ["60"]


def test_s3_is_asked_to_copy_what_was_looked_at_or_nothing() -> None:
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stub:
        stub.add_client_error(
            "copy_object",
            "PreconditionFailed",
            http_status_code=412,
            expected_params={
                "Bucket": "files",
                "Key": "files/k",
                "CopySource": {"Bucket": "files", "Key": "uploads/k"},
                "CopySourceIfMatch": "tag",
                "ContentType": "text/csv",
                "MetadataDirective": "REPLACE",
            },
        )
        with pytest.raises(Conflict, match="object_replaced"):
            S3Blobs("files", client=client).copy(
                "uploads/k", "files/k", etag="tag", content_type="text/csv"
            )


def test_s3_signs_the_policy_of_a_form() -> None:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=boto3.session.Config(signature_version="s3v4"),
    )
    form = S3Blobs("files", client=client).sign_form("uploads/k", "text/csv", 10, 60)
    conditions = json.loads(b64decode(form["fields"]["policy"]))["conditions"]
    assert ["content-length-range", 10, 10] in conditions
    assert {"Content-Type": "text/csv"} in conditions
    assert {"key": "uploads/k"} in conditions
    assert {"bucket": "files"} in conditions
    part = S3Blobs("files", client=client).sign_part("uploads/k", "u", 3, 10, 60)
    query = parse_qs(urlsplit(part["url"]).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert (query["partNumber"], query["uploadId"]) == (["3"], ["u"])


def test_nothing_leaves_the_directory(tmp_path: Path) -> None:
    root = tmp_path / "files"
    store = DirectoryBlobs(root, "files", secret="s", public_url="http://here")
    for key in ("../x", "../../x", "/etc/x", "a/../../../x", "..", ".", "./x", "\0", "a\0b"):
        store.put(key, b"", content_type="text/plain")
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
    assert {path.name for path in root.iterdir()} == {"files", ".events", ".incoming"}
    for bucket in ("..", ".events", "a/b", "", "UP", "x"):
        with pytest.raises(NotFound):
            Directory(root).head(bucket, "k")


def test_replaced_bytes_do_not_pile_up(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path, "files", secret="s", public_url="")
    for _ in range(3):
        store.put("k", b"x", content_type="text/plain")
    assert len(list((tmp_path / "files").iterdir())) == 2
    store.delete("k")
    assert list((tmp_path / "files").iterdir()) == []
    assert list((tmp_path / ".incoming").iterdir()) == []


class Crash(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("step", range(8))
def test_a_crash_in_a_write_leaves_the_old_object_or_the_new_one_with_its_event(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryBlobs(tmp_path, "files", secret="s", public_url="")
    store.put("k", b"old", content_type="text/plain")
    for marker in (tmp_path / ".events").iterdir():
        marker.unlink()
    real, left = Path.rename, [step]

    def rename(self: Path, target: Path) -> Path:
        if left[0] == 0:
            raise Crash
        left[0] -= 1
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    try:
        store.put("k", b"new", content_type="text/plain")
    except Crash:
        crashed = True
    else:
        crashed = False
    monkeypatch.setattr(Path, "rename", real)
    Directory(tmp_path).settle()
    markers = [path.suffix for path in (tmp_path / ".events").iterdir()]
    new = store.get("k") == b"new"
    assert markers == ([".ready"] if new else [])
    assert crashed or new
    assert list((tmp_path / ".incoming").iterdir()) == []
