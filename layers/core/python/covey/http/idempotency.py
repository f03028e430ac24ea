"""`Idempotency-Key`: a write that is sent again is done once, and answered alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from covey import json
from covey.errors import Conflict, CoveyError, Forbidden, TooManyRequests, Unauthenticated
from covey.http import problem
from covey.http.operation import Parameter
from covey.http.request import Request
from covey.http.resolver import raw_path
from covey.http.response import Response
from covey.records.idempotency import Outcome, Ticket, fingerprint_of

if TYPE_CHECKING:  # most functions write no records: their cold start is spared the service
    from covey.records.service import Also

KEY = Parameter(
    "Idempotency-Key",
    "1 to 255 visible characters of your choice: this request, sent again with the same key "
    "within 24 hours, is done once and answered alike. Not for guests.",
)
REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")
_CONDITIONS = ("if-match", "if-none-match")
T = TypeVar("T")


def once(
    request: Request, write: Callable[[Also | None], T], answer: Callable[[T], Response]
) -> Response:
    """What `answer` makes of `write`, done once per Idempotency-Key; without one, just done.

    `write` is given what to keep in its transaction. Raises what `write` raises, and as
    `Idempotency.begin` does.
    """

    def work(ticket: Ticket | None) -> Response:
        if ticket is None:
            return answer(write(None))
        return answer(write(lambda made: ticket.receipt(outcome_of(answer(made)))))

    return keyed(request, work)


def kept_after(request: Request, work: Callable[[], Response]) -> Response:
    """As `once` for work that is no write of records: its answer is kept once it is done."""

    def done(ticket: Ticket | None) -> Response:
        response = work()
        if ticket is not None:
            ticket.keep(outcome_of(response))
        return response

    return keyed(request, done)


def keyed(request: Request, work: Callable[[Ticket | None], Response]) -> Response:
    """`work` with the ticket of the request's key, None where it has none; or the first answer.

    `work` keeps its outcome with the ticket; what it raises settles it: what the same request may
    mend later (rights, a lost race, a limit) frees the key, other refusals are an outcome like
    any, and a failure of ours lets the request be sent again.
    """
    key = request.header(KEY.name)
    if key is None:
        return work(None)
    from covey.wiring import services

    ticket = services().idempotency.begin(request.principal, key, _fingerprint(request))
    if ticket.outcome is not None:
        return _replayed(ticket.outcome)
    try:
        return work(ticket)
    except Exception as error:
        with suppress(CoveyError):  # the caller is to hear of the first failure
            _settle(ticket, error, request)
        raise


def _settle(ticket: Ticket, error: Exception, request: Request) -> None:
    if not isinstance(error, CoveyError) or error.status >= 500:
        ticket.lapse()
    elif passing(error):
        ticket.release()
    else:
        ticket.keep(outcome_of(problem.render(error, request.id)))


def passing(error: CoveyError) -> bool:
    """Whether the same request may well succeed later, so that its refusal is no outcome."""
    if isinstance(error, Conflict):
        return error.code == error.default_code
    return isinstance(error, (Unauthenticated, Forbidden, TooManyRequests))


def outcome_of(response: Response) -> Outcome:
    """What is kept of an answer."""
    headers = {
        name: str(response.headers[name]) for name in _KEPT_HEADERS if name in response.headers
    }
    body = response.body
    if body is not None and not isinstance(body, str):
        body = json.encode(body)
        headers.setdefault("Content-Type", "application/json")
    return Outcome(response.status_code, headers, body or "")


def _replayed(outcome: Outcome) -> Response:
    """The first answer once more, and a header that says so."""
    headers: dict[str, str | list[str]] = {**outcome.headers, REPLAYED: "true"}
    if outcome.body is None:  # it was too long to be kept
        headers.pop("Content-Type", None)
    return Response(outcome.body or None, status=outcome.status, headers=headers)


def _fingerprint(request: Request) -> str:
    """Method, path, parameters, preconditions and body: what makes it the same request."""
    query = sorted(request.parameters().items())
    conditions = [request.header(name) for name in _CONDITIONS]
    return fingerprint_of(
        request.method, raw_path(request.event), json.encode([query, conditions]), request.body
    )
