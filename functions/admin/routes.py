"""/admin: the collections, for administrators only."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from covey.collections import apply, builds, document, removal
from covey.collections.estimate import estimate
from covey.collections.model import Collection
from covey.errors import Invalid
from covey.http import Parameter, Request, Response, Routes
from covey.identity.administrators import administrators_only
from covey.records.conditions import Conditions
from covey.records.emptiness import is_empty
from covey.records.time import rfc3339
from covey.wiring import services
from functions.admin import backing_up, channels, keys, outbox, pipeline, rules, suppressed, users

FLAG = {"type": "boolean", "default": False}
COLLECTION = {
    "type": "object",
    "description": "A collection's document, as in docs/reference/collection.schema.json.",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "fields": {"type": "object"},
        "builds": {
            "description": "What is not ready yet, in answers only.",
            "type": "array",
            "items": {
                "type": "object",
                "required": ["part", "state", "job"],
                "properties": {
                    "part": {"type": "string"},
                    "state": {"enum": ["building", "failed"]},
                    "job": {"type": "string"},
                },
            },
        },
    },
}
COLLECTIONS = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Collection"}}
    },
}
CHANGE = {
    "type": "object",
    "required": ["collection", "changes", "applied"],
    "properties": {
        "collection": {"$ref": "#/components/schemas/Collection"},
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "destructive": {"type": "boolean"},
                    "needs_backfill": {"type": "boolean"},
                },
            },
        },
        "applied": {"type": "boolean"},
        "cost": {
            "description": "About what builds cost for records of 1 KB; null where not known.",
            "type": ["object", "null"],
            "properties": {
                "records": {"type": "integer"},
                "read_units": {"type": "number"},
                "write_units": {"type": "integer"},
                "usd": {"type": "number"},
                "seconds": {"type": "integer"},
            },
        },
    },
}
STATISTICS = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "slot": {"type": "string", "format": "date-time"},
                    "records": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "total": {"type": "integer"},
                },
            },
        }
    },
}
REMOVAL = {
    "type": "object",
    "required": ["job"],
    "properties": {"job": {"type": "string", "description": "Removes the records: /jobs/{id}."}},
}
VERSIONS = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["number", "version", "saved", "document"],
                "properties": {
                    "number": {"type": "integer", "description": "The version of the catalog."},
                    "version": {"type": "integer", "description": "That of the collection."},
                    "saved": {"type": "string", "format": "date-time"},
                    "document": {"type": ["object", "null"]},
                },
            },
        }
    },
}
ONE = "/admin/collections/{name}"
NIGHTS = 30
MAX_VERSIONS, MAX_NUMBER = 100, 99_999_999
NUMBER = {"type": "integer", "minimum": 1}


def routes() -> Routes:
    """The routes of this function."""
    schemas = {
        "Collection": COLLECTION,
        "Collections": COLLECTIONS,
        "CollectionChange": CHANGE,
        "CollectionRemoval": REMOVAL,
        "CollectionVersions": VERSIONS,
        "Statistics": STATISTICS,
        **outbox.SCHEMAS,
        **pipeline.SCHEMAS,
        **suppressed.SCHEMAS,
        **rules.SCHEMAS,
        **users.SCHEMAS,
        **backing_up.SCHEMAS,
        **keys.SCHEMAS,
        **channels.SCHEMAS,
    }
    routes = Routes("admin", schemas=schemas)
    backing_up.declare(routes)
    channels.declare(routes)
    keys.declare(routes)
    outbox.declare(routes)
    pipeline.declare(routes)
    suppressed.declare(routes)
    rules.declare(routes)
    users.declare(routes)

    @routes.get(
        "/admin/statistics",
        key=("statistics",),
        summary="Read how many records there were, by night, newest first",
        answer="Statistics",
        problems=(403,),
    )
    def read_statistics(request: Request) -> Any:
        """Counted each night at 03:15 UTC, expired records included."""
        administrators_only(request.principal)
        nights = services().jobs.runs("statistics", NIGHTS)
        return {"items": [night.result for night in nights if night.finished]}

    @routes.get(
        "/admin/collections",
        key=("schema:read",),
        summary="List the collections",
        answer="Collections",
        problems=(403,),
    )
    def list_collections(request: Request) -> Any:
        administrators_only(request.principal)
        return {"items": [_shown(one) for one in services().catalog.all()]}

    @routes.get(
        ONE,
        key=("schema:read",),
        summary="Read a collection",
        answer="Collection",
        problems=(403, 404),
    )
    def read_collection(request: Request, name: str) -> Response:
        administrators_only(request.principal)
        found = services().catalog.get(name)
        return Response(_shown(found), etag=_etag(found))

    @routes.delete(
        ONE,
        key=("schema:write",),
        summary="Remove a collection and its records",
        query=(Parameter("confirm", "Go ahead: the records are lost.", FLAG),),
        answer="CollectionRemoval",
        problems=(202, 400, 403, 404, 409),
    )
    def delete_collection(request: Request, name: str) -> Response:
        """The collection is gone at once; a job removes its records, and frees the name at last.
        Without `confirm` it answers 409 `destructive_change`, and 409 `collection_referred` where
        relations of others lead to it.
        """
        administrators_only(request.principal)
        job = apply.persist(
            lambda: removal.remove(
                services().catalog,
                name,
                begin=services().begin_removal,
                confirmed=request.flag("confirm"),
            )
        )
        return Response({"job": job}, status=202, location=f"/jobs/{job}")

    @routes.get(
        f"{ONE}/versions",
        key=("schema:read",),
        summary="Read what a collection was, newest first",
        query=(
            Parameter("before", "Only from before this version of the catalog.", NUMBER),
            Parameter("limit", "How many, 1 to 100; 30 unless given.", NUMBER),
        ),
        answer="CollectionVersions",
        problems=(400, 403, 404),
    )
    def list_versions(request: Request, name: str) -> Any:
        """Every version is kept, also of a collection that is gone. One is brought back by
        putting its `document`.
        """
        administrators_only(request.principal)
        before = request.integer("before", MAX_NUMBER, 1, MAX_NUMBER)
        limit = request.integer("limit", 30, 1, MAX_VERSIONS)
        found = services().catalog.past(name, before, limit)
        if not found and before == MAX_NUMBER:
            services().catalog.get(name)
        return {
            "items": [
                {
                    "number": one.number,
                    "version": one.version,
                    "saved": rfc3339(one.saved),
                    "document": one.document,
                }
                for one in found
            ]
        }

    @routes.put(
        ONE,
        key=("schema:write",),
        summary="Make or change a collection",
        query=(
            Parameter("confirm", "Go ahead with a change that loses data.", FLAG),
            Parameter("dry_run", "Answer the changes without applying them.", FLAG),
        ),
        headers=(Parameter("If-Match", "Only if the collection is at this version; else 412."),),
        body="Collection",
        answer="CollectionChange",
        problems=(201, 400, 403, 409, 412, 413, 415, 422),
    )
    def put_collection(request: Request, name: str) -> Response:
        """The document takes effect within seconds, when the functions read the catalog anew.
        Without `confirm` a change that would lose data answers 409 `destructive_change`. An
        index or unique constraint is built by a job where there are records: `builds` names
        it, until it is ready. The same document again tries a build that failed again.
        """
        administrators_only(request.principal)
        conditions = Conditions.parse(request.header("if-match"), request.header("if-none-match"))
        dry_run, wanted = request.flag("dry_run"), _named(name, request.json())

        def attempt() -> tuple[apply.Plan, Collection]:
            planned = apply.plan(services().catalog, wanted)
            conditions.check(None if planned.before is None else _etag(planned.before))
            return planned, planned.after if dry_run else apply.apply(
                services().catalog,
                planned,
                is_empty=partial(is_empty, services().record_store),
                builder=services().backfills,
                confirmed=request.flag("confirm"),
            )

        planned, after = apply.persist(attempt)
        made = planned.before is None and not dry_run
        cost = estimate(
            planned.before,
            planned.after,
            services().last_counts(name) if planned.changes else None,
            services().settings.backfill_rate,
        )
        return Response(
            {
                "collection": _shown(after),
                "changes": [
                    {
                        "text": change.text,
                        "destructive": change.destructive,
                        "needs_backfill": change.needs_backfill,
                    }
                    for change in planned.changes
                ],
                "applied": not dry_run,
                "cost": None if cost is None else asdict(cost),
            },
            status=201 if made else 200,
            location=request.path if made else None,
            etag=None if dry_run else _etag(after),
        )

    return routes


def _shown(collection: Collection) -> dict[str, Any]:
    """The document, and what of it is not ready."""
    unready = builds.described(collection)
    return document.dump(collection) | ({"builds": unready} if unready else {})


def _named(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The document of a body, which may be an answer of ours that is sent back."""
    body = {key: value for key, value in body.items() if key != "builds"}
    if body.get("name", name) != name:
        raise Invalid("The name is not that of the path.", code="invalid_collection")
    return {**body, "name": name}


def _etag(collection: Collection) -> str:
    return f'"{collection.version}"'
