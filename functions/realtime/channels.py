"""/realtime/messages and /realtime/presence: channels without a socket."""

from __future__ import annotations

from typing import Any

from covey.channels.model import MAX_ADDRESS, MAX_DATA
from covey.errors import BadRequest, FieldError
from covey.http import Parameter, Request, Response, Routes
from covey.wiring import services

_ROOM = {"type": "string", "maxLength": MAX_ADDRESS, "description": "Such as rooms/42."}
_TIME = {"type": "string", "format": "date-time"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "ChannelMessageInput": {
        "type": "object",
        "additionalProperties": False,
        "required": ["channel", "data"],
        "properties": {
            "channel": _ROOM,
            "data": {"description": f"At most {MAX_DATA} characters as JSON."},
        },
    },
    "ChannelMessage": {
        "type": "object",
        "required": ["type", "channel", "id", "data", "from", "sent"],
        "properties": {
            "type": {"const": "message"},
            "channel": _ROOM,
            "id": {"type": "string"},
            "data": {},
            "from": {
                "type": "object",
                "properties": {"id": {"type": ["string", "null"], "description": "null: a guest"}},
            },
            "sent": _TIME,
        },
    },
    "ChannelPresence": {
        "type": "object",
        "required": ["members"],
        "properties": {
            "members": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "state", "since", "sockets"],
                    "properties": {
                        "id": {"type": "string"},
                        "state": {"description": "What the member says of itself."},
                        "since": _TIME,
                        "sockets": {"type": "integer"},
                    },
                },
            }
        },
    },
}


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.post(
        "/realtime/messages",
        key=("realtime",),
        summary="Tell the members of a channel something",
        body="ChannelMessageInput",
        answer="ChannelMessage",
        status=201,
        problems=(400, 401, 403, 404, 413, 415, 422),
    )
    def publish_message(request: Request) -> Response:
        """Under the channel's `publish` rule, as by a socket. It is sent once, to who is there."""
        body = request.json()
        if body.keys() - {"channel", "data"} or "data" not in body:
            raise _fault("data", "a message has channel and data")
        address = body.get("channel")
        if not isinstance(address, str):
            raise _fault("channel", "must be text, such as rooms/42")
        sent = services().gathering.publish(request.principal, address, body["data"])
        return Response(sent, status=201)

    @routes.get(
        "/realtime/presence",
        key=("realtime",),
        summary="Tell who is in a channel",
        query=(Parameter("channel", "Such as rooms/42.", _ROOM),),
        answer="ChannelPresence",
        problems=(400, 401, 403, 404),
    )
    def list_presence(request: Request) -> Any:
        """For whoever may be present there, by the channel's `presence` rule."""
        address = request.query("channel") or ""
        return {"members": services().gathering.present(request.principal, address)}


def _fault(field: str, message: str) -> BadRequest:
    faults = [FieldError(field, "invalid", message)]
    return BadRequest(f"{field}: {message}.", code="invalid_message", errors=faults)
