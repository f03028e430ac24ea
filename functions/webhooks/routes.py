"""/webhooks: endpoints that are told of changes, for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.errors import FieldError, Invalid, NotFound
from covey.http import Parameter, Request, Response, Routes, invalid_parameter, no_content
from covey.http.operation import JSON, MERGE_PATCH
from covey.identity.administrators import administrators_only
from covey.records.conditions import Conditions
from covey.records.time import parse_rfc3339
from covey.webhooks.deliveries import Sought
from covey.webhooks.filtering import fault_of
from covey.webhooks.model import Endpoint, Status
from covey.wiring import services
from functions.webhooks.schemas import SCHEMAS, STATUS, TEXT, TIME, brief, shown, whole

ONE = "/webhooks/{id}"
READ, WRITE = ("webhooks:read",), ("webhooks:write",)
MOST = 100
IF_MATCH = (Parameter("If-Match", "Only if the webhook is at this revision; else 412."),)
LOG = (
    Parameter("status", "Only those of this status.", STATUS),
    Parameter("since", "Only those of this time and later.", TIME),
    Parameter("until", "Only those before this time.", TIME),
    Parameter("before", "The `next` of the page before.", TEXT),
    Parameter(
        "limit", "How many.", {"type": "integer", "minimum": 1, "maximum": MOST, "default": 30}
    ),
)


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes("webhooks", schemas=SCHEMAS)
    _endpoints(routes)
    _deliveries(routes)
    return routes


def _endpoints(routes: Routes) -> None:
    @routes.get(
        "/webhooks",
        key=READ,
        summary="List the webhooks, oldest first",
        answer="Webhooks",
        problems=(401, 403),
    )
    def list_webhooks(request: Request) -> Any:
        return {"items": [_shown(one) for one in services().webhooks.all(request.principal)]}

    @routes.post(
        "/webhooks",
        key=WRITE,
        summary="Make a webhook",
        body="MakeWebhook",
        answer="WebhookMade",
        status=201,
        problems=(401, 403, 409, 422),
    )
    def make_webhook(request: Request) -> Response:
        """Its server is told of changes from now on, by CloudEvents that are signed as Standard
        Webhooks says. Hidden fields are never among what it is told.
        """
        made, secret = services().webhooks.make(request.principal, request.json(), request.place)
        body = {**_shown(made), "secret": secret}
        return Response(body, status=201, location=f"/webhooks/{made.id}", etag=made.etag)

    @routes.get(ONE, key=READ, summary="Read a webhook", answer="Webhook", problems=(401, 403, 404))
    def read_webhook(request: Request, id: str) -> Response:
        found = services().webhooks.get(request.principal, id)
        return Response(_shown(found), etag=found.etag)

    @routes.patch(
        ONE,
        key=WRITE,
        summary="Change a webhook",
        headers=IF_MATCH,
        body="ChangeWebhook",
        consumes=(MERGE_PATCH, JSON),
        answer="Webhook",
        problems=(401, 403, 404, 409, 412, 422),
    )
    def change_webhook(request: Request, id: str) -> Response:
        """A merge patch; of `headers` too, where null takes one away. What waits for a webhook
        that is enabled again is sent.
        """
        conditions = Conditions.parse(request.header("if-match"), None)
        changed = services().webhooks.change(
            request.principal, id, request.merge_patch(), conditions, request.place
        )
        return Response(_shown(changed), etag=changed.etag)

    @routes.delete(ONE, key=WRITE, summary="Remove a webhook", status=204, problems=(401, 403, 404))
    def remove_webhook(request: Request, id: str) -> Response:
        """What waits for it is not sent any more."""
        services().webhooks.remove(request.principal, id, request.place)
        return no_content()

    @routes.post(
        f"{ONE}/secret",
        key=WRITE,
        summary="Give a webhook a new secret",
        body="RotateWebhookSecret",
        answer="WebhookMade",
        problems=(401, 403, 404, 409, 422),
    )
    def rotate_secret(request: Request, id: str) -> Response:
        """For `overlap_hours` each request is signed with both secrets."""
        administrators_only(request.principal)
        hours = _hours(request.json())
        changed, secret = services().webhooks.rotate(request.principal, id, hours, request.place)
        return Response({**_shown(changed), "secret": secret}, etag=changed.etag)

    @routes.post(
        f"{ONE}/test",
        key=WRITE,
        summary="Try a webhook out",
        answer="WebhookDeliveryWhole",
        problems=(401, 403, 404),
    )
    def test_webhook(request: Request, id: str) -> Any:
        """One request with an event of type `covey.webhook.test`, enabled or not, and what came
        of it.
        """
        return whole(services().deliveries.test(request.principal, id, request.place))


def _deliveries(routes: Routes) -> None:
    @routes.get(
        f"{ONE}/deliveries",
        key=READ,
        summary="List what was sent to a webhook, newest first",
        query=LOG,
        answer="WebhookDeliveries",
        problems=(400, 401, 403, 404),
    )
    def list_deliveries(request: Request, id: str) -> Any:
        """Kept for 30 days. A page may hold fewer than `limit`, or none, with a `next`."""
        status = request.query("status")
        if status not in (None, *(str(one) for one in Status)):
            raise invalid_parameter("status", "is none of a delivery's")
        sought = Sought(
            None if status is None else Status(status),
            _moment(request, "since") or 0,
            _moment(request, "until"),
        )
        before = request.query("before") or ""
        limit = request.integer("limit", 30, 1, MOST)
        found, more = services().deliveries.newest(request.principal, id, sought, before, limit)
        return {"items": [brief(one) for one in found], "next": more}

    @routes.get(
        f"{ONE}/deliveries/{{delivery}}",
        key=READ,
        summary="Read a delivery, with what was sent and answered",
        answer="WebhookDeliveryWhole",
        problems=(401, 403, 404),
    )
    def read_delivery(request: Request, id: str, delivery: str) -> Any:
        return whole(services().deliveries.get(request.principal, id, delivery))

    @routes.post(
        f"{ONE}/deliveries/{{delivery}}/replay",
        key=WRITE,
        summary="Send a delivery again",
        answer="WebhookDelivery",
        status=202,
        problems=(401, 403, 404, 409),
    )
    def replay_delivery(request: Request, id: str, delivery: str) -> Response:
        """As it was and under the same `webhook-id`."""
        again = services().deliveries.replay(request.principal, id, delivery, request.place)
        return Response(brief(again), status=202)

    @routes.post(
        f"{ONE}/replay",
        key=WRITE,
        summary="Send many deliveries again",
        body="ReplayWebhook",
        answer="WebhookReplay",
        status=202,
        problems=(401, 403, 404, 409, 422),
    )
    def replay_deliveries(request: Request, id: str) -> Response:
        """Those of a time and status, by a job: the failed ones unless `status` says else."""
        administrators_only(request.principal)
        sought = _sought(request.json())
        job = services().replays.start(request.principal, id, sought, request.place)
        return Response({"job": job.id}, status=202, location=f"/jobs/{job.id}")


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return shown(endpoint, _fault(endpoint))


def _fault(endpoint: Endpoint) -> str:
    for name in endpoint.collections:
        try:
            why = fault_of(endpoint, services().catalog.get(name))
        except NotFound:
            why = "there is no such collection"
        if why:
            return f"{name}: {why}"
    return ""


def _moment(request: Request, name: str) -> int | None:
    text = request.query(name)
    if text is None:
        return None
    try:
        return max(0, parse_rfc3339(text))
    except ValueError:
        raise invalid_parameter(name, "must be a time such as 2030-01-31T00:00:00Z") from None


def _hours(body: Mapping[str, Any]) -> int:
    _only(body, "overlap_hours")
    hours = body.get("overlap_hours", 24)
    if not isinstance(hours, int) or isinstance(hours, bool):
        raise _invalid("overlap_hours", "must be a whole number")
    return hours


def _sought(body: Mapping[str, Any]) -> Sought:
    _only(body, "since", "until", "status")
    status = body.get("status", "failed")
    if status not in ("failed", "delivered", "all"):
        raise _invalid("status", "must be failed, delivered or all")
    times = {name: _time(body, name) for name in ("since", "until")}
    known = None if status == "all" else Status(status)
    return Sought(known, times["since"] or 0, times["until"])


def _time(body: Mapping[str, Any], name: str) -> int | None:
    given = body.get(name)
    if given is None:
        return None
    try:
        if isinstance(given, str):
            return max(0, parse_rfc3339(given))
    except ValueError:
        pass
    raise _invalid(name, "must be a time such as 2030-01-31T00:00:00Z")


def _only(body: Mapping[str, Any], *known: str) -> None:
    for name in body:
        if name not in known:
            raise _invalid(name[:64], "is not known here", "unknown_field")


def _invalid(name: str, why: str, code: str = "invalid") -> Invalid:
    return Invalid(f"{name} {why}.", errors=[FieldError(name, code, why)])
