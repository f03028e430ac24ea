"""Why a caller may or may not do a thing to a record: each rule, clause by clause, with values.

`covey.identity.authorize` decides here as it does everywhere; what stands beside its answer is
read from the same rules in the same scopes. It shows whatever the rules read, hidden or not: for
administrators alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from covey.collections.model import Collection
from covey.collections.scope import RecordScope
from covey.errors import BadRequest, CoveyError, FieldError, Invalid, NotFound
from covey.expressions import Expression, explain
from covey.fields import FieldFault, validate_value
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.records.asking import Asking
from covey.records.model import Record
from covey.records.reading import Reader

_SAMPLE = "0" * 20  # the id of a record that is only thought of


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to do: to the record of this `id`, or to one of these values.

    `record` has values as they would be: all of them, or where there is a record, those that the
    caller would write, null for none. `before` stands for a record that is not there.
    """

    collection: str
    action: access.Action
    id: str | None = None
    record: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None


class Permissions(Reader):
    """Explains decisions."""

    def explain_rules(self, principal: Principal, question: Question) -> dict[str, Any]:
        """The decision on a question, and why.

        Raises NotFound for a collection or record that is not there, Invalid for values that its
        fields cannot hold, BadRequest ``invalid_question``.
        """
        asking = self._asking(principal, question.collection, question.request, None)
        before, record = self._records(asking, question)
        written = _written(before, record)
        try:
            asking.authorize(question.action, record, before, written)
            refusal = None
        except CoveyError as error:
            refusal = {"status": error.status, "code": error.code, "detail": error.detail}
        return {
            "allowed": refusal is None,
            "refusal": refusal,
            "principal": _shown(asking.principal),
            "rules": []
            if principal.is_administrator
            else list(_rules(asking, question, before, record)),
            "fields": _fields(asking, before, record, written),
        }

    # ---- parts

    def _records(self, asking: Asking, question: Question) -> tuple[Record | None, Record]:
        """The record before, for an update, and the one that is decided about."""
        collection = asking.collection
        given = None if question.record is None else _values(collection, question.record, "record")
        there = self._there(asking, question)
        if question.action == "create":
            if given is None:
                raise _fault("record", "A create is of values: give record.")
            return None, _made(asking, question.id or _SAMPLE, given)
        if there is None and question.action != "update":
            if given is None:
                raise _fault("id", "Give the id of a record, or a record's values.")
            there, given = _made(asking, _SAMPLE, given), None
        if there is None:
            raise _fault("before", "An update is of a record: give id, or before.")
        if question.action != "update":
            return None, there
        values = {**there.values, **(given or {})}
        return there, Record(there.id, there.created, asking.now, there.version + 1, values)

    def _there(self, asking: Asking, question: Question) -> Record | None:
        if question.before is not None:
            return _made(asking, _SAMPLE, _values(asking.collection, question.before, "before"))
        if question.id is None or question.action == "create":
            return None
        found = self._read(asking, question.id, consistent=True)
        if found is None:
            raise NotFound("record")
        return found


def _made(asking: Asking, record_id: str, values: Mapping[str, Any]) -> Record:
    return Record(record_id, asking.now, asking.now, 1, dict(values))


def _values(collection: Collection, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values, each as its field keeps it; all need not be there."""
    values: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name, value in given.items():
        field = collection.fields.get(name)
        if field is None:
            faults.append(FieldError(f"{where}.{name[:64]}", "unknown_field", "is no field"))
            continue
        try:
            values[name] = None if value is None else validate_value(value, field)
        except FieldFault as fault:
            path = ".".join(map(str, (where, name, *fault.path)))
            faults.append(FieldError(path, fault.code, fault.message))
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults[:100])
    return values


def _fault(field: str, message: str) -> BadRequest:
    fault = FieldError(field, "required", message)
    return BadRequest(message, code="invalid_question", errors=[fault])


def _written(before: Record | None, record: Record) -> tuple[str, ...]:
    old = {} if before is None else before.values
    names = dict.fromkeys((*old, *record.values))
    return tuple(name for name in names if old.get(name) != record.values.get(name))


def _shown(principal: Principal) -> dict[str, Any]:
    return {
        "kind": str(principal.kind),
        "id": principal.id or None,
        "roles": list(principal.roles),
    }


def _rules(
    asking: Asking, question: Question, before: Record | None, record: Record
) -> Iterator[dict[str, Any]]:
    """The rules that are asked, in their order, and on which record each."""
    rules, action = asking.collection.rules, question.action
    if action != "create":
        yield {"rule": "read", "on": "record", **_told(asking, rules.read, before or record, None)}
    if action == "read":
        return
    rule = access.rule_of(rules, action)
    if before is not None:
        yield {"rule": action, "on": "before", **_told(asking, rule, before, before)}
    on = "after" if before is not None else "record"
    yield {"rule": action, "on": on, **_told(asking, rule, record, before)}


def _fields(
    asking: Asking, before: Record | None, record: Record, written: tuple[str, ...]
) -> dict[str, Any]:
    """The fields with rules of their own, and what these say; and which would be written."""
    if asking.principal.is_administrator:
        return {}
    shown: dict[str, Any] = {}
    for name, field in asking.collection.fields.items():
        if field.read is None and field.write is None:
            continue
        told: dict[str, Any] = {"written": name in written}
        if field.read is not None:
            told["read"] = _told(asking, field.read, record, None)
        if field.write is not None:
            told["write"] = _told(asking, field.write, record, before)
            if before is not None:
                told["write_before"] = _told(asking, field.write, before, before)
        shown[name] = told
    return shown


def _told(
    asking: Asking, rule: Expression | None, record: Record, old: Record | None
) -> dict[str, Any]:
    """One rule: as it is written, whether it holds, and why; absent means administrators alone."""
    if rule is None:
        return {"text": None, "holds": False, "why": None}
    scope = RecordScope(
        asking.collection,
        record,
        old=old,
        auth=asking.principal,
        now=asking.now,
        request=asking.request,
        read=asking.read,
    )
    holds = access.holds(rule, scope)
    return {"text": rule.text, "holds": holds, "why": explain(rule, scope.anew())}
