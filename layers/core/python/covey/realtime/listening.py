"""Which records a subscription may see: its filter and the read rule, decided anew each time."""

from __future__ import annotations

from typing import Any

from covey.collections.model import Collection
from covey.collections.scope import Reads, RecordScope
from covey.errors import BadRequest, FieldError
from covey.expressions import Expression, ExpressionError, Timestamp, names, parse
from covey.identity.authorize import check_filter, visible
from covey.identity.principal import Principal
from covey.records.model import Record
from covey.records.time import now_ms

REMEMBERED = 2_000_000  # characters of filters; compiled they take some 45 bytes each
_OF_THE_TOKEN = frozenset(("auth", "auth.id", "auth.roles"))


def listener_filter(who: Principal, collection: Collection, written: str) -> Expression | None:
    """The filter of a subscription, checked for this caller; None when there is none.

    Raises BadRequest ``invalid_filter`` with the position.
    """
    if not written.strip():
        return None
    try:
        return check_filter(who, collection, parse(written))
    except ExpressionError as wrong:
        fault = FieldError("filter", "invalid_filter", f"at {wrong.position}: {wrong}")
        raise BadRequest(
            f"The filter is wrong at {wrong.position}: {wrong}",
            code="invalid_filter",
            errors=[fault],
        ) from wrong


def seen(
    who: Principal,
    collection: Collection,
    accepts: Expression | None,
    record: Record | None,
    read: Reads | None = None,
) -> dict[str, Any] | None:
    """The document of a record as this listener may see it, or None."""
    if record is None:
        return None
    if accepts is not None:
        scope = RecordScope(collection, record, auth=who, now=Timestamp(now_ms()))
        if not accepts.holds(scope):
            return None
    return visible(who, collection, record, read=read)


class Filters:
    """Checked filters, remembered while their collection stays as it is.

    To check a filter costs a hundred times what it costs to ask it, and every batch of changes
    asks all of them: a few callers with long filters would hold up all the others.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._characters = 0
        self._known: dict[str, tuple[Collection, bool]] = {}
        self._kept: dict[tuple[Any, ...], Expression] = {}

    def of(self, who: Principal, collection: Collection, written: str) -> Expression | None:
        """As `listener_filter`."""
        if not self._may_remember(collection):
            return listener_filter(who, collection, written)
        key = (collection.name, written, who.kind, who.id, who.roles)
        found = self._kept.get(key)
        if found is None:
            found = listener_filter(who, collection, written)
            if found is not None:
                self._keep(key, found, len(written))
        return found

    def _may_remember(self, collection: Collection) -> bool:
        """Whether a caller's token alone decides which fields a filter may name.

        Where field rules read more of the caller, what was true of a filter may change any time.
        """
        known = self._known.get(collection.name)
        if known is None or (known[0] is not collection and known[0] != collection):
            self._forget()
            rules = [field.read for field in collection.fields.values() if field.read is not None]
            read = {name for rule in rules for name in names(rule)}
            asked = {name for name in read if name.partition(".")[0] == "auth"}
            known = (collection, asked <= _OF_THE_TOKEN)
        elif known[0] is not collection:
            known = (collection, known[1])
        self._known[collection.name] = known
        return known[1]

    def _keep(self, key: tuple[Any, ...], found: Expression, length: int) -> None:
        if self._characters + length > self._limit:
            self._forget()
        self._kept[key] = found
        self._characters += length

    def _forget(self) -> None:
        self._kept.clear()
        self._characters = 0
