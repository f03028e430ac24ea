"""To come."""

from __future__ import annotations

from typing import Any


def names(expression: Any) -> frozenset[str]:
    """To come."""
    raise NotImplementedError


def conjuncts(expression: Any) -> list[Any]:
    """To come."""
    raise NotImplementedError


def conjoin(expressions: Any) -> Any:
    """To come."""
    raise NotImplementedError
