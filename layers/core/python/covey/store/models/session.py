"""Sessions: ``!session.{user}``, by id; `x` is the table's expiry attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.update import Action

from covey.identity.ports import Place, Session
from covey.store import keys
from covey.store.models.base import Item, refused, write_together


class SessionItem(Item):
    """A sign-in and the hashes of its refresh tokens."""

    user = UnicodeAttribute()
    family = UnicodeAttribute()
    secret = UnicodeAttribute()
    created = NumberAttribute()
    expires = NumberAttribute(attr_name="x")
    used = NumberAttribute(default=0)
    address = UnicodeAttribute(default="")
    agent = UnicodeAttribute(default="")
    means = UnicodeAttribute(default="password")
    actor = UnicodeAttribute(default="")


class DynamoSessionStore:
    """The port `SessionStore` over the table."""

    def creation(self, session: Session) -> dict[str, Any]:
        """2 write units, in a transaction."""
        return _item(session).put_if_new()

    def open(self, session: Session, guard: dict[str, Any]) -> bool:
        """4 write units: 2 for the session, 2 for the guard."""
        return write_together([self.creation(session), guard])

    def get(self, user: str, id: str) -> Session | None:
        """1 read unit."""
        try:
            return session_of(SessionItem.get(*keys.session(user, id), consistent_read=True))
        except DoesNotExist:
            return None

    def of(self, user: str) -> Sequence[Session]:
        """1 read unit per 4 KB, some ten sessions."""
        found = SessionItem.query(keys.session(user, "")[0], consistent_read=True)
        return [session_of(item) for item in found]

    def rotate(self, before: Session, secret: str, now: int, expires: int) -> bool:
        """1 write unit."""
        changes: list[Action] = [
            SessionItem.secret.set(secret),
            SessionItem.used.set(now),
            SessionItem.expires.set(expires),
        ]
        item = SessionItem(*keys.session(before.user, before.id))
        try:
            item.update(changes, condition=SessionItem.secret == before.secret)
        except UpdateError as exc:
            if not refused(exc):
                raise
            # The client tries again when an answer is lost: then it was this very write that
            # spent `before`, and taking it for a thief would sign the user out.
            kept = self.get(before.user, before.id)
            return kept is not None and kept.secret == secret
        return True

    def end(self, user: str, id: str) -> None:
        """1 write unit."""
        SessionItem(*keys.session(user, id)).delete()


def session_from(raw: Mapping[str, Any]) -> Session:
    """A session of an item as DynamoDB gives it."""
    return session_of(SessionItem.from_raw_data(dict(raw)))


def session_of(item: SessionItem) -> Session:
    """A session of its item."""
    return Session(
        id=item.sk,
        user=item.user,
        family=item.family,
        secret=item.secret,
        created=int(item.created),
        expires=int(item.expires),
        place=Place(item.address, item.agent),
        used=int(item.used),
        means=item.means,
        actor=item.actor,
    )


def _item(session: Session) -> SessionItem:
    return SessionItem(
        *keys.session(session.user, session.id),
        user=session.user,
        family=session.family,
        secret=session.secret,
        created=session.created,
        expires=session.expires,
        used=session.used,
        address=session.place.address,
        agent=session.place.agent,
        means=session.means,
        actor=session.actor,
    )
