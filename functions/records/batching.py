"""/batch: several writes in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from simplejson import RawJSON

from covey import json
from covey.errors import CoveyError
from covey.http import KEY, Request, Response, Routes, observe, pace, problem
from covey.http.idempotency import keyed, outcome_of, passing
from covey.records.batch import Done, Failed
from covey.records.idempotency import Outcome, Ticket, in_progress
from covey.records.operations import MAX_OPERATIONS, Operation, parse_batch
from covey.records.service import Also
from covey.wiring import services

PATH = "/batch"
MAX_ANSWER = 4_000_000  # bytes of bodies in one answer; Lambda takes 6 MB of all

OPERATION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["method", "collection"],
    "properties": {
        "method": {"enum": ["create", "upsert", "update", "replace", "delete"]},
        "collection": {"type": "string"},
        "id": {"type": "string", "description": "Which record; not for `create` and `upsert`."},
        "by": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string"},
            "description": "For `upsert`: fields that are unique together, as `on_conflict`.",
        },
        "if_match": {
            "type": "string",
            "description": 'Only if the record is at this version: `"3"`; not for `create`.',
        },
        "body": {
            "type": "object",
            "description": (
                "Values, or a merge patch for `update` and `upsert`; not for `delete`. In an "
                'atomic batch a relation takes `{"$id": 0}`: the id of what operation 0 makes.'
            ),
        },
    },
}
BATCH: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["operations"],
    "properties": {
        "atomic": {"type": "boolean", "default": True},
        "operations": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_OPERATIONS,
            "items": {"$ref": "#/components/schemas/Operation"},
        },
    },
}
RESULTS: dict[str, Any] = {
    "type": "object",
    "required": ["results"],
    "properties": {
        "results": {
            "type": "array",
            "description": "One for each operation, in their order.",
            "items": {
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {"type": "integer"},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                    "body": {"$ref": "#/components/schemas/Record"},
                    "problem": {"$ref": "#/components/schemas/Problem"},
                },
            },
        }
    },
}
SCHEMAS = {"Batch": BATCH, "Operation": OPERATION, "BatchResults": RESULTS}


def declare(routes: Routes) -> None:
    """Add the route of batches."""

    @routes.post(
        PATH,
        key=("writes",),
        summary="Do several writes",
        headers=(KEY,),
        body="Batch",
        answer="BatchResults",
        problems=(400, 403, 404, 409, 412, 413, 415, 422),
    )
    def run_batch(request: Request) -> Response:
        """Each operation passes the same rules and checks as the request of its own. An atomic
        batch is done as a whole or not at all: the problem then names the operation at fault. Else
        each answers for itself.
        """
        request.principal  # noqa: B018 - a wrong credential is told before a wrong body

        def work(ticket: Ticket | None) -> Response:
            batch = parse_batch(request.json())
            pace.spend(request, len(batch.operations) - 1)
            return (_atomic if batch.atomic else _each)(request, batch.operations, ticket)

        return keyed(request, work)


def _atomic(request: Request, operations: Sequence[Operation], ticket: Ticket | None) -> Response:
    def answer(all_done: Sequence[Done]) -> Response:
        return _response([_outcome(request, done) for done in all_done])

    also = None if ticket is None else lambda done: ticket.receipt(outcome_of(answer(done)))
    done = services().batches.atomic(
        request.principal, operations, request=_rule_view(request), also=also
    )
    return answer(done)


def _each(request: Request, operations: Sequence[Operation], ticket: Ticket | None) -> Response:
    """With a key, what an earlier sending has done stands, and the rest is done now."""
    also: Also | None = None
    found: dict[int, Outcome] = {}
    if ticket is not None:
        found = {int(part): outcome for part, outcome in ticket.parts.items()}
        also = _parts(request, ticket)
    wanted = [one for one in operations if one.position not in found]
    failures: list[Exception] = []
    for one in services().batches.each(
        request.principal, wanted, request=_rule_view(request), also=also
    ):
        if isinstance(one, Failed):
            failures.append(one.error)
        found[one.operation.position] = _outcome(request, one)
    response = _response([found[one.position] for one in operations])
    if ticket is not None:
        _settle(ticket, response, failures)
    return response


def _parts(request: Request, ticket: Ticket) -> Also:
    return lambda done: ticket.receipt(_outcome(request, done), str(done.operation.position))


def _settle(ticket: Ticket, response: Response, failures: Sequence[Exception]) -> None:
    if any(
        not isinstance(one, CoveyError) or one.status >= 500 or passing(one) for one in failures
    ):
        ticket.lapse()  # sent again, it is to try these again, and these only
    elif not ticket.keep(outcome_of(response)):
        raise in_progress()  # another sending has taken over, and knows what came of it


def _outcome(request: Request, one: Done | Failed) -> Outcome:
    """What is answered for one operation, its body as JSON."""
    if isinstance(one, Failed):
        return Outcome(*_problem(request, one.error))
    if one.answer is None:
        return Outcome(204)
    answer, base = one.answer, request.path.removesuffix(PATH)
    headers = {"ETag": answer.etag}
    if answer.created:
        collection = quote(one.operation.collection, safe="")
        headers["Location"] = f"{base}/records/{collection}/{quote(answer.id, safe='')}"
    status = 201 if answer.created else 200
    return Outcome(status, headers, json.encode(answer.document))


def _problem(request: Request, error: Exception) -> tuple[int, dict[str, str], str]:
    if isinstance(error, CoveyError):
        headers = {name: text for name, text in error.headers.items() if name == "Retry-After"}
    else:
        headers = {}
    if not isinstance(error, CoveyError) or error.status >= 500:
        observe.failed(request, error)
    told = error if isinstance(error, CoveyError) else problem.unforeseen()
    return told.status, headers, json.encode(problem.document(told, request.id))


def _response(outcomes: Sequence[Outcome]) -> Response:
    room = MAX_ANSWER
    results: list[dict[str, Any]] = []
    for one in outcomes:
        result: dict[str, Any] = {"status": one.status}
        if one.headers:
            result["headers"] = one.headers
        room -= len(one.body or "")
        if one.body and room >= 0:
            result["problem" if one.status >= 400 else "body"] = RawJSON(one.body)
        results.append(result)
    return Response({"results": results})


def _rule_view(request: Request) -> dict[str, str]:
    return {"method": request.method, "ip": request.ip}
