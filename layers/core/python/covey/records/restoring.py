"""Bringing back: a past version of a record, or a record that was removed.

A version of a record that is there is an update with its values. One that is gone is made again
under its id, with its age, and with a number above all that it had, so that no version is told
twice. What was removed softly, whoever may delete it may bring back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from covey.errors import Conflict, CoveyError, NotFound
from covey.fields import expires_at, validate_record
from covey.identity import authorize as access
from covey.identity.administrators import administrators_only
from covey.identity.principal import Principal
from covey.records import drafts
from covey.records.archive import Version
from covey.records.asking import Asking
from covey.records.conditions import UNCONDITIONAL, Conditions
from covey.records.model import Record
from covey.records.ports import Write
from covey.records.preparing import Prepared, Preparer, untouched
from covey.records.reading import Answer, Parameters


class Restorer(Preparer):
    """Prepares restores and purges."""

    def prepare_restore(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        version: int | None,
        *,
        parameters: Parameters | None = None,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[Answer]:
        """The record with the values of a version; without one, as it was when it was removed."""
        asking = self._asking(principal, collection, request, parameters)
        present = self._read(asking, record_id, consistent=True)
        if version is None:
            return self._unburied(asking, record_id)
        if present is not None:
            return self._changed_back(asking, present, version, conditions)
        if not principal.is_administrator:
            raise NotFound("record")
        return self._made_again(asking, record_id, version)

    def prepare_purge(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        *,
        conditions: Conditions = UNCONDITIONAL,
        request: Mapping[str, Any] | None = None,
    ) -> Prepared[None]:
        """The removal of a record for good, also of one that was removed softly."""
        asking = self._asking(principal, collection, request, None)
        present = self._read(asking, record_id, consistent=True)
        if not principal.is_administrator:
            if present is None or asking.visible(asking.collection, present) is None:
                raise NotFound("record")
            administrators_only(principal)
        forget = self.archive.forget(asking.collection, record_id)
        if present is None:
            removed = self._found(asking, record_id)
            if removed is None:
                raise NotFound("record")
            conditions.check(None)
            files = self._attachments.released(asking.collection, removed.record)
            return Prepared(None, lambda: None, also=[*forget, *files])
        conditions.check(present.etag)
        self._hook(asking, "delete", present, present)
        guard = self._referrers.guard(asking, present)
        write = Write(asking.collection, present, None, guard)
        return Prepared(write, lambda: None, also=forget)

    # ---- parts

    def _changed_back(
        self, asking: Asking, present: Record, number: int, conditions: Conditions
    ) -> Prepared[Answer]:
        before = self._before(asking, present.id, "update", conditions, present)
        rights = asking.rights(before)
        if number == before.version:
            return self._change(asking, before, drafts.Draft(dict(before.values), ()), rights)
        version, shown = self._past(asking, before.id, number, before)
        readable = rights.readable & asking.rights(version.record).readable
        body = self._body(asking, shown, readable & rights.writable)
        draft = drafts.restored(asking.collection, before, body, rights)
        return self._change(asking, before, draft, rights)

    def _made_again(self, asking: Asking, record_id: str, number: int) -> Prepared[Answer]:
        collection = asking.collection
        newest = self._newest(collection, record_id)
        version, shown = self._past(asking, record_id, number, None)
        assert newest is not None  # noqa: S101 - or there was no version of it
        if collection.history is not None and not newest.removed:
            # Its last number is not known before that, and must not be given again.
            raise Conflict("Its removal is not in its history yet; try again in a moment.")
        empty = replace(version.record, values={}, by=None)
        body = self._body(asking, shown, frozenset(collection.fields))
        values = validate_record(collection, body, scope=asking.scope(empty))
        also = [
            *self.archive.forget(collection, record_id),
            *self.archive.reopen(collection, record_id),
        ]
        return self._again(asking, newest, values, tuple(body), also)

    def _unburied(self, asking: Asking, record_id: str) -> Prepared[Answer]:
        access.refuse_early(asking.principal, asking.collection, "delete")
        removed = self._found(asking, record_id)
        if removed is None or asking.visible(asking.collection, removed.record) is None:
            raise NotFound("record")
        try:
            asking.authorize("delete", removed.record, removed.record)
        except CoveyError as error:  # to others it is gone
            raise NotFound("record") from error
        also = self.archive.unbury(asking.collection, removed)
        return self._again(asking, removed, dict(removed.record.values), (), also)

    def _found(self, asking: Asking, record_id: str) -> Version | None:
        return self.archive.buried(asking.collection, record_id)

    def _body(
        self, asking: Asking, shown: Mapping[str, Any], names: frozenset[str]
    ) -> dict[str, Any]:
        """What is written: the values that the version had, and that it had none.

        A required field without a value has come since: it keeps what it has, or its default.
        """
        fields = asking.collection.fields
        return {
            name: shown.get(name)
            for name in fields
            if name in names and (name in shown or not fields[name].required)
        }

    def _again(
        self,
        asking: Asking,
        last: Version,
        values: dict[str, Any],
        given: tuple[str, ...],
        also: list[dict[str, Any]],
    ) -> Prepared[Answer]:
        collection, former = asking.collection, last.record
        asked = Record(
            former.id,
            former.created,
            max(asking.now, former.updated),
            former.version + 1,
            values,
            expires_at(collection, values),
            self._by(asking),
        )
        record = self._hook(asking, "create", asked)
        given = untouched(given, asked, record)
        guard = self._relations.check(asking, record.values, given=given, before={})
        files = self._attachments.taking(asking, record, before={}, own=frozenset(record.values))
        return Prepared(
            Write(collection, None, record, guard),
            lambda: self._answer(asking, record, asking.visible(collection, record), created=True),
            also=[*also, *files],
        )
