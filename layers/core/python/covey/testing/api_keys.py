"""API keys in memory, for tests; the twin of `covey.store.models.api_key`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from covey.collections.model import Collection
from covey.identity.api_key import ApiKey, Holder, Name
from covey.testing.identity import MemoryAccountStore, MemoryUserRecords


@dataclass
class MemoryApiKeyStore:
    """The port `ApiKeyStore` in memory."""

    accounts: MemoryAccountStore
    records: MemoryUserRecords
    keys: dict[Name, ApiKey] = field(default_factory=dict)
    touched: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, key: ApiKey, guard: dict[str, Any] | None) -> bool:
        """Keep it where `guard` holds."""
        with self.lock:
            if key.name in self.keys or (guard and not guard["holds"]()):
                return False
            self.keys[key.name] = key
            return True

    def of(self, user: str) -> Sequence[ApiKey]:
        """All of them."""
        return [key for key in list(self.keys.values()) if key.name.user == user]

    def load(self, users: Collection, name: Name) -> Holder:
        """All as they are."""
        user = name.user
        if not user:
            return self.keys.get(name), None, None
        return self.keys.get(name), self.accounts.get(user), self.records.get(users, user)

    def end(self, name: Name) -> bool:
        """Forget it."""
        with self.lock:
            return self.keys.pop(name, None) is not None

    def touch(self, key: ApiKey, now: int) -> None:
        """Note the use."""
        with self.lock:
            if (kept := self.keys.get(key.name)) and kept.used == key.used:
                self.keys[key.name] = replace(kept, used=now)
                self.touched += 1
