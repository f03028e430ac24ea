"""What of an endpoint is sealed where it is kept: its secrets, and the values of its headers."""

from __future__ import annotations

from collections.abc import Mapping

from covey.identity.sealing import Seal
from covey.webhooks.model import Endpoint


class Secrecy:
    """Seals and opens, each endpoint's for itself."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def close(self, endpoint: str, text: str) -> str:
        """A text, sealed for an endpoint."""
        return self._seal.close(text, endpoint)

    def keys(self, endpoint: Endpoint, now: int) -> list[str]:
        """The secrets that sign for it now: the newest, and the one before while it counts."""
        kept = [endpoint.secret]
        if endpoint.previous and now < endpoint.previous_until:
            kept.append(endpoint.previous)
        return [self._seal.open(one, endpoint.id) for one in kept]

    def headers(self, endpoint: Endpoint) -> Mapping[str, str]:
        """Its headers as they are sent."""
        sealed = endpoint.headers.items()
        return {name: self._seal.open(value, endpoint.id) for name, value in sealed}
