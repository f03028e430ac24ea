"""To come."""

from __future__ import annotations

from typing import Any


def compile_node(node: Any) -> Any:
    """To come."""
    raise NotImplementedError
