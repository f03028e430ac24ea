"""/records/{collection}/{id}/history and /restore: what records were, and bringing it back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from covey.errors import BadRequest, FieldError, NotFound
from covey.http import KEY, Parameter, Request, Response, Routes, once
from covey.records.conditions import Conditions
from covey.records.history import Past
from covey.records.service import Also, Answer
from covey.wiring import services
from functions.records.schemas import IF_MATCH, SHOW

ONE = "/records/{collection}/{id}"
DELETED = Parameter(
    "deleted",
    "For administrators: the records that were deleted and can be restored, instead of those "
    "that are there.",
    {"type": "boolean", "default": False},
)
PURGE = Parameter(
    "purge",
    "For administrators: remove it for good, also a record that was deleted before.",
    {"type": "boolean", "default": False},
)
PAGING = (
    Parameter(
        "limit", "How many.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 30}
    ),
    Parameter("cursor", "The `next` of the page before."),
)
_WHO = {"type": ["string", "null"], "description": "The user, where the caller may see them."}
VERSION: dict[str, Any] = {
    "type": "object",
    "required": ["version", "updated", "by", "ended", "deleted", "record"],
    "properties": {
        "version": {"type": "integer", "minimum": 1},
        "updated": {"type": "string", "format": "date-time", "description": "When it began."},
        "by": {**_WHO, "description": "Who wrote it, where the caller may see them."},
        "ended": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "null for the version that the record has now.",
        },
        "deleted": {"type": "boolean", "description": "Whether a delete ended it."},
        "deleted_by": _WHO,
        "record": {"$ref": "#/components/schemas/Record"},
    },
}
VERSIONS: dict[str, Any] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Version"}},
        "next": {"type": ["string", "null"], "description": "null at the end."},
    },
}
RESTORE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "version": {
            "type": "integer",
            "minimum": 1,
            "description": "Which version; left out, the record as it was when it was deleted.",
        }
    },
}
SCHEMAS = {"Version": VERSION, "Versions": VERSIONS, "Restore": RESTORE}


def declare(routes: Routes) -> None:
    """Add the routes of what records were."""

    @routes.get(
        f"{ONE}/history",
        key=("read",),
        summary="List a record's versions",
        query=PAGING,
        answer="Versions",
        problems=(400, 404),
    )
    def list_versions(request: Request, collection: str, id: str) -> Response:
        """Newest first, from the present one on. A version is shown where the read rule holds on
        it and on the record as it is; of a deleted record administrators see all.
        """
        found = services().records.history(
            request.principal, collection, id, request.parameters(), request=_rule_view(request)
        )
        return _page(request, found)

    @routes.get(
        f"{ONE}/history/{{version}}",
        key=("read",),
        summary="Read a version of a record",
        answer="Version",
        problems=(404,),
    )
    def read_version(request: Request, collection: str, id: str, version: str) -> Response:
        request.only(())
        if not (version.isascii() and version.isdigit() and len(version) <= 10):
            raise NotFound("version")
        found = services().records.past(
            request.principal, collection, id, int(version), request=_rule_view(request)
        )
        return Response(found)

    @routes.post(
        f"{ONE}/restore",
        key=("create", "update"),
        summary="Bring a version or a deleted record back",
        query=SHOW,
        headers=(IF_MATCH, KEY),
        body="Restore",
        answer="Record",
        problems=(201, 400, 403, 404, 409, 412, 415, 422),
    )
    def restore_record(request: Request, collection: str, id: str) -> Response:
        """A version is written as a new one, under the rules of an update. A deleted record comes
        back (201) for who may delete it, or in one of its versions for administrators.
        """

        def restore(also: Also | None) -> Answer:
            return services().records.restore(
                request.principal,
                collection,
                id,
                _version(request.json()),
                parameters=request.parameters(),
                conditions=Conditions.parse(request.header("if-match"), None),
                request=_rule_view(request),
                also=also,
            )

        def answer(done: Answer) -> Response:
            location = request.path.removesuffix("/restore") if done.created else None
            status = 201 if done.created else 200
            return Response(done.document, status=status, location=location, etag=done.etag)

        return once(request, restore, answer)


def deleted(request: Request, collection: str) -> Response:
    """The list of records that were deleted softly."""
    found = services().records.deleted(
        request.principal, collection, request.parameters(), request=_rule_view(request)
    )
    return _page(request, found)


def _version(body: dict[str, Any]) -> int | None:
    for name in body:
        if name != "version":
            raise _invalid(name[:64], "is not known here; did you mean version?")
    version = body.get("version")
    if version is not None and (type(version) is not int or not 0 < version < 10**10):
        raise _invalid("version", "must be the number of a version")
    return version


def _invalid(name: str, message: str) -> BadRequest:
    fault = FieldError(name, "invalid_version", message)
    return BadRequest(f"{name} {message}.", code="invalid_version", errors=[fault])


def _page(request: Request, found: Past) -> Response:
    more = None
    if found.next is not None:
        parameters = {**request.parameters(), "cursor": found.next}
        more = f"{request.path}?{urlencode(parameters)}"
    return Response({"items": found.items, "next": found.next}, next=more)


def _rule_view(request: Request) -> dict[str, str]:
    return {"method": request.method, "ip": request.ip}
