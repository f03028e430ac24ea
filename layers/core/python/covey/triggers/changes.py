"""Table changes: in order, as domain changes, with the first that fails handed back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covey.records.model import Change
from covey.triggers.clock import Context

_log = logging.getLogger(__name__)

Record = Mapping[str, Any]
Failures = dict[str, list[dict[str, str]]]


def changes_handler(
    read: Callable[[Record], Change | None],
    work: Callable[[Sequence[Change]], None],
) -> Callable[[Mapping[str, Any], Context], Failures]:
    """A Lambda callable that gives a batch of changes to `work`.

    `read` turns a stream record into a change, or None for items that are no
    records of a collection. A batch that fails is tried change by change, so that the stream
    goes on right up to the one that fails and retries from there (ReportBatchItemFailures):
    after the attempts that the template allows it goes to the dead letters alone.
    """

    def handler(event: Mapping[str, Any], context: Context) -> Failures:
        records: Sequence[Record] = event["Records"]
        try:
            work([change for record in records if (change := read(record)) is not None])
        except Exception:  # noqa: BLE001 - whatever it is, the neighbours must go on
            _log.exception("a batch of %d changes failed; trying one by one", len(records))
            return _one_by_one(read, work, records)
        return {"batchItemFailures": []}

    return handler


def stream_handler(
    take: Callable[[Sequence[Record], Context], str | None],
) -> Callable[[Mapping[str, Any], Context], Failures]:
    """A Lambda callable that gives a batch of stream records to `take`.

    `take` answers the sequence number from which the stream is to tell again, None where all is
    settled (ReportBatchItemFailures). It sees to poison itself.
    """

    def handler(event: Mapping[str, Any], context: Context) -> Failures:
        again = take(event["Records"], context)
        return {"batchItemFailures": [] if again is None else [{"itemIdentifier": again}]}

    return handler


def _one_by_one(
    read: Callable[[Record], Change | None],
    work: Callable[[Sequence[Change]], None],
    records: Sequence[Record],
) -> Failures:
    for record in records:
        try:
            change = read(record)
            if change is not None:
                work([change])
        except Exception:  # noqa: BLE001 - named to the stream, which tries again
            sequence = record["dynamodb"]["SequenceNumber"]
            _log.exception("change %s failed", sequence)
            return {"batchItemFailures": [{"itemIdentifier": sequence}]}
    return {"batchItemFailures": []}
