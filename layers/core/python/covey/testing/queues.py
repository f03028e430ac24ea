"""A JobQueue in memory, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class MemoryJobQueue:
    """Keeps what was sent: ``(body, delay in seconds)``, as JSON would bring it back."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], int]] = []

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Keep a message."""
        if not 0 <= delay_s <= 900:
            raise ValueError("a delay is 0 to 900 seconds")
        self.sent.append((json.loads(json.dumps(body)), delay_s))

    def take(self) -> list[dict[str, Any]]:
        """All bodies so far, which are then forgotten."""
        taken, self.sent = [body for body, _ in self.sent], []
        return taken
