"""/records and /batch: create, read, list, change and remove records."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from covey.http import (
    JSON,
    KEY,
    MERGE_PATCH,
    Request,
    Response,
    Routes,
    no_content,
    not_modified,
    once,
)
from covey.records.conditions import Conditions
from covey.records.projection import split_names
from covey.records.service import Also, Answer
from covey.wiring import services
from functions.records import aggregating, batching, exporting, importing, past, searching
from functions.records.schemas import (
    IF_MATCH,
    IF_NONE_MATCH,
    LIST,
    LISTED_ANSWER,
    ON_CONFLICT,
    SCHEMAS,
    SHOW,
    UNLESS_THERE,
)

LISTED = (*LIST, past.DELETED)
ONE = "/records/{collection}/{id}"
MANY = "/records/{collection}"


def routes() -> Routes:
    """The routes of this function."""
    routes = Routes(
        "records",
        schemas={
            **SCHEMAS,
            **batching.SCHEMAS,
            **importing.SCHEMAS,
            **exporting.SCHEMAS,
            **past.SCHEMAS,
            **searching.SCHEMAS,
            **aggregating.SCHEMAS,
        },
    )
    _collection(routes)
    _record(routes)
    searching.declare(routes)
    aggregating.declare(routes)
    past.declare(routes)
    importing.declare(routes)
    exporting.declare(routes)
    batching.declare(routes)
    return routes


def _collection(routes: Routes) -> None:
    @routes.get(
        MANY,
        key=("read",),
        summary="List records",
        query=LISTED,
        answer=LISTED_ANSWER,
        problems=(400, 404),
    )
    def list_records(request: Request, collection: str) -> Any:
        """Pages are full after filtering, unless the read budget ends; the end is a `next` of
        null, the beginning a `prev` of null. A filter that no index bounds answers
        `index_required` with the line to add.
        """
        if request.flag("deleted"):
            return past.deleted(request, collection)
        parameters = request.parameters()
        parameters.pop("deleted", None)
        if request.flag("explain"):
            plan = services().records.explain(
                request.principal, collection, parameters, request=_rule_view(request)
            )
            return Response(plan)
        page = services().records.list(
            request.principal, collection, parameters, request=_rule_view(request)
        )
        body: dict[str, Any] = {"items": page.items, "next": page.next, "prev": page.prev}
        if page.count is not None:
            body |= {"count": page.count.number, "count_kind": page.count.kind}
        if page.near is not None:
            body |= {"distances": page.near.distances, "complete": page.near.complete}
        return Response(
            body,
            next=_page(request, parameters, page.next),
            prev=_page(request, parameters, page.prev),
        )

    @routes.post(
        MANY,
        key=("create",),
        summary="Create a record",
        query=(*SHOW, ON_CONFLICT),
        headers=(KEY,),
        body="Values",
        answer="Record",
        status=201,
        problems=(200, 400, 404, 409, 413, 415, 422),
    )
    def create_record(request: Request, collection: str) -> Response:
        """With `on_conflict`, an upsert: where a record has the body's values of these fields, it
        is changed by the body and answered with 200.
        """
        parameters = request.parameters()
        by = parameters.pop("on_conflict", None)

        def create(also: Also | None) -> Answer:
            records = services().records
            view = _rule_view(request)
            if by is None:
                return records.create(
                    request.principal,
                    collection,
                    request.json(),
                    parameters=parameters,
                    request=view,
                    also=also,
                )
            return records.upsert(
                request.principal,
                collection,
                split_names("on_conflict", by),
                request.json(),
                parameters=parameters,
                request=view,
                also=also,
            )

        def answer(made: Answer) -> Response:
            location = f"{request.path}/{quote(made.id, safe='')}" if made.created else None
            status = 201 if made.created else 200
            return Response(made.document, status=status, location=location, etag=made.etag)

        return once(request, create, answer)


def _record(routes: Routes) -> None:
    @routes.get(
        ONE,
        key=("read",),
        summary="Read a record",
        query=SHOW,
        headers=(IF_NONE_MATCH,),
        answer="Record",
        problems=(304, 404, 412),
    )
    def read_record(request: Request, collection: str, id: str) -> Response:
        found = services().records.get(
            request.principal,
            collection,
            id,
            parameters=request.parameters(),
            conditions=_conditions(request),
            request=_rule_view(request),
        )
        return (
            not_modified(found.etag)
            if found.unchanged
            else Response(found.document, etag=found.etag)
        )

    @routes.patch(
        ONE,
        key=("update",),
        summary="Change a record",
        query=SHOW,
        headers=(IF_MATCH, KEY),
        body="Patch",
        consumes=(MERGE_PATCH, JSON),
        answer="Record",
        problems=(400, 404, 409, 412, 413, 415, 422),
    )
    def update_record(request: Request, collection: str, id: str) -> Response:
        def update(also: Also | None) -> Answer:
            return services().records.update(
                request.principal,
                collection,
                id,
                request.merge_patch(),
                parameters=request.parameters(),
                conditions=_conditions(request),
                request=_rule_view(request),
                also=also,
            )

        return once(request, update, lambda after: Response(after.document, etag=after.etag))

    @routes.put(
        ONE,
        key=("create", "update"),
        summary="Replace a record, or create it under this id",
        query=SHOW,
        headers=(IF_MATCH, UNLESS_THERE, KEY),
        body="Values",
        answer="Record",
        problems=(201, 400, 404, 409, 412, 413, 415, 422),
    )
    def replace_record(request: Request, collection: str, id: str) -> Response:
        """Creating answers 201, and wants a collection with `ids: custom`."""

        def replace(also: Also | None) -> Answer:
            return services().records.replace(
                request.principal,
                collection,
                id,
                request.json(),
                parameters=request.parameters(),
                conditions=_conditions(request),
                request=_rule_view(request),
                also=also,
            )

        def answer(put: Answer) -> Response:
            return Response(
                put.document,
                status=201 if put.created else 200,
                location=request.path if put.created else None,
                etag=put.etag,
            )

        return once(request, replace, answer)

    @routes.delete(
        ONE,
        key=("delete",),
        summary="Remove a record",
        query=(past.PURGE,),
        headers=(IF_MATCH, KEY),
        status=204,
        problems=(403, 404, 409, 412, 422),
    )
    def delete_record(request: Request, collection: str, id: str) -> Response:
        """Where the collection has `soft_delete`, it can be restored for a while."""
        purge = request.flag("purge")

        def delete(also: Also | None) -> None:
            records = services().records
            remove = records.purge if purge else records.delete
            remove(
                request.principal,
                collection,
                id,
                conditions=_conditions(request),
                request=_rule_view(request),
                also=also,
            )

        return once(request, delete, lambda _: no_content())


def _conditions(request: Request) -> Conditions:
    return Conditions.parse(request.header("if-match"), request.header("if-none-match"))


def _rule_view(request: Request) -> dict[str, str]:
    """What rules read as `request`."""
    return {"method": request.method, "ip": request.ip}


def _page(request: Request, parameters: dict[str, str], cursor: str | None) -> str | None:
    return (
        None if cursor is None else f"{request.path}?{urlencode({**parameters, 'cursor': cursor})}"
    )
