"""In-memory twins of federation: identities kept, and other servers that answer by script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from covey.identity.federation.ports import Identity, Reply, WebFault

Answer = Callable[[Mapping[str, str]], Reply]


def _entry(holds: Callable[[], bool], apply: Callable[[], None]) -> dict[str, Any]:
    return {"holds": holds, "apply": apply}


@dataclass
class MemoryIdentityStore:
    """The port `IdentityStore` in memory."""

    identities: dict[str, Identity] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def owner(self, id: str) -> str | None:
        """Whose it is."""
        found = self.identities.get(id)
        return found.user if found else None

    def of(self, user: str) -> list[Identity]:
        """Those of a user."""
        return [one for _, one in sorted(self.identities.items()) if one.user == user]

    def creation(self, identity: Identity) -> list[dict[str, Any]]:
        """The entry that keeps it."""
        return [
            _entry(
                lambda: identity.id not in self.identities,
                lambda: self.identities.__setitem__(identity.id, identity),
            )
        ]

    def add(self, identity: Identity, guard: dict[str, Any]) -> bool:
        """Keep it where `guard` holds."""
        return self._together([*self.creation(identity), guard])

    def remove(self, identity: Identity, guard: dict[str, Any]) -> bool:
        """Forget it where `guard` holds."""
        gone = _entry(
            lambda: self.identities.get(identity.id) == identity,
            lambda: self.release(identity.id, identity.user),
        )
        return self._together([gone, guard])

    def release(self, id: str, user: str) -> None:
        """Let go."""
        if self.owner(id) == user:
            self.identities.pop(id, None)

    def forget(self, user: str) -> None:
        """Forget all."""
        for one in self.of(user):
            self.release(one.id, user)

    def _together(self, entries: list[dict[str, Any]]) -> bool:
        with self.lock:
            if not all(entry["holds"]() for entry in entries):
                return False
            for entry in entries:
                entry["apply"]()
            return True


@dataclass
class ScriptedWeb:
    """The port `Web` by a script: what each address answers to the form or headers it gets."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """As scripted."""
        return self._answer(url, headers)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """As scripted."""
        return self._answer(url, form)

    def _answer(self, url: str, sent: Mapping[str, str]) -> Reply:
        self.asked.append(url)
        if url not in self.answers:
            raise WebFault("nobody there")
        return self.answers[url](sent)


@dataclass
class MemoryAnonymousStore:
    """The port `AnonymousStore` in memory."""

    listed: dict[tuple[int, str], None] = field(default_factory=dict)

    def creation(self, user: str, due: int) -> dict[str, Any]:
        """The entry that lists a user."""
        return _entry(lambda: True, lambda: self.listed.__setitem__((due, user), None))

    def due(self, now: int, limit: int) -> list[tuple[int, str]]:
        """The earliest first."""
        return sorted(one for one in self.listed if one[0] <= now)[:limit]

    def postpone(self, user: str, due: int, later: int) -> None:
        """List anew."""
        self.listed[(later, user)] = None
        self.listed.pop((due, user), None)

    def forget(self, user: str, due: int) -> None:
        """Take off."""
        self.listed.pop((due, user), None)
