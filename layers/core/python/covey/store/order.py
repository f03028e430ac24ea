"""The order of a list, apart from the index that gives it.

A *logical position* is a record's place in that order: the encoded values of the keys, then the
id. Plans over different indexes translate their own positions to it and back, so that they merge
into one list, and a cursor goes on whatever index serves the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from covey.collections.model import Collection
from covey.records import ids
from covey.records.model import Record
from covey.records.ports import SortKey
from covey.store import encoding
from covey.store.layout import id_bytes, value_of

TAG_BYTES = 6


@dataclass(frozen=True)
class Order:
    """By these keys, then by id; `last` says whether ids descend.

    Of auto ids, a ``created`` that the id would repeat is left out.
    """

    keys: tuple[SortKey, ...]
    last: bool

    @cached_property
    def by_time(self) -> bool:
        """Whether one of the keys is the time of creation."""
        return any(key.field == "created" for key in self.keys)

    @cached_property
    def tag(self) -> bytes:
        """What a cursor calls this order."""
        text = ",".join(map(str, self.keys)) + ("|-id" if self.last else "|id")
        return sha256(text.encode()).digest()[:TAG_BYTES]

    def position(self, values: Mapping[str, bytes], record_id: bytes) -> bytes:
        """The logical position of ascending encodings, by field, and of an ascending id."""
        parts = [
            encoding.invert(values[key.field]) if key.descending else values[key.field]
            for key in self.keys
        ]
        return b"".join(parts) + (encoding.invert(record_id) if self.last else record_id)

    def read(self, position: bytes) -> tuple[dict[str, bytes], bytes]:
        """The ascending encodings of a logical position, by field, and the ascending id."""
        parts, rest = encoding.split(position, [key.descending for key in self.keys])
        values = {key.field: part for key, part in zip(self.keys, parts, strict=True)}
        return values, encoding.invert(rest) if self.last else rest

    def of(self, collection: Collection, record: Record) -> bytes:
        """The logical position of a record."""
        values = {key.field: encoding.encode(value_of(record, key.field)) for key in self.keys}
        return self.position(values, id_bytes(collection, record.id, False))


def created_in(record_id: bytes) -> bytes:
    """The encoding of the time inside the bytes of an auto id."""
    return encoding.encode(int.from_bytes(record_id, "big") >> ids.RANDOM_BITS)
