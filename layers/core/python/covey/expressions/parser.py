"""To come."""

from __future__ import annotations

from typing import Any


def parse(*arguments: Any, **options: Any) -> Any:
    """To come."""
    raise NotImplementedError
