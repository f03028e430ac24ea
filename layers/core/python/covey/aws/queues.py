"""`covey.jobs.queue.JobQueue` and `covey.hooks.telling.Letterbox` over SQS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from covey.errors import Unavailable

MOST_MESSAGES, MOST_BYTES = 10, 1_000_000  # of one SendMessageBatch, with room for attributes


class SqsJobQueue:
    """One queue by its URL; the client is made on first use and is safe between threads."""

    def __init__(self, url: str, *, client: Any = None) -> None:
        self._url = url
        self._given = client

    @cached_property
    def _sqs(self) -> Any:
        config = Config(
            connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 4}
        )
        return self._given or boto3.client("sqs", config=config)

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Queue a message of JSON, to be seen after `delay_s` seconds (0 to 900)."""
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=json.dumps(body, separators=(",", ":")),
            DelaySeconds=delay_s,
        )


class SqsLetterbox:
    """Messages that are text already, many at a time, to whichever queue."""

    def __init__(self, *, client: Any = None) -> None:
        self._given = client

    @cached_property
    def _sqs(self) -> Any:
        config = Config(
            connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 4}
        )
        return self._given or boto3.client("sqs", config=config)

    def post(self, url: str, bodies: Sequence[str]) -> None:
        """Queue all of them; raises Unavailable where some were not taken."""
        for batch in _batches(bodies):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            if failed := answer.get("Failed"):
                raise Unavailable(f"{len(failed)} messages were not queued: {failed[0]['Code']}")


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == MOST_MESSAGES or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
