"""`covey.files.blobs.Blobs` over S3."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from covey.errors import NotFound
from covey.files.blobs import (
    Blob,
    Received,
    SignedForm,
    SignedUpload,
    checked_key,
    checked_size,
    replaced_object,
    replaced_part,
)
from covey.files.names import disposition

_CHUNK = 262_144
_IN_MEMORY = 8_388_608  # bytes of a streamed object kept in memory before a file is used
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
_REPLACED = frozenset({"412", "PreconditionFailed"})


class S3Blobs:
    """One bucket; the client is made on first use."""

    def __init__(self, bucket: str, *, client: Any = None) -> None:
        self._bucket = bucket
        self._given = client

    @cached_property
    def _s3(self) -> Any:
        # Links must hold in every region and say what they bind: signature version 4 only.
        config = Config(signature_version="s3v4", retries={"mode": "standard", "max_attempts": 4})
        return self._given or boto3.client("s3", config=config)

    def put(self, key: str, data: bytes | Iterable[bytes], *, content_type: str) -> Blob:
        """Store the bytes durably."""
        if isinstance(data, bytes):
            self._put(key, data, content_type)
        else:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
                for chunk in data:
                    file.write(chunk)
                file.seek(0)
                self._put(key, file, content_type)
        return self.head(key)

    def _put(self, key: str, body: Any, content_type: str) -> None:
        self._s3.put_object(
            Bucket=self._bucket, Key=checked_key(key), Body=body, ContentType=content_type
        )

    def get(self, key: str) -> bytes:
        """All bytes."""
        return b"".join(self.stream(key))

    def stream(self, key: str, start: int = 0, *, etag: str = "") -> Iterator[bytes]:
        """The bytes from this offset on, in pieces."""
        if start and start >= self.head(key).size:
            return iter(())
        span = {"Range": f"bytes={start}-"} if start else {}
        span |= {"IfMatch": f'"{etag}"'} if etag else {}
        body = self._call("get_object", key, **span)["Body"]
        return iter(body.iter_chunks(_CHUNK))

    def head(self, key: str) -> Blob:
        """What is known of the object."""
        found = self._call("head_object", key)
        return Blob(
            key=key,
            size=found["ContentLength"],
            content_type=found["ContentType"],
            etag=found["ETag"].strip('"'),
            modified=int(found["LastModified"].timestamp() * 1000),
        )

    def _call(self, operation: str, key: str, **more: Any) -> Any:
        try:
            return getattr(self._s3, operation)(Bucket=self._bucket, Key=checked_key(key), **more)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise NotFound("file") from error
            if error.response["Error"]["Code"] in _REPLACED:
                raise replaced_object() from error
            raise

    def copy(self, source: str, target: str, *, etag: str, content_type: str) -> Blob:
        """The same bytes under another key; S3 copies up to 5 GB at once."""
        self._call(
            "copy_object",
            target,
            CopySource={"Bucket": self._bucket, "Key": checked_key(source)},
            CopySourceIfMatch=etag,
            ContentType=content_type,
            MetadataDirective="REPLACE",
        )
        return self.head(target)

    def delete(self, key: str) -> None:
        """Forget the object."""
        self._s3.delete_object(Bucket=self._bucket, Key=checked_key(key))

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begin an object that is sent in parts."""
        begun = self._call("create_multipart_upload", key, ContentType=content_type)
        return str(begun["UploadId"])

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Keep a part."""
        kept = self._call("upload_part", key, UploadId=upload, PartNumber=number, Body=data)
        return str(kept["ETag"].strip('"'))

    def join_parts(self, key: str, upload: str, tags: Sequence[str]) -> Blob:
        """Make the parts the object."""
        parts = [{"PartNumber": n, "ETag": f'"{tag}"'} for n, tag in enumerate(tags, 1)]
        joined = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
        try:
            self._call("complete_multipart_upload", key, **joined)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidPart":
                raise replaced_part() from error
            raise
        return self.head(key)

    def drop_parts(self, key: str, upload: str) -> None:
        """Forget the parts."""
        with suppress(NotFound):
            self._call("abort_multipart_upload", key, UploadId=upload)

    def parts(self, key: str, upload: str) -> list[Received]:
        """The parts that are there, from as many pages as they take."""
        found: list[Received] = []
        marker = 0
        while True:
            page = self._call("list_parts", key, UploadId=upload, PartNumberMarker=marker)
            found += [
                Received(part["PartNumber"], part["Size"], part["ETag"].strip('"'))
                for part in page.get("Parts", ())
            ]
            if not page.get("IsTruncated"):
                return found
            marker = page["NextPartNumberMarker"]

    def sign_part(
        self, key: str, upload: str, number: int, size: int, expires: int
    ) -> SignedUpload:
        """A PUT link; the length is part of what is signed."""
        bound = {"UploadId": upload, "PartNumber": number, "ContentLength": size}
        url = self._sign("upload_part", key, expires, **bound)
        return {"method": "PUT", "url": url, "headers": {}}

    def sign_form(self, key: str, content_type: str, size: int, expires: int) -> SignedForm:
        """S3's presigned POST."""
        signed = self._s3.generate_presigned_post(
            Bucket=self._bucket,
            Key=checked_key(key),
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", size, size]],
            ExpiresIn=expires,
        )
        return {"method": "POST", "url": signed["url"], "fields": dict(signed["fields"])}

    def sign_upload(
        self, key: str, content_type: str, max_bytes: int, expires: int, *, size: int | None = None
    ) -> SignedUpload:
        """A PUT link; type and, when given, size are part of what is signed."""
        checked_size(max_bytes, size)
        bound: dict[str, Any] = {"ContentType": content_type}
        if size is not None:
            bound["ContentLength"] = size
        url = self._sign("put_object", key, expires, **bound)
        return {"method": "PUT", "url": url, "headers": {"Content-Type": content_type}}

    def sign_download(
        self,
        key: str,
        expires: int,
        *,
        filename: str | None = None,
        inline: bool = False,
        cache: str = "",
    ) -> str:
        """A GET link that saves the file, or shows it."""
        bound = {"ResponseContentDisposition": disposition(filename or "", inline=inline)}
        bound |= {"ResponseCacheControl": cache} if cache else {}
        return self._sign("get_object", key, expires, **bound)

    def _sign(self, operation: str, key: str, expires: int, **parameters: Any) -> str:
        parameters |= {"Bucket": self._bucket, "Key": checked_key(key)}
        url = self._s3.generate_presigned_url(operation, Params=parameters, ExpiresIn=expires)
        return str(url)
