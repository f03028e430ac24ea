"""To come."""

from __future__ import annotations

from typing import Any


def bind(*arguments: Any, **options: Any) -> Any:
    """To come."""
    raise NotImplementedError
