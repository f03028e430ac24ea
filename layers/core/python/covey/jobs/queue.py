"""How background work is asked for: the port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class JobQueue(Protocol):
    """A queue that delivers at least once; implemented by `covey.aws.queues`."""

    def send(self, body: Mapping[str, Any], delay_s: int = 0) -> None:
        """Queue a message of JSON, to be seen after `delay_s` seconds (0 to 900)."""
        ...
