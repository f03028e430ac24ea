"""Which records a subscription may see: its filter and the read rule, decided anew each time."""

from __future__ import annotations

from typing import Any

from covey.collections.model import Collection
from covey.collections.scope import RecordScope
from covey.errors import BadRequest, FieldError
from covey.expressions import Expression, ExpressionError, Timestamp, parse
from covey.identity.authorize import check_filter, visible
from covey.identity.principal import Principal
from covey.records.model import Record
from covey.records.time import now_ms


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
    who: Principal, collection: Collection, accepts: Expression | None, record: Record | None
) -> dict[str, Any] | None:
    """The document of a record as this listener may see it, or None."""
    if record is None:
        return None
    if accepts is not None:
        scope = RecordScope(collection, record, auth=who, now=Timestamp(now_ms()))
        if not accepts.holds(scope):
            return None
    return visible(who, collection, record)
