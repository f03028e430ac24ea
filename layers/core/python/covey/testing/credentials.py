"""Credentials in memory, for tests; what is kept appears once its entry is among those written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey.errors import Invalid
from covey.testing.records import MemoryRecordStore


class MemoryCredentials:
    """Those that `MemoryRecordStore` was given, and those that a test adds."""

    def __init__(self, store: MemoryRecordStore, kept: Mapping[str, Any] | None = None) -> None:
        self._store = store
        self.kept = dict(kept or {})

    def of(self, users: Sequence[str]) -> Mapping[str, Any]:
        """As `Credentials.of`."""
        written = [one["credentials"] for one in self._store.written if "credentials" in one]
        known = {**self.kept, **dict(written)}
        return {user: known[user] for user in users if user in known}

    def creation(self, user: str, kept: Any) -> dict[str, Any]:
        """As `Credentials.creation`."""
        if not isinstance(kept, dict) or kept.get("user") != user:
            raise Invalid("Its account is not one of this user.", code="invalid_backup")
        return {"credentials": (user, kept)}
