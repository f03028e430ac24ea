"""To come."""

from __future__ import annotations

from typing import Any


def explain(*arguments: Any, **options: Any) -> Any:
    """To come."""
    raise NotImplementedError
