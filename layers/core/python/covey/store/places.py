"""Cursors of subscriptions: a time, sealed as cursors of lists are, and never one of a list."""

from __future__ import annotations

import struct

from covey.collections.model import Collection
from covey.errors import BadRequest
from covey.records.ports import Query
from covey.store.cursor import Cursors, Position

_TAG = b"places"
_TIME = struct.Struct(">Q")


class SealedPlaces:
    """The port `Places`."""

    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    def seal(self, collection: Collection, scope: str, wanted: tuple[str, str], at: int) -> str:
        """The cursor of a time (milliseconds)."""
        position = Position(_TAG, _TIME.pack(at))
        return self._cursors.seal(collection, _query(scope, wanted), position)

    def open(
        self, collection: Collection, scope: str, wanted: tuple[str, str], cursor: str
    ) -> int | None:
        """The time; None for what was not sealed for exactly this, or is too old."""
        try:
            found = self._cursors.open(collection, _query(scope, wanted, cursor))
        except BadRequest:
            return None
        if found is None or found.tag != _TAG or len(found.at) != _TIME.size:
            return None
        (at,) = _TIME.unpack(found.at)
        return int(at)


def _query(scope: str, wanted: tuple[str, str], cursor: str | None = None) -> Query:
    # No filter has a NUL outside of a text, so this is that of no list.
    text = "\0".join(("places", *(f"{len(part)}:{part}" for part in wanted)))
    return Query(scope=scope, cursor=cursor, filter_text=text)
