"""Who is there: users, each once over all of their sockets.

Guests have no name to be there by, so they take no part; a user of an API key is there as that
user, and a key of the service as itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from covey.channels.model import Member
from covey.records.time import rfc3339


def here(member: Member, now: int = 0) -> bool:
    """Whether a member takes part in presence, and its sign-in has not run out."""
    return member.present and (not now or now < min(member.identity.until, member.expires))


def first_of(member: Member, members: Sequence[Member]) -> bool:
    """Whether this socket is the first of its user's here.

    Of sockets that join at once each looks after it was kept: one at least sees itself first.
    """
    own = [one for one in members if here(one) and one.identity.id == member.identity.id]
    firsts = min(((one.joined, one.connection) for one in own), default=None)
    return firsts is None or firsts == (member.joined, member.connection)


def shown(members: Iterable[Member]) -> list[dict[str, Any]]:
    """Users with what they said last, since when they are there and by how many sockets."""
    by_user: dict[str, list[Member]] = {}
    for member in members:
        by_user.setdefault(member.identity.id, []).append(member)
    return [_shown(user, sockets) for user, sockets in sorted(by_user.items())]


def users_of(members: Iterable[Member]) -> list[dict[str, Any]]:
    """Users by their ids alone."""
    return [{"id": user} for user in sorted({one.identity.id for one in members})]


def _shown(user: str, sockets: Sequence[Member]) -> dict[str, Any]:
    spoken = max(sockets, key=lambda one: (one.said, one.connection))
    since = min(one.joined for one in sockets)
    return {
        "id": user,
        "state": spoken.state,
        "since": rfc3339(since * 1000),
        "sockets": len(sockets),
    }
