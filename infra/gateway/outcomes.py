"""How a batch went, and what AWS writes to a dead-letter queue about it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.gateway.city import Function
from infra.gateway.invoker import THROTTLED, Answer


def failed_items(answer: Answer, identifiers: Sequence[str], reported: bool) -> set[str] | None:
    """The items of a batch that failed: none, some, or None for the batch as a whole.

    With ``reported`` (ReportBatchItemFailures) the answer's ``batchItemFailures`` decide; an
    empty answer is full success, and a malformed one or an identifier that is not of the batch
    is a full failure (AWS, "Configuring partial batch response").
    """
    if answer.error is not None:
        return None
    if not reported:
        return set()
    try:
        document = json.loads(answer.payload or b"null")
    except ValueError:
        return None
    if document is None or document == {}:
        return set()
    if not isinstance(document, dict):
        return None
    failures = document.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        return None
    found = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in failures}
    return found if found <= set(identifiers) else None  # type: ignore[return-value]


def throttled(answer: Answer) -> bool:
    """Whether the function was never run: such an attempt does not count."""
    return answer.error_type == THROTTLED


def iso(seconds: float, *, fraction: bool = False) -> str:
    """A time as AWS writes it in these documents."""
    moment = datetime.fromtimestamp(seconds, UTC)
    whole = f"{moment:%Y-%m-%dT%H:%M:%S}"
    return f"{whole}.{moment.microsecond // 1000:03d}Z" if fraction else f"{whole}Z"


def discarded(
    function: Function, answer: Answer | None, *, condition: str, invokes: int, now: float
) -> dict[str, Any]:
    """The head of an on-failure document (AWS, "Retain discarded records")."""
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": answer.request_id if answer else str(uuid.uuid4()),
            "functionArn": function.arn,
            "condition": condition,
            "approximateInvokeCount": invokes,
        },
        "version": "1.0",
        "timestamp": iso(now, fraction=True),
    }
    if answer is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if answer.error is not None:
            context["functionError"] = "Unhandled"
        document["responseContext"] = context
    return document


def stream_discarded(
    head: Mapping[str, Any], records: Sequence[Mapping[str, Any]], *, shard: str, stream: str
) -> dict[str, Any]:
    """The on-failure document of stream records: where they are, not what they hold."""
    first, last = records[0]["dynamodb"], records[-1]["dynamodb"]
    return {
        **head,
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "approximateArrivalOfFirstRecord": iso(first["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": iso(last["ApproximateCreationDateTime"]),
            "batchSize": len(records),
            "streamArn": stream,
        },
    }
