"""Patterns for matches(): to come."""

from __future__ import annotations

from collections.abc import Callable

from covey.expressions.errors import ExpressionError


def compile_pattern(pattern: str, position: int = 0) -> Callable[[str], bool]:
    """Refuse every pattern: matches() is not here yet."""
    raise ExpressionError("matches() is not supported", position, "use startsWith or contains")
