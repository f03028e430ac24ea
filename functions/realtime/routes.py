"""/realtime: tickets that open a socket, and channels without one."""

from __future__ import annotations

from covey.http import Request, Response, Routes
from covey.realtime.tickets import TICKET_SECONDS
from covey.wiring import services
from functions.realtime import channels

TICKET = {
    "type": "object",
    "required": ["ticket", "expires_in"],
    "properties": {
        "ticket": {"type": "string", "description": "open the socket with ?ticket=…"},
        "expires_in": {"type": "integer", "description": "seconds"},
    },
}


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes("realtime", schemas={"Ticket": TICKET, **channels.SCHEMAS})
    channels.declare(routes)

    @routes.post(
        "/realtime/tickets",
        key=("realtime",),
        summary="Get a single-use ticket that opens a socket as you",
        answer="Ticket",
        status=201,
    )
    def issue_ticket(request: Request) -> Response:
        ticket = services().tickets.issue(request.principal)
        return Response({"ticket": ticket, "expires_in": TICKET_SECONDS}, status=201)

    return routes
