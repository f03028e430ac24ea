"""Sessions: ``!session.{sid}``; `x` is the table's expiry attribute."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError

from covey.identity.ports import Session
from covey.store import keys
from covey.store.models.base import Item, refused


class SessionItem(Item):
    """A sign-in and the hashes of its refresh tokens."""

    user = UnicodeAttribute()
    family = UnicodeAttribute()
    secret = UnicodeAttribute()
    created = NumberAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoSessionStore:
    """The port `SessionStore` over the table."""

    def create(self, session: Session) -> None:
        """1 write unit."""
        _item(session).save()

    def creation(self, session: Session) -> dict[str, Any]:
        """2 write units, in a transaction."""
        return _item(session).put_if_new()

    def get(self, id: str) -> Session | None:
        """1 read unit."""
        try:
            item = SessionItem.get(*keys.session(id), consistent_read=True)
        except DoesNotExist:
            return None
        return Session(
            id, item.user, item.family, item.secret, int(item.created), int(item.expires)
        )

    def rotate(self, id: str, before: str, after: str, expires: int) -> bool:
        """1 write unit."""
        try:
            SessionItem(*keys.session(id)).update(
                [SessionItem.secret.set(after), SessionItem.expires.set(expires)],
                condition=SessionItem.secret == before,
            )
        except UpdateError as exc:
            if not refused(exc):
                raise
            # The client tries again when an answer is lost: then it was this very write that
            # spent `before`, and taking it for a thief would sign the user out.
            kept = self.get(id)
            return kept is not None and kept.secret == after
        return True

    def end(self, id: str) -> None:
        """1 write unit."""
        SessionItem(*keys.session(id)).delete()


def _item(session: Session) -> SessionItem:
    return SessionItem(
        *keys.session(session.id),
        user=session.user,
        family=session.family,
        secret=session.secret,
        created=session.created,
        expires=session.expires,
    )
