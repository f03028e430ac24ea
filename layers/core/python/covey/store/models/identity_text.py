"""Whom a socket speaks for, as items keep it."""

from __future__ import annotations

from covey import json
from covey.identity.principal import Kind
from covey.identity.scopes import stored
from covey.realtime.model import Identity


def identity_text(identity: Identity) -> str:
    """An identity as text."""
    told = [identity.kind, identity.id, list(identity.roles), identity.session, identity.until]
    if identity.scopes is not None:
        told += [identity.key, identity.scopes.document()]
    return json.encode(told)


def identity_of(text: str) -> Identity:
    """The identity of `identity_text`."""
    kind, user, roles, session, until, *more = json.decode(text.encode())
    key, scopes = (more[0], stored(more[1])) if more else ("", None)
    return Identity(Kind(kind), user, tuple(roles), session, int(until), key, scopes)
