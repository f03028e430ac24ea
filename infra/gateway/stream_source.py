"""Reading DynamoDB Streams: from the data engine, or from any other endpoint that has them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Record = Mapping[str, Any]


class StreamError(Exception):
    """An answer other than 200; ``code`` is the last part of AWS's type."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard, and the one it continues."""

    id: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order; ``ended`` when the shard will never have more."""

    records: Sequence[Record]
    ended: bool = False


class ShardReader(Protocol):
    """A place in a shard that moves on with every read."""

    async def read(self) -> Page:
        """The next records, perhaps none."""
        ...


class StreamSource(Protocol):
    """Streams of tables; implemented by `EngineStreams` and by a list in tests."""

    async def latest(self, table: str) -> str | None:
        """The ARN of the table's newest stream, or None while there is none."""
        ...

    async def shards(self, stream: str) -> Sequence[Shard]:
        """The shards that still exist."""
        ...

    def reader(self, stream: str, shard: str, after: str) -> ShardReader:
        """A reader behind this sequence number; "" is the oldest record kept."""
        ...


class EngineStreams:
    """Streams over HTTP, signed, on a few kept-alive connections.

    botocore's own client is not used: it refuses the engine's short identifiers, and costs ten
    times as much per poll.
    """

    def __init__(self, endpoint: str, *, region: str, credentials: Credentials | None) -> None:
        """``credentials`` of None sends made-up ones, which the data engine takes."""
        self._url = _streams_url(endpoint)
        self._signer = SigV4Auth(credentials or Credentials("local", "local"), "dynamodb", region)
        self._pool = urllib3.PoolManager(
            maxsize=4, retries=False, timeout=urllib3.Timeout(connect=2, read=10)
        )
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="gateway-streams")

    async def call(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One operation; raises StreamError, or urllib3's own when the endpoint is away."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, operation, body)

    def _call(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDBStreams_20120810.{operation}",
        }
        request = AWSRequest("POST", self._url, headers=headers, data=json.dumps(body))
        self._signer.add_auth(request)
        answer = self._pool.request(
            "POST", self._url, body=request.data, headers=dict(request.headers.items())
        )
        try:
            document = json.loads(answer.data or b"{}")
        except ValueError:
            document = {}
        if answer.status != 200:
            kind = str(document.get("__type", answer.status)).rpartition("#")[2]
            raise StreamError(kind, str(document.get("message", document.get("Message", ""))))
        return dict(document)

    async def latest(self, table: str) -> str | None:
        """The ARN of the table's newest stream, or None while there is none."""
        try:
            answer = await self.call("ListStreams", {"TableName": table})
        except StreamError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        streams = sorted(answer.get("Streams", []), key=lambda each: str(each["StreamLabel"]))
        return str(streams[-1]["StreamArn"]) if streams else None

    async def shards(self, stream: str) -> list[Shard]:
        """The shards that still exist."""
        found: list[Shard] = []
        request: dict[str, Any] = {"StreamArn": stream}
        while True:
            answer = (await self.call("DescribeStream", request))["StreamDescription"]
            found += [Shard(s["ShardId"], s.get("ParentShardId")) for s in answer["Shards"]]
            if "LastEvaluatedShardId" not in answer:
                return found
            request["ExclusiveStartShardId"] = answer["LastEvaluatedShardId"]

    def reader(self, stream: str, shard: str, after: str) -> ShardReader:
        """A reader behind this sequence number; "" is the oldest record kept."""
        return _EngineReader(self, stream, shard, after)

    def close(self) -> None:
        """Let go of connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()


class _EngineReader:
    def __init__(self, streams: EngineStreams, stream: str, shard: str, after: str) -> None:
        self._streams = streams
        self._place = {"StreamArn": stream, "ShardId": shard}
        self._after = after
        self._iterator: str | None = None

    async def read(self) -> Page:
        try:
            return await self._read()
        except StreamError as error:
            if error.code == "ResourceNotFoundException":
                return Page((), ended=True)  # the table was deleted, perhaps made anew
            if error.code == "TrimmedDataAccessException":
                self._after = ""  # what was there is gone: go on with the oldest that is left
            elif error.code != "ExpiredIteratorException":
                raise
        self._iterator = None
        return await self._read()

    async def _read(self) -> Page:
        if self._iterator is None:
            self._iterator = await self._start()
        answer = await self._streams.call("GetRecords", {"ShardIterator": self._iterator})
        records = answer.get("Records", [])
        self._iterator = answer.get("NextShardIterator")
        if records:
            self._after = records[-1]["dynamodb"]["SequenceNumber"]
        return Page(records, ended=self._iterator is None)

    async def _start(self) -> str:
        start: dict[str, str] = {"ShardIteratorType": "TRIM_HORIZON"}
        if self._after:
            start = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": self._after,
            }
        answer = await self._streams.call("GetShardIterator", self._place | start)
        return str(answer["ShardIterator"])


def _streams_url(endpoint: str) -> str:
    """AWS serves streams beside DynamoDB, on a host of their own; others on the same one."""
    parts = urlsplit(endpoint)
    if parts.netloc.startswith("dynamodb.") and parts.netloc.endswith(".amazonaws.com"):
        return f"{parts.scheme}://streams.{parts.netloc}/"
    return endpoint.rstrip("/") + "/"
