"""Several writes in one request, each through the whole pipeline of a single one.

An atomic batch prepares its operations one after the other, each seeing what those before it
leave, and writes them in one transaction. Else each is done by itself, as if sent alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from covey.collections.catalog import Catalog
from covey.collections.model import Field
from covey.errors import (
    BadRequest,
    CoveyError,
    FieldError,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from covey.identity.principal import Principal
from covey.insight import meter
from covey.records.operations import REFERENCE, Operation
from covey.records.pending import Pending
from covey.records.ports import RecordStore, Write, WriteRefused
from covey.records.preparing import Prepared
from covey.records.reading import LOOKED, Answer
from covey.records.service import Also, Records
from covey.records.upserting import Upserter

# What rules read as `request.method`: that of the single endpoint, so that no batch is a way round.
_METHODS: Final = {
    "create": "POST",
    "upsert": "POST",
    "update": "PATCH",
    "replace": "PUT",
    "delete": "DELETE",
}


@dataclass(frozen=True, slots=True)
class Done:
    """An operation that was done; a delete has no answer."""

    operation: Operation
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Failed:
    """An operation that was not done, and why."""

    operation: Operation
    error: Exception


class Batches:
    """Batches over `Records`. One that is not atomic begins no operation after `seconds`."""

    def __init__(
        self,
        records: Records,
        store: RecordStore,
        catalog: Catalog,
        *,
        seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._store = store
        self._catalog = catalog
        self._seconds = seconds
        self._clock = clock

    def atomic(
        self,
        principal: Principal,
        operations: Sequence[Operation],
        *,
        request: Mapping[str, Any],
        also: Also | None = None,
    ) -> list[Done]:
        """Do all or nothing; `also` is given the answers before they are true.

        Raises what the first operation at fault raises, its faults under ``operations.{n}``;
        TooLarge ``batch_too_large``. Others' writes in between are taken in by another try.
        """

        def attempt() -> list[Done]:
            ready = self._ready(principal, operations, request)
            done = [Done(one, prepared.answer()) for one, prepared in ready]
            changing = [(one, prepared) for one, prepared in ready if prepared.write is not None]
            writes = [prepared.write for _, prepared in changing if prepared.write is not None]
            try:
                kept = [item for _, prepared in ready for item in prepared.also]
                self._store.write(writes, also=[*kept, *(also(done) if also else ())])
            except WriteRefused as refused:
                one, prepared = changing[refused.position]
                raise _placed(prepared.refused(refused.error), one) from refused
            return done

        return self._records.persist(attempt)

    def each(
        self,
        principal: Principal,
        operations: Sequence[Operation],
        *,
        request: Mapping[str, Any],
        also: Also | None = None,
    ) -> Iterator[Done | Failed]:
        """Do one after the other, whatever becomes of those before it."""
        until = self._clock() + self._seconds
        for one in operations:
            if self._clock() > until:
                yield Failed(one, Unavailable("The time of the batch is over; send it again."))
                continue
            before = replace(meter.read())
            try:
                answer = self._do(principal, one, request, also)
            except NotFound as error:
                # What is hidden answers as what is missing: units and time would tell them apart.
                meter.restate(before, LOOKED)
                yield Failed(one, error)
            except Exception as error:  # noqa: BLE001 - the others are to go on; it is told and logged
                yield Failed(one, error)
            else:
                yield Done(one, answer)

    # ---- parts

    def _ready(
        self, principal: Principal, operations: Sequence[Operation], request: Mapping[str, Any]
    ) -> list[tuple[Operation, Prepared[Answer | None]]]:
        """Each operation prepared, on the store as those before it leave it."""
        pending = Pending(self._store)
        preparer = self._records.over(pending)
        ready: list[tuple[Operation, Prepared[Answer | None]]] = []
        made: dict[int, str] = {}
        for one in operations:
            try:
                prepared = _prepare(preparer, principal, self._linked(one, made), request)
                if prepared.write is not None:
                    _once(pending, prepared.write)
            except CoveyError as error:
                raise _placed(error, one) from error.__cause__
            if prepared.write is not None:
                pending.keep(prepared.write)
                if one.method in ("create", "upsert"):
                    made[one.position] = prepared.write.id
            ready.append((one, prepared))
        return ready

    def _linked(self, one: Operation, made: Mapping[int, str]) -> Operation:
        """The operation with the ids of records that the batch makes in place of references."""
        if not one.body:
            return one
        try:
            fields = self._catalog.get(one.collection).fields
        except NotFound:
            return one
        relations = {name for name in one.body if _is_relation(fields.get(name))}
        if not relations:
            return one
        body = {
            name: _resolved(value, made) if name in relations else value
            for name, value in one.body.items()
        }
        return replace(one, body=body)

    def _do(
        self,
        principal: Principal,
        one: Operation,
        request: Mapping[str, Any],
        also: Also | None,
    ) -> Answer | None:
        records, body = self._records, one.body or {}
        more: dict[str, Any] = {"request": _view(one, request)}
        if also is not None:
            more["also"] = lambda answer: also(Done(one, answer))
        if one.method == "create":
            return records.create(principal, one.collection, body, **more)
        if one.method == "upsert":
            return records.upsert(principal, one.collection, one.by, body, **more)
        more["conditions"] = one.conditions
        if one.method == "update":
            return records.update(principal, one.collection, one.id, body, **more)
        if one.method == "replace":
            return records.replace(principal, one.collection, one.id, body, **more)
        records.delete(principal, one.collection, one.id, **more)
        return None


def _prepare(
    preparer: Upserter, principal: Principal, one: Operation, request: Mapping[str, Any]
) -> Prepared[Answer | None]:
    body, view = one.body or {}, _view(one, request)
    if one.method == "create":
        return preparer.prepare_create(principal, one.collection, body, request=view)
    if one.method == "upsert":
        return preparer.prepare_upsert(principal, one.collection, one.by, body, request=view)
    if one.method == "delete":
        return preparer.prepare_delete(
            principal, one.collection, one.id, conditions=one.conditions, request=view
        )
    prepare = preparer.prepare_update if one.method == "update" else preparer.prepare_replace
    return prepare(principal, one.collection, one.id, body, conditions=one.conditions, request=view)


def _once(pending: Pending, write: Write) -> None:
    """Raise for a record that the batch writes already: a transaction takes one write of each.

    Operations that name their records are refused before; an upsert names none.
    """
    if pending.writes(write.collection, write.id):
        raise BadRequest("An atomic batch writes each record once.", code="invalid_batch")


def _view(one: Operation, request: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, "method": _METHODS[one.method]}


def _is_relation(field: Field | None) -> bool:
    return field is not None and field.type == "relation"


def _resolved(value: Any, made: Mapping[int, str]) -> Any:
    """A relation's value with ``{"$id": n}`` replaced by the id of what operation n creates."""
    if isinstance(value, list):
        return [_resolved(item, made) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {REFERENCE}:
        return {key: _resolved(item, made) for key, item in value.items()}
    # What names no create before it stays as it is: validation refuses it in its turn, once it
    # is known that the caller may write here at all.
    number = value[REFERENCE]
    return made.get(number, value) if type(number) is int else value


def _placed(error: CoveyError, one: Operation) -> CoveyError:
    """The error with its place in the batch; the error itself, as it is on its way already."""
    place = f"operations.{one.position}"
    if error.errors:
        error.errors = tuple(
            replace(fault, field=f"{place}.body.{fault.field}".removesuffix("."))
            for fault in error.errors
        )
    else:
        where = f"{place}.if_match" if isinstance(error, PreconditionFailed) else place
        error.errors = (FieldError(where, error.code, error.detail),)
    error.detail = f"Operation {one.position}: {error.detail}"
    return error
