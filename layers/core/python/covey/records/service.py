"""Records: the service that every surface calls to read and write them.

Each method takes the caller first and asks `covey.identity.authorize` before it answers, in the
order that `covey.records.preparing` keeps for all writes. Nothing is written unless all holds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from covey.collections.catalog import Catalog
from covey.errors import Conflict, FieldError, Invalid, NotFound
from covey.identity import authorize as access
from covey.identity.principal import SYSTEM, Principal
from covey.records.archive import Archive
from covey.records.asking import Asking, has_expired
from covey.records.attachments import Attachments
from covey.records.conditions import UNCONDITIONAL, Conditions
from covey.records.counting import no_count
from covey.records.custom_ids import can_hold, check_custom_id, refuse_custom_ids
from covey.records.holding import Holder
from covey.records.hooking import Hooks
from covey.records.ports import RecordStore, Write, WriteRefused
from covey.records.preparing import OVERTAKEN, Body, Prepared
from covey.records.reading import Answer, Listing, Parameters
from covey.records.restoring import Restorer
from covey.records.time import now_ms
from covey.records.upserting import Upserter

__all__ = ["Also", "Answer", "Listing", "Records"]

ATTEMPTS = 12  # of a write that others overtake; their pauses add up to about a second
_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.2

T = TypeVar("T")
Also = Callable[[Any], Sequence[dict[str, Any]]]


class Records(Upserter, Restorer, Holder):
    """Create, get, update, replace, delete, list and explain, under the rules.

    `budget` is how many records one list may examine; `clock` is in milliseconds; `pause` sleeps
    for seconds; `last_count` tells how many records a collection had when last counted, None where
    that is not known. `request` is what rules read as ``request.method`` and ``request.ip``. The
    caller's own record is read when a rule first names ``auth.<field>``: once per request where
    the caller comes `with_profile`, else once per call. `also` makes, of what will be answered,
    raw items that are written in the same transaction, also where the write changes nothing.
    `hooks` are the team's own code, which every write goes through but `expire`.
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
        last_count: Callable[[str], int | None] = no_count,
        archive: Archive | None = None,
        hooks: Hooks | None = None,
        attachments: Attachments | None = None,
    ) -> None:
        super().__init__(
            store,
            catalog,
            budget=budget,
            clock=clock,
            last_count=last_count,
            archive=archive,
            hooks=hooks,
            attachments=attachments,
        )
        self._pause = pause

    def over(self, store: RecordStore) -> Records:
        """The same service on another store, for the writes of one transaction."""
        return Records(
            store,
            self._catalog,
            budget=self._budget,
            clock=self._clock,
            pause=self._pause,
            archive=self._archive,
            hooks=self._hooks,
            attachments=self._attachments.together(),
        )

    def create(
        self,
        principal: Principal,
        collection: str,
        body: Body,
        *,
        parameters: Parameters | None = None,
        request: Mapping[str, Any] | None = None,
        also: Also | None = None,
    ) -> Answer:
        """A new record.

        Raises Invalid for every fault of the body, Conflict ``exists`` or ``unique_violation``.
        """

        def attempt() -> Answer:
            prepared = self.prepare_create(
                principal, collection, body, parameters=parameters, request=request
            )
            return self._commit(prepared, also)

        return self.persist(attempt)

    def upsert(
        self,
        principal: Principal,
        collection: str,
        by: Sequence[str],
        body: Body,
        *,
        parameters: Parameters | None = None,
        request: Mapping[str, Any] | None = None,
        also: Also | None = None,
    ) -> Answer:
        """A new record, or the one with these values of `by`, a unique tuple, changed.

        The body is a merge patch with operators, applied to nothing where the record is new.
        Raises as `create` and `update` do, and BadRequest ``invalid_on_conflict``.
        """

        def attempt() -> Answer:
            prepared = self.prepare_upsert(
                principal, collection, by, body, parameters=parameters, request=request
            )
            return self._commit(prepared, also)

        return self.persist(attempt)

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
        also: Also | None = None,
    ) -> Answer:
        """The record after a merge patch with operators.

        A patch that changes nothing writes nothing: version and `updated` stay. Raises Invalid,
        PreconditionFailed, Conflict.
        """

        def attempt() -> Answer:
            prepared = self.prepare_update(
                principal,
                collection,
                record_id,
                patch,
                parameters=parameters,
                conditions=conditions,
                request=request,
            )
            return self._commit(prepared, also)

        return self.persist(attempt)

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
        also: Also | None = None,
    ) -> Answer:
        """The record with this body instead of its values; a new record where none is.

        Raises Invalid, also where the collection makes its own ids and there is no such record
        to replace; PreconditionFailed, Conflict.
        """

        def attempt() -> Answer:
            prepared = self.prepare_replace(
                principal,
                collection,
                record_id,
                body,
                parameters=parameters,
                conditions=conditions,
                request=request,
            )
            return self._commit(prepared, also)

        return self.persist(attempt)

    def delete(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        *,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
        also: Also | None = None,
    ) -> None:
        """Remove the record, softly where the collection says so.

        Raises PreconditionFailed, Conflict.
        """

        def attempt() -> None:
            prepared = self.prepare_delete(
                principal, collection, record_id, conditions=conditions, request=request
            )
            self._commit(prepared, also)

        self.persist(attempt)

    def purge(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        *,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
        also: Also | None = None,
    ) -> None:
        """Remove the record for good, also one that was removed softly; for administrators.

        What its history keeps stays there until its time. Raises as `delete` does.
        """

        def attempt() -> None:
            prepared = self.prepare_purge(
                principal, collection, record_id, conditions=conditions, request=request
            )
            self._commit(prepared, also)

        self.persist(attempt)

    def restore(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        version: int | None = None,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
        also: Also | None = None,
    ) -> Answer:
        """The record with the values of a past version, or back from its soft removal.

        A version of a record that is there is an update, by its rules, of the fields that the
        caller reads and writes; a removed record is brought back by who may delete it, a version
        of a record that is gone by administrators. Raises as `update` and `create` do.
        """

        def attempt() -> Answer:
            prepared = self.prepare_restore(
                principal,
                collection,
                record_id,
                version,
                parameters=parameters,
                conditions=conditions,
                request=request,
            )
            return self._commit(prepared, also)

        return self.persist(attempt)

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
        prepared = self._new(asking, record_id, body)
        try:
            self._commit(prepared)
        except Conflict as conflict:
            if conflict.code != "exists":
                raise
            if derived:
                return
            if upsert:
                self.replace(principal, collection, record_id, body)
            elif not self._holds(asking, record_id, body, prepared):
                raise

    def _holds(
        self, asking: Asking, record_id: str, body: Body, prepared: Prepared[Answer]
    ) -> bool:
        """Whether the caller sees a record of this id with these values, as it would be kept."""
        found = self._read(asking, record_id, consistent=True)
        shown = None if found is None else asking.visible(asking.collection, found)
        made = prepared.write.after if prepared.write else None
        if shown is None or made is None:
            return False
        return all(shown.get(name) == made.values.get(name) for name in body)

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

    def persist(self, attempt: Callable[[], T]) -> T:
        """Repeat a read and conditional write while other writers overtake it.

        Raises the last Conflict ``conflict``, with its faults, after `ATTEMPTS` of them.
        """
        errors: Sequence[FieldError] = ()
        for number in range(ATTEMPTS):
            try:
                return attempt()
            except Conflict as conflict:
                if conflict.code != OVERTAKEN:
                    raise
                errors = conflict.errors
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number)
            self._pause(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret
        raise Conflict(
            "Others keep changing this record; try again.", code=OVERTAKEN, errors=errors
        )

    # ---- parts

    def _commit(self, prepared: Prepared[T], also: Also | None = None) -> T:
        if also is None:
            self._write(prepared, ())
            return prepared.answer()
        answer = prepared.answer()
        self._write(prepared, also(answer))
        return answer

    def _write(self, prepared: Prepared[Any], also: Sequence[dict[str, Any]]) -> None:
        store, write = self._store, prepared.write
        also = (*prepared.also, *also)
        try:
            match write:
                case None if also:
                    store.write((), also=also)
                case Write(guard=guard) if guard.closed is not None or guard.seen:
                    store.write((write,), also=also)
                case Write(collection, before, None) if before is not None:
                    store.delete(collection, before, also=also)
                case Write(collection, None, after) if after is not None:
                    store.create(collection, after, also=also)
                case Write(collection, before, after) if before is not None and after is not None:
                    store.update(collection, before, after, also=also)
        except WriteRefused as refused:
            raise prepared.refused(refused.error) from refused
        except (Conflict, Invalid, NotFound) as error:
            told = prepared.refused(error)
            if told is error:
                raise
            raise told from error
