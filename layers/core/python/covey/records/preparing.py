"""Writes that are ready: every rule, check and precondition asked, nothing written yet.

The order is the same for every write: may the caller do this at all, is the record there for
them, do the rules hold on it, do the preconditions hold, is the body valid, do the rules hold on
the result, do the team's hooks let it pass and as what, do its relations exist.
`covey.records.service` then writes one, and `covey.records.batch` several: there is no second way
to a write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from covey.errors import Conflict, CoveyError, NotFound, PreconditionFailed
from covey.fields import expires_at
from covey.hooks.write import Action
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.insight import meter
from covey.records import drafts
from covey.records.archive import Version
from covey.records.asking import Asking
from covey.records.concealing import concealed
from covey.records.conditions import UNCONDITIONAL, Conditions
from covey.records.custom_ids import (
    check_custom_id,
    differing_id,
    given_id,
    refuse_custom_ids,
)
from covey.records.history import Historian
from covey.records.hooking import hooked
from covey.records.ids import created_of
from covey.records.model import Record
from covey.records.patch import same
from covey.records.ports import Write
from covey.records.reading import LOOKED, Answer, Parameters

OVERTAKEN = "conflict"  # the store's code for a write that came second

Body = Mapping[str, Any]
T = TypeVar("T", covariant=True)


def _unchanged(conflict: CoveyError) -> CoveyError:
    return conflict


@dataclass(frozen=True, slots=True)
class Prepared(Generic[T]):
    """A write that may be done: `write` None where nothing would change.

    `answer` makes what the caller is answered, and may read what it expands. `refused` turns
    what the store says of the write into what the caller is told. `also` are raw items for the
    transaction of the write.
    """

    write: Write | None
    answer: Callable[[], T]
    refused: Callable[[CoveyError], CoveyError] = _unchanged
    also: Sequence[dict[str, Any]] = ()


class Preparer(Historian):
    """Prepares writes under the rules. Each method raises as the one of `Records` does."""

    def prepare_create(
        self,
        principal: Principal,
        collection: str,
        body: Body,
        *,
        parameters: Parameters | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[Answer]:
        """A new record."""
        asking = self._asking(principal, collection, request, parameters)
        access.refuse_early(asking.principal, asking.collection, "create")
        return self._new(asking, given_id(asking.collection, body), body)

    def prepare_update(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        patch: Body,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[Answer]:
        """The record after a merge patch with operators."""
        asking = self._asking(principal, collection, request, parameters)
        before = self._before(asking, record_id, "update", conditions)
        rights = asking.rights(before)
        draft = drafts.patched(asking.principal, asking.collection, before, patch, rights)
        return self._change(asking, before, draft, rights)

    def prepare_replace(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        body: Body,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[Answer]:
        """The record with this body instead of its values; a new record where none is."""
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

    def prepare_delete(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        *,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[None]:
        """The removal of a record."""
        asking = self._asking(principal, collection, request, None)
        before = self._before(asking, record_id, "delete", conditions)
        self._hook(asking, "delete", before, before)
        guard = self._referrers.guard(asking, before)
        write = Write(asking.collection, before, None, guard)
        return Prepared(write, lambda: None, also=self._bury(asking, before))

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
        spent = replace(meter.read())
        before = record or self._read(asking, record_id, consistent=True)
        if before is None or asking.visible(asking.collection, before) is None:
            meter.restate(spent, LOOKED)
            raise NotFound("record")
        asking.authorize(action, before, before)
        conditions.check(before.etag)
        return before

    def _hook(
        self, asking: Asking, action: Action, record: Record, old: Record | None = None
    ) -> Record:
        """The record as the team's hooks leave it."""
        return hooked(
            self._hooks,
            asking.collection,
            action,
            record,
            who=asking.principal,
            old=old,
            request=asking.request,
        )

    def _bury(self, asking: Asking, before: Record) -> Sequence[dict[str, Any]]:
        """What keeps a record that is removed, where the collection keeps them."""
        if asking.collection.soft_delete is None:
            return ()
        removed = Version(before, asking.now, removed=True, remover=asking.principal.scope)
        return self.archive.bury(asking.collection, removed)

    def _by(self, asking: Asking) -> str | None:
        """Who is said to have written a version, where versions are kept."""
        return None if asking.collection.history is None else asking.principal.scope

    def _new(self, asking: Asking, record_id: str | None, body: Body) -> Prepared[Answer]:
        collection = asking.collection
        made = record_id or self._store.new_id(collection)
        created = created_of(made) if collection.ids == "auto" else asking.now
        empty = Record(made, created, created, 1)
        given = {name: value for name, value in body.items() if name != "id"}
        draft = drafts.created(asking.principal, collection, given, asking.scope(empty))
        expires = expires_at(collection, draft.values)
        asked = replace(empty, values=draft.values, expires=expires, by=self._by(asking))
        asking.authorize("create", asked, written=draft.written)
        record = self._hook(asking, "create", asked)
        wrote = untouched(draft.written, asked, record)
        guard = self._relations.check(asking, record.values, given=wrote, before={})
        files = self._attachments.taking(asking, record, before={})
        return Prepared(
            Write(collection, None, record, guard),
            lambda: self._answer(asking, record, asking.visible(collection, record), created=True),
            lambda error: concealed(asking.principal, collection, error),
            files,
        )

    def _put_new(
        self, asking: Asking, record_id: str, body: Body, conditions: Conditions, *, there: bool
    ) -> Prepared[Answer]:
        """PUT where nothing is, or nothing that the caller may see: both answer alike."""
        access.refuse_early(asking.principal, asking.collection, "create")
        conditions.check(None)
        if asking.collection.ids == "auto":
            raise refuse_custom_ids(asking.collection)
        if body.get("id", record_id) != record_id:
            raise differing_id()
        prepared = self._new(asking, check_custom_id(record_id), body)

        def refused(error: CoveyError) -> CoveyError:
            if not (isinstance(error, Conflict) and error.code == "exists"):
                return prepared.refused(error)
            if conditions.if_none_match is not None:
                return PreconditionFailed("A record with this id exists.")
            # Made by another writer since the read: the next attempt replaces it.
            return error if there else Conflict(code=OVERTAKEN)

        return replace(prepared, refused=refused)

    def _change(
        self, asking: Asking, before: Record, draft: drafts.Draft, rights: drafts.Rights
    ) -> Prepared[Answer]:
        collection, values = asking.collection, draft.values
        after = before
        given = draft.written
        if draft.written:
            after = Record(
                before.id,
                before.created,
                max(asking.now, before.updated),
                before.version + 1,
                values,
                expires_at(collection, values),
                self._by(asking),
            )
        asking.authorize("update", after, before, draft.written)
        if draft.written:
            asked, after = after, self._hook(asking, "update", after, before)
            given = untouched(draft.written, asked, after)
        known = {name: before.values.get(name) for name in rights.readable}
        # What is written to a field that its writer does not read is asked about as if it were new.
        hidden = {name for name in draft.written if name not in rights.readable}
        files: Sequence[dict[str, Any]] = ()
        guard = self._relations.check(asking, after.values, given=given, before=known)
        if after is not before:
            there = {name: value for name, value in before.values.items() if name not in hidden}
            files = self._attachments.taking(asking, after, before=there, own=rights.readable)
        return Prepared(
            None if after is before else Write(collection, before, after, guard),
            lambda: self._answer(asking, after, asking.visible(collection, after)),
            lambda error: concealed(asking.principal, collection, error),
            files,
        )


def untouched(written: tuple[str, ...], asked: Record, record: Record) -> tuple[str, ...]:
    """The fields that the caller wrote and no hook wrote after them."""
    if record is asked:
        return written
    return tuple(n for n in written if same(asked.values.get(n), record.values.get(n)))
