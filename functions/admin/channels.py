"""/admin/channels: who may say what to whom over sockets, for administrators."""

from __future__ import annotations

from typing import Any

from covey.channels.catalog import far_of
from covey.channels.document import dump, load, name_of
from covey.channels.model import ACTIONS, MAX_DATA, Channel
from covey.errors import Invalid
from covey.http import Parameter, Request, Response, Routes, no_content
from covey.identity.administrators import administrators_only
from covey.records.conditions import Conditions
from covey.wiring import services

_RULE = {"type": ["string", "boolean"], "description": "An expression."}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Channel": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "Such as rooms/{room}."},
            "description": {"type": "string"},
            "rules": {
                "type": "object",
                "description": "One that is left out admits administrators only.",
                "additionalProperties": False,
                "properties": dict.fromkeys(ACTIONS, _RULE),
            },
            "message": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "schema": {"type": "object", "description": "JSON Schema of the data."},
                    "max": {"type": "integer", "minimum": 1, "maximum": MAX_DATA},
                },
            },
        },
    },
    "ChannelList": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Channel"}}
        },
    },
}
ONE = "/admin/channels/{name}"
_IF_MATCH = Parameter("If-Match", "Only if the channel is at this version; else 412.")


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.get(
        "/admin/channels",
        key=("schema:read",),
        summary="List the channels",
        answer="ChannelList",
        problems=(403,),
    )
    def list_channels(request: Request) -> Any:
        administrators_only(request.principal)
        return {"items": [dump(one) for one in services().channels.all()]}

    @routes.get(
        ONE,
        key=("schema:read",),
        summary="Read a channel",
        answer="Channel",
        problems=(403, 404),
    )
    def read_channel(request: Request, name: str) -> Response:
        administrators_only(request.principal)
        found = services().channels.get(name)
        return Response(dump(found), etag=_etag(found))

    @routes.put(
        ONE,
        key=("schema:write",),
        summary="Make or change a channel",
        headers=(_IF_MATCH,),
        body="Channel",
        answer="Channel",
        problems=(201, 400, 403, 409, 412, 413, 415, 422),
    )
    def put_channel(request: Request, name: str) -> Response:
        """`{name}` is the first part of the document's `name`: ``rooms`` of ``rooms/{room}``. It
        takes effect within seconds. Members who may not be in their room by new rules are put out
        when something is next said there.
        """
        administrators_only(request.principal)
        conditions = Conditions.parse(request.header("if-match"), request.header("if-none-match"))
        body = request.json()
        said = body.get("name", name)
        if not isinstance(said, str) or name_of(said) != name:
            raise Invalid("The name does not begin with that of the path.", code="invalid_channel")
        before = services().channels.current(name)
        conditions.check(None if before is None else _etag(before))
        after = load({**body, "name": said}, far_of(services().catalog), previous=before)
        if after != before:
            services().channels.save(after)
        made = before is None
        return Response(
            dump(after),
            status=201 if made else 200,
            location=request.path if made else None,
            etag=_etag(after),
        )

    @routes.delete(
        ONE,
        key=("schema:write",),
        summary="Take a channel back",
        headers=(_IF_MATCH,),
        status=204,
        problems=(403, 404, 409, 412),
    )
    def delete_channel(request: Request, name: str) -> Response:
        """Nobody hears anything in its rooms any more, nor may say it."""
        administrators_only(request.principal)
        conditions = Conditions.parse(request.header("if-match"), request.header("if-none-match"))
        found = services().channels.get(name)
        found = services().channels.current(name) or found
        conditions.check(_etag(found))
        services().channels.remove(found)
        return no_content()


def _etag(channel: Channel) -> str:
    return f'"{channel.version}"'
