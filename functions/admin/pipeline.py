"""/admin/pipeline: how far behind the consumers of changes are, and what they could not take."""

from __future__ import annotations

import heapq
import re
from typing import Any

from covey.errors import BadRequest, Invalid, NotFound
from covey.http import Parameter, Request, Response, Routes, no_content
from covey.identity.administrators import administrators_only
from covey.pipeline.gauges import Gauge
from covey.pipeline.letters import READING, Letter, consumer_of
from covey.records.model import Record
from covey.records.time import rfc3339
from covey.wiring import services

MOST_COUNTED, MAX_HOURS, MAX_LETTERS = 1_000, 24, 100
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
TIME = {"type": "string", "format": "date-time"}
LATER = {"type": ["string", "null"], "format": "date-time"}
CONSUMER: dict[str, Any] = {
    "type": "object",
    "required": ["name", "newest", "lag_ms", "worst_ms", "changes", "dead_letters"],
    "properties": {
        "name": TEXT,
        "newest": {**LATER, "description": "When the newest change that it applied was written."},
        "seen": {**LATER, "description": "When that was noted: it is told every ten seconds."},
        "lag_ms": {**COUNT, "description": "From when that was written to when it was applied."},
        "worst_ms": {**COUNT, "description": "The longest of these in the time asked for."},
        "batches": COUNT,
        "changes": COUNT,
        "failures": {**COUNT, "description": "Batches, and parts of them, that it did not take."},
        "buried": {**COUNT, "description": "Dead letters made in the time asked for."},
        "dead_letters": {**COUNT, "description": "Dead letters there are, counted up to 1,000."},
    },
}
LETTER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "consumer", "collection", "record", "sequence", "failed", "error"],
    "properties": {
        "id": TEXT,
        "consumer": {**TEXT, "description": "Who could not take it; `reading` is all of them."},
        "collection": TEXT,
        "record": TEXT,
        "sequence": {**TEXT, "description": "The change's place in the table's stream."},
        "kind": {**TEXT, "description": "created, updated or deleted; empty where unreadable."},
        "version": COUNT,
        "written": LATER,
        "failed": {**TIME, "description": "Last."},
        "error": TEXT,
        "attempts": {**COUNT, "description": "Since it was made."},
        "next": {"type": ["integer", "null"], "description": "Seconds from `failed` to the next."},
    },
}
SCHEMAS = {
    "PipelineState": {
        "type": "object",
        "required": ["hours", "consumers"],
        "properties": {"hours": COUNT, "consumers": {"type": "array", "items": CONSUMER}},
    },
    "DeadLetters": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": LETTER},
            "next": {"type": ["string", "null"], "description": "`before` of the next page."},
        },
    },
    "DeadLetter": {
        **LETTER,
        "properties": {
            **LETTER["properties"],
            "trace": TEXT,
            "change": {
                "type": ["object", "null"],
                "description": "What was written; null where it cannot be read.",
                "properties": {
                    "before": {"type": ["object", "null"]},
                    "after": {"type": ["object", "null"]},
                },
            },
            "image": {"type": ["object", "null"], "description": "As the stream told it."},
        },
    },
    "RedriveConsumer": {
        "type": "object",
        "required": ["consumer"],
        "additionalProperties": False,
        "properties": {"consumer": TEXT},
    },
    "Redriven": {
        "type": "object",
        "required": ["ordered"],
        "properties": {"ordered": {"type": "boolean"}},
    },
}
LETTERS = "/admin/pipeline/dead-letters"
ONE = f"{LETTERS}/{{id}}"


def declare(routes: Routes) -> None:
    """Add the routes."""
    _declare_looking(routes)
    _declare_mending(routes)


