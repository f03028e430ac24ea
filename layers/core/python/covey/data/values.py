"""Python's values as the values of a record and of a filter."""

from __future__ import annotations

import datetime
from typing import Any

from covey import json
from covey.expressions.render import literal as rendered
from covey.records.plain import document, plain

__all__ = ["document", "literal"]


def literal(value: Any) -> str:
    """A value as a filter writes it, so that no text of a user is read as part of the filter.

    >>> print("title ==", literal("it's"))
    title == "it's"
    """
    given = plain(value, json.MAX_DEPTH + 1)
    if isinstance(value, datetime.datetime):
        return f"timestamp({rendered(given)})"
    return rendered(given)
