"""Letters of the outbox: ``!outbox`` by time; `x` is the expiry attribute."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from covey.mail.message import Message
from covey.mail.ports import Kept
from covey.records.ids import IdMaker, is_auto
from covey.store import keys
from covey.store.models.base import Item

KEPT_S = 7 * 86_400
MAX_BODY = 100_000  # of each part, so that an item stays below DynamoDB's 400 KB


class LetterItem(Item):
    """One letter."""

    sent = NumberAttribute()
    to = UnicodeAttribute()
    subject = UnicodeAttribute()
    text = UnicodeAttribute()
    html = UnicodeAttribute()
    kind = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoOutbox:
    """The port `Outbox` over the table."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._make_id = IdMaker().make

    def add(self, message: Message) -> Kept:
        """1 write unit per KB."""
        now = self._clock()
        kept = Kept(self._make_id(), int(now * 1000), message)
        LetterItem(
            *keys.letter(kept.id),
            sent=kept.sent,
            to=message.to,
            subject=message.subject,
            text=message.text[:MAX_BODY],
            html=message.html[:MAX_BODY],
            kind=message.kind,
            expires=int(now) + KEPT_S,
        ).save()
        return kept

    def newest(self, limit: int) -> Sequence[Kept]:
        """0.5 read units per 4 KB."""
        found = LetterItem.query(keys.letter("")[0], scan_index_forward=False, limit=limit)
        return [_kept(item) for item in found]

    def get(self, letter: str) -> Kept | None:
        """1 read unit per 4 KB."""
        if not is_auto(letter):
            return None
        try:
            return _kept(LetterItem.get(*keys.letter(letter), consistent_read=True))
        except DoesNotExist:
            return None


def _kept(item: LetterItem) -> Kept:
    message = Message(item.to, item.subject, item.text, item.html, item.kind)
    return Kept(item.sk, int(item.sent), message)