def _declare_looking(routes: Routes) -> None:
    @routes.get(
        "/admin/pipeline",
        summary="See how far behind the consumers of changes are",
        query=(
            Parameter(
                "hours",
                "Over the current hour and those before it; 1 unless given.",
                {"type": "integer", "minimum": 1, "maximum": MAX_HOURS, "default": 1},
            ),
        ),
        answer="PipelineState",
        problems=(400, 401, 403),
    )
    def read_pipeline(request: Request) -> Any:
        """Gauges: what a process counted after it last told of itself is told with its next
        batch, or lost with it. Records lost are none of them.
        """
        administrators_only(request.principal)
        hours = request.integer("hours", 1, 1, MAX_HOURS)
        known = services().gauges.read(hours)
        names = _names()
        every = [*names, *(name for name in known if name not in names)]
        return {"hours": hours, "consumers": [_state(n, known.get(n, Gauge())) for n in every]}

    @routes.get(
        LETTERS,
        summary="List changes that a consumer could not take, newest first",
        query=(
            Parameter("consumer", "Only those of this consumer.", TEXT),
            Parameter("before", "Only those from before this one.", TEXT),
            Parameter(
                "limit",
                "How many, 1 to 100; 30 unless given.",
                {"type": "integer", "minimum": 1, "maximum": MAX_LETTERS, "default": 30},
            ),
        ),
        answer="DeadLetters",
        problems=(400, 401, 403),
    )
    def list_dead_letters(request: Request) -> Any:
        """Kept for 14 days after the last attempt."""
        administrators_only(request.principal)
        asked, limit = request.query("consumer"), request.integer("limit", 30, 1, MAX_LETTERS)
        before = request.query("before") or ""
        if before and consumer_of(before) is None:
            raise BadRequest("before is the id of a dead letter.")
        if asked and not _NAME.fullmatch(asked):
            raise BadRequest("consumer is the name of one.")
        names = [asked] if asked else _names()
        pages = [services().dead_letters.newest(name, before, limit + 1) for name in names]
        found = heapq.nlargest(limit + 1, (one for page in pages for one in page), key=_place)
        more = len(found) > limit
        page = found[:limit]
        return {"items": [_shown(one) for one in page], "next": page[-1].id if more else None}

    @routes.get(
        ONE,
        summary="Inspect a change that a consumer could not take",
        answer="DeadLetter",
        problems=(401, 403, 404),
    )
    def read_dead_letter(request: Request, id: str) -> Any:
        administrators_only(request.principal)
        letter = _found(id)
        image = services().dead_letters.image(letter)
        change = services().told_of(image).change if image is not None else None
        return {
            **_shown(letter),
            "trace": letter.trace,
            "change": change
            and {"before": _document(change.before), "after": _document(change.after)},
            "image": image,
        }


def _declare_mending(routes: Routes) -> None:
    @routes.post(
        f"{ONE}/redrive",
        summary="Have a change applied again, by the consumer that failed alone",
        answer="Redriven",
        status=202,
        problems=(401, 403, 404),
    )
    def redrive_dead_letter(request: Request, id: str) -> Response:
        """Safe where the record has moved on: consumers bear changes that come late. The letter
        goes when it was applied; else it stays, with the new reason.
        """
        administrators_only(request.principal)
        services().redriver.order({"letter": _found(id).id})
        return Response({"ordered": True}, status=202)

    @routes.post(
        f"{LETTERS}/redrive",
        summary="Have all changes applied again that a consumer could not take",
        body="RedriveConsumer",
        answer="Redriven",
        status=202,
        problems=(400, 401, 403, 413, 415, 422),
    )
    def redrive_consumer(request: Request) -> Response:
        """The oldest change first, each once."""
        administrators_only(request.principal)
        name = request.json().get("consumer")
        if name not in _names():
            raise Invalid("There is no such consumer.", code="unknown_consumer")
        services().redriver.order({"consumer": name})
        return Response({"ordered": True}, status=202)

    @routes.delete(
        ONE,
        summary="Drop a change that a consumer could not take",
        status=204,
        problems=(401, 403, 404),
    )
    def drop_dead_letter(request: Request, id: str) -> Response:
        """The consumer never applies it: what follows from the record may stay wrong."""
        administrators_only(request.principal)
        if not services().dead_letters.remove(_found(id)):
            raise NotFound("dead letter")
        return no_content()


def _names() -> list[str]:
    return [*services().pipeline.consumers, READING]


def _state(name: str, gauge: Gauge) -> dict[str, Any]:
    return {
        "name": name,
        "newest": rfc3339(gauge.newest) if gauge.newest else None,
        "seen": rfc3339(gauge.seen) if gauge.seen else None,
        "lag_ms": gauge.lag,
        "worst_ms": gauge.worst,
        "batches": gauge.batches,
        "changes": gauge.changes,
        "failures": gauge.failures,
        "buried": gauge.letters,
        "dead_letters": services().dead_letters.count(name, MOST_COUNTED),
    }


def _found(letter_id: str) -> Letter:
    letter = services().dead_letters.get(letter_id) if consumer_of(letter_id) else None
    if letter is None:
        raise NotFound("dead letter")
    return letter


def _place(letter: Letter) -> str:
    return letter.id


def _shown(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "consumer": letter.consumer,
        "collection": letter.collection,
        "record": letter.record,
        "sequence": letter.sequence,
        "kind": letter.kind,
        "version": letter.version,
        "written": rfc3339(letter.at) if letter.at else None,
        "failed": rfc3339(letter.failed),
        "error": letter.error,
        "attempts": letter.attempts,
        "next": letter.next_pause,
    }


def _document(record: Record | None) -> dict[str, Any] | None:
    return None if record is None else record.document()
