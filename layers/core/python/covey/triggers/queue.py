"""Queue messages: each alone, failures handed back one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from covey import json as exact
from covey.triggers.clock import Context

Handler = Callable[[Mapping[str, Any], Context], Any]


def queue_handler(work: Callable[[dict[str, Any], Context], None]) -> Handler:
    """A Lambda callable that gives each message's JSON body to `work`.

    A message that raises is reported and comes back after the visibility time-out, at last to
    the dead letters; its neighbours are done (SQS ReportBatchItemFailures).
    """
    return _handler(work, json.loads)


def message_handler(work: Callable[[dict[str, Any], Context], None]) -> Handler:
    """The same, where numbers are read as records keep them: whole ones as int, others exactly."""
    return _handler(work, lambda body: exact.decode(body.encode()))


def _handler(
    work: Callable[[dict[str, Any], Context], None], read: Callable[[str], Any]
) -> Handler:
    def handler(event: Mapping[str, Any], context: Context) -> Any:
        def take(record: SQSRecord) -> None:
            body = read(record.body)
            if not isinstance(body, dict):
                raise TypeError("a message's body is a JSON object")
            work(body, context)

        # Without raising when all fail: the event source wants each named all the same.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(dict(event), take, processor, context)  # type: ignore[arg-type]

    return handler


def from_queue(event: Mapping[str, Any]) -> bool:
    """Whether an event is a batch of queue messages, where a function has other triggers too."""
    records = event.get("Records") or [{}]
    return bool(records[0].get("eventSource") == "aws:sqs")
