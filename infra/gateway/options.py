"""How the gateway is asked to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Options:
    """One run. ``endpoint`` is a DynamoDB to use in place of an engine of our own."""

    template: Path = HOUSE / "template.yaml"
    collections: Path = HOUSE / "collections"
    data: Path = HOUSE / ".covey"
    tools: Path = HOUSE / ".tools"
    host: str = "127.0.0.1"
    port: int = 8000
    endpoint: str | None = None
    reload: bool = False
    log_format: str = "text"
    workers: int | None = None
    public_url: str | None = None
    journal: bool = True  # keep the last invocations under `data`
    parameters: Mapping[str, str] = field(default_factory=dict)

    def url(self, port: int) -> str:
        """The address that people open, where the gateway listens on this port."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"
