"""Which changes an endpoint is told of.

A filter speaks of the record and of `old`, the record before an update (of a deleted record both
are what it last was), and of `now`, which is when the change was made: the same each time that it
is asked. It knows no caller and no other records, and no hidden
fields: what it lets through would tell of them.
"""

from __future__ import annotations

from covey.collections.model import Collection
from covey.collections.scope import RecordScope, types
from covey.expressions import Expression, ExpressionError, Type, check, parse
from covey.records.model import Change
from covey.webhooks.model import Endpoint

_NOBODY = ("auth", "request")


def checked(written: str, collection: Collection) -> Expression | None:
    """The filter for records of a collection, None where there is none; raises ExpressionError."""
    if not written.strip():
        return None
    hidden = {name for name, field in collection.fields.items() if field.hidden}
    veiled = {*_NOBODY, *hidden, *(f"old.{name}" for name in hidden)}
    known = {
        name: of
        for name, of in types(collection).items()
        if name not in veiled and name.partition(".")[0] not in _NOBODY
    }
    return check(parse(written), known, Type.BOOL)


class Filters:
    """Checked filters, kept while endpoint and collection stay as they are."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[int, Collection, Expression | None]] = {}

    def takes(self, endpoint: Endpoint, collection: Collection, change: Change) -> bool:
        """Whether the endpoint is told of this change; raises ExpressionError where its filter
        does not fit the collection any more.
        """
        if collection.name not in endpoint.collections or change.kind not in endpoint.kinds:
            return False
        record = change.after or change.before
        accepts = self._of(endpoint, collection)
        if accepts is None or record is None:
            return accepts is None
        now = moment(change)
        return accepts.holds(RecordScope(collection, record, old=change.before, now=now))

    def _of(self, endpoint: Endpoint, collection: Collection) -> Expression | None:
        key = (endpoint.id, collection.name)
        found = self._kept.get(key)
        if found is None or found[0] != endpoint.revision or found[1] is not collection:
            found = (endpoint.revision, collection, checked(endpoint.filter, collection))
            self._kept[key] = found
        return found[2]


def moment(change: Change) -> int:
    """When a change was made, in milliseconds: the same however often it comes."""
    record = change.after or change.before
    return change.at or (record.updated if record else 0)


def fault_of(endpoint: Endpoint, collection: Collection) -> str:
    """Why the filter does not fit a collection, or nothing."""
    try:
        checked(endpoint.filter, collection)
    except ExpressionError as wrong:
        return f"at {wrong.position}: {wrong}"
    return ""
