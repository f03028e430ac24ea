"""`min` and `max`, for every type that has an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.fields.fault import FieldFault
from covey.fields.option import OptionFault


def check_bounds(value: Any, options: Mapping[str, Any]) -> None:
    """Raise FieldFault where `value` is under ``min`` or over ``max``."""
    low, high = options.get("min"), options.get("max")
    if low is not None and value < low:
        raise FieldFault("too_small", f"must be at least {low}")
    if high is not None and value > high:
        raise FieldFault("too_large", f"must be at most {high}")


def check_order(options: Mapping[str, Any], low: str = "min", high: str = "max") -> None:
    """Raise OptionFault where the lower bound is above the upper."""
    if low in options and high in options and options[low] > options[high]:
        raise OptionFault(f"{low} must not be above {high}")
