"""Which channels there are, cached for a few seconds per process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from covey.channels.document import Far, name_of
from covey.channels.model import Channel, Room, room_of
from covey.channels.ports import ChannelStore
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.collections.scope import far_types
from covey.errors import NotFound
from covey.expressions import Type

RETRY_AFTER = 1.0  # seconds between two looks for names that are not there


class Channels:
    """The channels of this deployment, at most `ttl` seconds old. Safe between threads."""

    def __init__(
        self, store: ChannelStore, ttl: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Channel] = {}
        self._loaded: float | None = None

    def get(self, name: str) -> Channel:
        """The channel of this name; raises NotFound.

        A name that is missing may have been pushed a moment ago, so the store is asked again,
        at most once a second.
        """
        found = self._fresh(self._ttl).get(name)
        if found is None:
            found = self._fresh(min(self._ttl, RETRY_AFTER)).get(name)
        if found is None:
            raise NotFound("channel")
        return found

    def room(self, address: str) -> Room:
        """The room of an address such as ``rooms/42``; raises NotFound."""
        found = room_of(self.get(name_of(address)), address)
        if found is None:
            raise NotFound("channel")
        return found

    def all(self) -> list[Channel]:
        """Every channel, by name, as they are now."""
        known = self._fresh(0)
        return [known[name] for name in sorted(known)]

    def current(self, name: str) -> Channel | None:
        """The channel of this name as it is now, or None."""
        return self._fresh(0).get(name)

    def save(self, channel: Channel) -> None:
        """Keep a channel, in place of the one whose next version it is.

        Raises Conflict(code="channel_changed") when another writer was faster.
        """
        self._store.save(channel)
        self._fresh(0)

    def remove(self, channel: Channel) -> None:
        """Take out a channel as it is; raises as `save` does."""
        self._store.remove(channel)
        self._fresh(0)

    def _fresh(self, ttl: float) -> Mapping[str, Channel]:
        with self._lock:
            now = self._clock()
            if self._loaded is None or now - self._loaded >= ttl:
                self._known = {one.name: one for one in self._store.load()}
                self._loaded = now
            return self._known


def far_of(catalog: Catalog, also: Mapping[str, Collection] | None = None) -> Far:
    """What rules may read of the catalog's collections, or of those that are to come."""

    def far(name: str) -> Mapping[str, Type]:
        found = (also or {}).get(name)
        if found is None:
            try:
                found = catalog.get(name)
            except NotFound as exc:
                raise LookupError(name) from exc
        return far_types(found)

    return far
