"""The catalog: which collections there are, cached for a few seconds per process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from covey.collections import users
from covey.collections.model import Collection
from covey.collections.sharding import LEAD_MS
from covey.errors import Conflict, NotFound

ATTEMPTS = 10  # of a change that others overtake
RETRY_AFTER = 1.0  # seconds between two looks for names that are not there


@dataclass(frozen=True, slots=True)
class Past:
    """What a collection was from some moment on, in milliseconds; no document where it ended.

    `number` is the version of the catalog that said so, `version` that of the collection.
    """

    number: int
    version: int
    saved: int
    document: Mapping[str, Any] | None


class CatalogStore(Protocol):
    """Where the catalog is kept. Its version starts at 0, empty, and rises by one per save."""

    def load(self) -> tuple[int, Sequence[Collection]]:
        """The version and every collection, read consistently."""
        ...

    def save(self, collection: Collection, expected: int) -> None:
        """Add or replace one collection.

        Raises Conflict(code="catalog_changed"), changing nothing, unless the catalog is at
        version `expected`; afterwards it is at `expected` + 1.
        """
        ...

    def forget(self, collection: Collection, expected: int) -> None:
        """Take a collection out; raises and counts as `save` does."""
        ...

    def past(self, name: str, before: int | None, limit: int) -> Sequence[Past]:
        """What a collection was, newest first, from below the catalog's version `before` on."""
        ...


class Everything:
    """The collections with those that are being removed, for whoever cleans up behind records."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def get(self, name: str) -> Collection:
        """The collection; raises NotFound.

        A record has been written, so that a name that is missing is new, or has just gone: the
        store is asked again at once. What is passed over here is never told of again.
        """
        ending = self._catalog.ending(name)
        if ending is not None:
            return ending
        try:
            return self._catalog.get(name)
        except NotFound:
            self._catalog.refresh()
        ending = self._catalog.ending(name)
        return self._catalog.get(name) if ending is None else ending


class Catalog:
    """The collections of this deployment, at most `ttl` seconds old. Safe between threads.

    `users` always exists: until it is saved, the built-in one stands in. With `now_ms`, the time
    in milliseconds, collections say until when their schedule is known for certain.
    """

    def __init__(
        self,
        store: CatalogStore,
        ttl: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._version = 0
        self._collections: dict[str, Collection] = {}
        self._stored: frozenset[str] = frozenset()  # the others are built in
        self._loaded: float | None = None
        self._ending: dict[str, Collection] = {}

    def get(self, name: str) -> Collection:
        """The collection of that name; raises NotFound.

        A name that is missing may have been pushed a moment ago, so the store is asked again,
        at most once a second: unknown names in requests do not become reads.
        """
        found = self._fresh(self._ttl).get(name)
        if found is None:
            found = self._fresh(min(self._ttl, RETRY_AFTER)).get(name)
        if found is None:
            raise NotFound("collection")
        return found

    def ending(self, name: str) -> Collection | None:
        """The collection of that name, if it is one that is being removed."""
        self._fresh(self._ttl)
        return self._ending.get(name)

    def forget(self, collection: Collection) -> None:
        """Take out one that is ending and has no records left; its name is free then.

        Raises Conflict ``catalog_changed`` when others keep changing the catalog.
        """
        for attempt in range(ATTEMPTS):
            with self._lock:
                self._load()
                if collection.name not in self._ending:
                    return
                try:
                    self._store.forget(collection, self._version)
                except Conflict:
                    if attempt == ATTEMPTS - 1:
                        raise
                else:
                    self._load()
                    return

    def all(self) -> list[Collection]:
        """Every collection, by name; not those that are being removed."""
        collections = self._fresh(self._ttl)
        return [collections[name] for name in sorted(collections)]

    def past(self, name: str, before: int | None = None, limit: int = 30) -> Sequence[Past]:
        """What a collection was, newest first."""
        return self._store.past(name, before, limit)

    def refresh(self) -> None:
        """Read the store now."""
        with self._lock:
            self._load()

    def save(self, collection: Collection) -> None:
        """Add a collection, or replace the one whose next version it is.

        Raises Conflict(code="catalog_changed") when another writer was faster, or when it was
        not loaded with the stored one as `previous`: its keys would then mean other fields. What
        is cached is dropped, so that a second attempt starts from what is there.
        """
        self._fresh(self._ttl)
        with self._lock:
            expected, stored, self._loaded = self._version, self._stored, None
            known = {**self._collections, **self._ending}
            before = known[collection.name] if collection.name in stored else None
            if before is not None and not _follows(collection, before):
                raise Conflict("The collection changed meanwhile.", code="catalog_changed")
            self._store.save(collection, expected)
            self._load()

    def _fresh(self, ttl: float) -> dict[str, Collection]:
        with self._lock:
            if self._loaded is None or self._clock() - self._loaded >= ttl:
                self._load()
            return self._collections

    def _load(self) -> None:
        # The time is taken first: a change that comes while this is read takes longer yet.
        until = None if self._now_ms is None else self._now_ms() + LEAD_MS
        version, collections = self._store.load()
        known = {one.name: replace(one, known_until=until) for one in collections}
        self._stored = frozenset(known)
        self._ending = {name: one for name, one in known.items() if one.ending}
        known = {name: one for name, one in known.items() if not one.ending}
        if users.NAME not in known:
            known[users.NAME] = users.collection()
        self._version, self._collections, self._loaded = version, known, self._clock()


def _follows(collection: Collection, before: Collection) -> bool:
    return collection == before or collection.version == before.version + 1
