"""To come."""

from __future__ import annotations

from typing import Any


def render(node: Any) -> str:
    """To come."""
    raise NotImplementedError
