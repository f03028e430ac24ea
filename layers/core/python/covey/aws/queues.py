"""`covey.jobs.queue.JobQueue` over SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config


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
