"""Records: the service that every surface calls to read and write them.

Each method takes the caller first and asks `covey.identity.authorize` before it answers. The
order is the same everywhere: may the caller do this at all, is the record there for them, do the
rules hold on it, do the preconditions hold, is the body valid, do the rules hold on the result,
do its relations exist; only then is anything written.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from covey.collections.catalog import Catalog
from covey.errors import Conflict, NotFound, PreconditionFailed
from covey.fields import expires_at
from covey.identity import authorize as access
from covey.identity.principal import SYSTEM, Principal
from covey.records import drafts
from covey.records.asking import Asking, has_expired
from covey.records.conditions import UNCONDITIONAL, Conditions
from covey.records.custom_ids import (
    can_hold,
    check_custom_id,
    differing_id,
    given_id,
    refuse_custom_ids,
)
from covey.records.ids import created_of
from covey.records.model import Record
from covey.records.ports import RecordStore
from covey.records.reading import Answer, Listing, Parameters, Reader
from covey.records.time import now_ms

__all__ = ["Answer", "Listing", "Records"]

OVERTAKEN = "conflict"  # the store's code for a write that came second
ATTEMPTS = 12  # of a write that others overtake; their pauses add up to about a second
_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.2

Body = Mapping[str, Any]
T = TypeVar("T")


class Records(Reader):
    """Create, get, update, replace, delete, list and explain, under the rules.

    `budget` is how many records one list may examine; `clock` is in milliseconds; `pause` sleeps
    for seconds. `request` is what rules read as ``request.method`` and ``request.ip``. The
    caller's own record is read when a rule first names ``auth.<field>``: once per request where
    the caller comes `with_profile`, else once per call.
    Unless said otherwise methods raise NotFound for a collection or record that is not there for
    this caller, Unauthenticated or Forbidden where a rule refuses, BadRequest for parameters.
    """

    def __init__(
        self,
        store: RecordStore,
        catalog: Catalog,
        *,
        budget: int = 2_000,
        clock: Callable[[], int] = now_ms,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(store, catalog, budget=budget, clock=clock)
        self._pause = pause

    def create(
        self,
        principal: Principal,
        collection: str,
        body: Body,
        *,
        parameters: Parameters | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Answer:
        """A new record.

        Raises Invalid for every fault of the body, Conflict ``exists`` or ``unique_violation``.
        """
        asking = self._asking(principal, collection, request, parameters)
        access.refuse_early(asking.principal, asking.collection, "create")
        return self._insert(asking, given_id(asking.collection, body), body)

    def update(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        patch: Body,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The record after a merge patch with operators.

        A patch that changes nothing writes nothing: version and `updated` stay. Raises Invalid,
        PreconditionFailed, Conflict.
        """

        def attempt() -> Answer:
            asking = self._asking(principal, collection, request, parameters)
            before = self._before(asking, record_id, "update", conditions)
            rights = asking.rights(before)
            draft = drafts.patched(asking.principal, asking.collection, before, patch, rights)
            return self._change(asking, before, draft, rights)

        return self._persist(attempt)

    def replace(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        body: Body,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The record with this body instead of its values; a new record where none is.

        Raises Invalid, also where the collection makes its own ids and there is no such record
        to replace; PreconditionFailed, Conflict.
        """

        def attempt() -> Answer:
            asking = self._asking(principal, collection, request, parameters)
            record = self._read(asking, record_id, consistent=True)
            if record is None or asking.visible(asking.collection, record) is None:
                return self._put_new(asking, record_id, body, conditions, there=record is not None)
            before = self._before(asking, record_id, "update", conditions, record)
            rights = asking.rights(before)
            draft = drafts.replaced(
                asking.principal, asking.collection, before, body, rights, asking.scope(before)
            )
            return self._change(asking, before, draft, rights)

        return self._persist(attempt)

    def delete(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        *,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        """Remove the record. Raises PreconditionFailed, Conflict."""

        def attempt() -> None:
            asking = self._asking(principal, collection, request, None)
            before = self._before(asking, record_id, "delete", conditions)
            self._store.delete(asking.collection, before)

        self._persist(attempt)

    def put_row(
        self,
        principal: Principal,
        collection: str,
        body: Body,
        *,
        record_id: str,
        derived: bool,
        upsert: bool,
    ) -> None:
        """One row of an import: a new record under this id, or instead of the one that is there.

        A row may come twice. A `derived` id names the row, so that a record under it is the
        row's own and stays as it is; any other record in the way is replaced when `upsert`,
        and else refused unless it holds what the row says. Only administrators may give the
        ids of a collection that makes its own: ids carry the time of creation. Raises as
        `create` and `replace` do.
        """
        asking = self._asking(principal, collection, None, None)
        access.refuse_early(asking.principal, asking.collection, "create")
        if not derived:
            own = asking.collection.ids == "auto"
            if own and not (principal.is_administrator and can_hold(asking.collection, record_id)):
                raise refuse_custom_ids(asking.collection)
            record_id = record_id if own else check_custom_id(record_id)
        try:
            self._insert(asking, record_id, body)
        except Conflict as conflict:
            if conflict.code != "exists":
                raise
            if derived:
                return
            if upsert:
                self.replace(principal, collection, record_id, body)
            elif not self._holds(asking, record_id, body):
                raise

    def _holds(self, asking: Asking, record_id: str, body: Body) -> bool:
        """Whether the caller sees a record of this id with these values."""
        found = self._read(asking, record_id, consistent=True)
        shown = None if found is None else asking.visible(asking.collection, found)
        return shown is not None and all(shown.get(name) == body[name] for name in body)

    def expire(self, collection: str, record_id: str) -> bool:
        """Remove a record whose time has come; False when it is gone or lives on."""
        asking = self._asking(SYSTEM, collection, None, None)
        record = self._read(asking, record_id, consistent=True)
        if record is None or not has_expired(record, asking.now):
            return False
        try:
            self._store.delete(asking.collection, record)
        except (Conflict, NotFound):  # written meanwhile: the next sweep looks again
            return False
        return True

    # ---- parts

    def _before(
        self,
        asking: Asking,
        record_id: str,
        action: access.Action,
        conditions: Conditions,
        record: Record | None = None,
    ) -> Record:
        """The record to write, once rules and preconditions hold on it as it is."""
        access.refuse_early(asking.principal, asking.collection, action)
        before = record or self._read(asking, record_id, consistent=True)
        if before is None or asking.visible(asking.collection, before) is None:
            raise NotFound("record")
        asking.authorize(action, before, before)
        conditions.check(before.etag)
        return before

    def _insert(self, asking: Asking, record_id: str | None, body: Body) -> Answer:
        collection = asking.collection
        made = record_id or self._store.new_id(collection)
        created = created_of(made) if collection.ids == "auto" else asking.now
        empty = Record(made, created, created, 1)
        given = {name: value for name, value in body.items() if name != "id"}
        draft = drafts.created(asking.principal, collection, given, asking.scope(empty))
        values = draft.values
        record = replace(empty, values=values, expires=expires_at(collection, values))
        asking.authorize("create", record, written=draft.written)
        self._relations.check(asking, values, given=draft.written, before={})
        self._store.create(collection, record)
        return self._answer(asking, record, asking.visible(collection, record), created=True)

    def _put_new(
        self, asking: Asking, record_id: str, body: Body, conditions: Conditions, *, there: bool
    ) -> Answer:
        """PUT where nothing is, or nothing that the caller may see: both answer alike."""
        access.refuse_early(asking.principal, asking.collection, "create")
        conditions.check(None)
        if asking.collection.ids == "auto":
            raise refuse_custom_ids(asking.collection)
        if body.get("id", record_id) != record_id:
            raise differing_id()
        try:
            return self._insert(asking, check_custom_id(record_id), body)
        except Conflict as conflict:
            if conflict.code != "exists":
                raise
            if conditions.if_none_match is not None:
                raise PreconditionFailed("A record with this id exists.") from conflict
            if there:
                raise
            # Made by another writer since the read: the next attempt replaces it.
            raise Conflict(code=OVERTAKEN) from conflict

    def _change(
        self, asking: Asking, before: Record, draft: drafts.Draft, rights: drafts.Rights
    ) -> Answer:
        collection, values = asking.collection, draft.values
        after = before
        if draft.written:
            after = Record(
                before.id,
                before.created,
                max(asking.now, before.updated),
                before.version + 1,
                values,
                expires_at(collection, values),
            )
        asking.authorize("update", after, before, draft.written)
        known = {name: before.values.get(name) for name in rights.readable}
        self._relations.check(asking, values, given=draft.written, before=known)
        if after is not before:
            self._store.update(collection, before, after)
        return self._answer(asking, after, asking.visible(collection, after))

    def _persist(self, attempt: Callable[[], T]) -> T:
        """Repeat a read and conditional write while other writers overtake it."""
        for number in range(ATTEMPTS):
            try:
                return attempt()
            except Conflict as conflict:
                if conflict.code != OVERTAKEN:
                    raise
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number)
            self._pause(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
        raise Conflict("Others keep changing this record; try again.", code=OVERTAKEN)
