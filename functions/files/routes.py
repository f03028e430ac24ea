"""/files: reserve, send, read and give up the files of records."""

from __future__ import annotations

from covey.errors import FieldError, Invalid
from covey.http import KEY, Request, Response, Routes, kept_after, no_content, not_modified
from covey.records.conditions import Conditions
from covey.wiring import services
from functions.files.schemas import DOWNLOAD, IF_NONE_MATCH, SCHEMAS, THUMB

ONE = "/files/{id}"
SHORT = "public, max-age=240"  # less than the link that is answered is good for


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes("files", schemas=SCHEMAS)
    _sending(routes)
    _parts(routes)
    _reading(routes)
    return routes


def _sending(routes: Routes) -> None:
    @routes.post(
        "/files",
        key=("writes",),
        summary="Reserve a file for a field of a record",
        headers=(KEY,),
        body="FileReserve",
        answer="FileReserved",
        status=201,
        problems=(400, 403, 404, 409, 413, 415, 422),
    )
    def reserve_file(request: Request) -> Response:
        """Whoever may write the field may reserve. Send the bytes as `upload` says; once the file
        is `ready`, write its id into the record: that takes the file, for this record alone. What
        no record took within a day is removed.
        """

        def reserve() -> Response:
            made = services().reservations.reserve(
                request.principal, request.json(), request=_rule_view(request)
            )
            return Response(made, status=201, location=f"/files/{made['file']['id']}/about")

        return kept_after(request, reserve)

    @routes.delete(
        ONE,
        key=("writes",),
        summary="Give up a file that no record holds",
        status=204,
        problems=(404, 409),
    )
    def give_up_file(request: Request, id: str) -> Response:
        services().reservations.give_up(request.principal, id)
        return no_content()


def _parts(routes: Routes) -> None:
    @routes.post(
        "/files/{id}/parts",
        key=("writes",),
        summary="Get links that send parts of a large file",
        body="FilePartNumbers",
        answer="FileParts",
        problems=(400, 404, 413, 415, 422),
    )
    def link_parts(request: Request, id: str) -> Response:
        """Each is good for an hour, for a part of exactly its size; ask again when one ends."""
        numbers = _numbers(request.json())
        return Response({"parts": services().reservations.links(request.principal, id, numbers)})

    @routes.get(
        "/files/{id}/parts",
        key=("writes",),
        summary="List the parts that have arrived",
        answer="FileReceived",
        problems=(404,),
    )
    def list_parts(request: Request, id: str) -> Response:
        return Response(services().reservations.received(request.principal, id))

    @routes.post(
        "/files/{id}/complete",
        key=("writes",),
        summary="Make the parts the file",
        answer="File",
        status=202,
        problems=(404, 409),
    )
    def complete_file(request: Request, id: str) -> Response:
        """Again, or twice at once, is as once. `parts_missing` names what has not arrived."""
        who = request.principal
        services().reservations.complete(who, id)
        return Response(services().serving.about(who, id, request=_rule_view(request)), status=202)


def _reading(routes: Routes) -> None:
    @routes.get(
        ONE,
        key=("reads",),
        summary="Read a file",
        query=(THUMB, DOWNLOAD),
        headers=(IF_NONE_MATCH,),
        status=302,
        problems=(304, 400, 404),
    )
    def read_file(request: Request, id: str) -> Response:
        """Leads to the bytes by a link that is good for five minutes, and that takes ranges.
        Reading a file is reading the field of its record: what hides that hides this.
        """
        opened = services().serving.open(
            request.principal,
            id,
            thumb=request.query("thumb"),
            download=request.flag("download"),
            request=_rule_view(request),
        )
        cache = SHORT if opened.public else "private, no-store"
        wanted = Conditions.parse(None, request.header("if-none-match"))
        if wanted.unchanged(opened.etag):
            answer = not_modified(opened.etag)
        else:
            answer = Response(status=302, location=opened.url, etag=opened.etag)
        answer.headers |= {"Cache-Control": cache, "Cross-Origin-Resource-Policy": "cross-origin"}
        return answer

    @routes.get(
        "/files/{id}/about",
        key=("reads",),
        summary="Read what is known of a file",
        answer="File",
        problems=(404,),
    )
    def describe_file(request: Request, id: str) -> Response:
        """For whoever reserved it, until a record holds it; then for whoever reads the record."""
        about = services().serving.about(request.principal, id, request=_rule_view(request))
        return Response(about)

    @routes.post(
        "/files/{id}/link",
        key=("reads",),
        summary="Get a link to a file that anybody may follow until it ends",
        body="FileLinkOptions",
        answer="FileLink",
        problems=(400, 404, 413, 415, 422),
    )
    def link_file(request: Request, id: str) -> Response:
        """For `<img>` and for people: it works without a token, for up to an hour."""
        made = services().serving.link(
            request.principal, id, request.json(), request=_rule_view(request)
        )
        return Response(made)


def _numbers(body: dict[str, object]) -> list[object]:
    numbers = body.get("numbers")
    if body.keys() != {"numbers"} or not isinstance(numbers, list):
        fault = FieldError("numbers", "invalid", "must list numbers of parts, and nothing else")
        raise Invalid("numbers must list numbers of parts, and nothing else.", errors=[fault])
    return numbers


def _rule_view(request: Request) -> dict[str, str]:
    """What rules read as `request`."""
    return {"method": request.method, "ip": request.ip}
