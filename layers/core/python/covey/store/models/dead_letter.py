"""Dead letters of the pipeline: ``!dead.{consumer}`` in the order of their changes.

What the stream told lies beside, in parts: so that a list reads the reasons alone, and a record of
400 KB with what it was before has room. `x` is the expiry attribute.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError

from covey.pipeline.letters import KEPT_S, Letter, consumer_of
from covey.store import keys
from covey.store.models.base import Item, refused

PART = 300_000  # characters: an item holds 400 KB
MOST = 80_000_000  # bytes of an image that is unpacked


class LetterItem(Item):
    """The reason."""

    collection = UnicodeAttribute(default="")
    record = UnicodeAttribute(default="")
    sequence = UnicodeAttribute(default="")
    kind = UnicodeAttribute(default="")
    version = NumberAttribute(default=0)
    at = NumberAttribute(default=0)
    failed = NumberAttribute()
    error = UnicodeAttribute(default="")
    trace = UnicodeAttribute(default="")
    attempts = NumberAttribute(default=0)
    expires = NumberAttribute(attr_name="x")


class ImagePart(Item):
    """A part of the image: JSON, compressed, as base64."""

    text = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoDeadLetters:
    """The port `DeadLetters` over the table."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def bury(self, letter: Letter, image: Mapping[str, Any]) -> None:
        """1 write unit for the letter, and one per KB of what the image is compressed to."""
        packed = base64.b64encode(zlib.compress(json.dumps(image, default=_bytes).encode()))
        text = packed.decode()
        for part, at in enumerate(range(0, len(text), PART)):
            key = keys.image_part(letter.id, part)
            ImagePart(*key, text=text[at : at + PART], expires=self._end()).save()
        self._item(letter).save()  # last: whoever sees it finds its image

    def save(self, letter: Letter) -> bool:
        """1 write unit."""
        try:
            self._item(letter).save(condition=LetterItem.failed.exists())
        except PutError as error:
            if refused(error):
                return False
            raise
        return True

    def get(self, letter_id: str) -> Letter | None:
        """1 read unit."""
        consumer = consumer_of(letter_id)
        if consumer is None:
            return None
        try:
            key = keys.dead_letter(consumer, letter_id)
            return _letter(LetterItem.get(*key, consistent_read=True))
        except DoesNotExist:
            return None

    def image(self, letter: Letter) -> Mapping[str, Any] | None:
        """1 read unit per 4 KB."""
        pk, _ = keys.image_part(letter.id, 0)
        text = "".join(part.text for part in ImagePart.query(pk, consistent_read=True))
        if not text:
            return None
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(text), MOST)
        found: Mapping[str, Any] = json.loads(raw)
        return found

    def newest(self, consumer: str, before: str, limit: int) -> Sequence[Letter]:
        """0.5 read units per 4 KB."""
        range_: Any = LetterItem.sk < before if before else None
        found = LetterItem.query(
            keys.dead_letter(consumer, "")[0], range_, scan_index_forward=False, limit=limit
        )
        return [_letter(item) for item in islice(found, limit)]

    def oldest(self, consumer: str, after: str, limit: int) -> Sequence[Letter]:
        """0.5 read units per 4 KB."""
        range_: Any = LetterItem.sk > after if after else None
        found = LetterItem.query(keys.dead_letter(consumer, "")[0], range_, limit=limit)
        return [_letter(item) for item in islice(found, limit)]

    def count(self, consumer: str, most: int) -> int:
        """0.5 read units per 4 KB of the letters that are counted."""
        pk = keys.dead_letter(consumer, "")[0]
        return min(most, LetterItem.count(pk, limit=most))

    def remove(self, letter: Letter) -> bool:
        """1 write unit for the letter, 1 per KB of its image."""
        key = keys.dead_letter(letter.consumer, letter.id)
        try:
            LetterItem(*key).delete(condition=LetterItem.failed.exists())
        except DeleteError as error:
            if refused(error):
                return False
            raise
        for part in list(ImagePart.query(keys.image_part(letter.id, 0)[0])):
            part.delete()
        return True

    def _end(self) -> int:
        return int(self._clock()) + KEPT_S

    def _item(self, letter: Letter) -> LetterItem:
        return LetterItem(
            *keys.dead_letter(letter.consumer, letter.id),
            collection=letter.collection,
            record=letter.record,
            sequence=letter.sequence,
            kind=letter.kind,
            version=letter.version,
            at=letter.at,
            failed=letter.failed,
            error=letter.error,
            trace=letter.trace,
            attempts=letter.attempts,
            expires=self._end(),
        )


def _letter(item: LetterItem) -> Letter:
    return Letter(
        id=item.sk,
        consumer=str(consumer_of(item.sk)),
        collection=item.collection,
        record=item.record,
        sequence=item.sequence,
        kind=item.kind,
        version=int(item.version),
        at=int(item.at),
        failed=int(item.failed),
        error=item.error,
        trace=item.trace,
        attempts=int(item.attempts),
    )


def _bytes(value: object) -> str:
    """Binary attributes, which Lambda hands on as base64 and a client as bytes."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
