"""JSON merge patch (RFC 7396) and Covey's atomic operators on top of it.

An operator stands where a field's new value would: ``{"views": {"$inc": 1}}``. It is recognised
by the *field*, never by the data alone, so that a `json` field may hold a key called ``$inc``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact
from typing import Any

from covey.collections.model import Field
from covey.errors import FieldError

OPERATORS = ("$inc", "$append", "$remove")

# DynamoDB's numbers span 10^-130 to 10^126 with 38 digits: a sum of two never needs more digits
# than this, and what does not fit is refused rather than rounded.
_EXACT = Context(prec=320, traps=[Inexact])


class OperatorError(ValueError):
    """An operator that cannot be applied; `error` says which field and why."""

    def __init__(self, field: str, code: str, message: str) -> None:
        self.error = FieldError(field, code, message)
        super().__init__(message)


def merge(target: Any, patch: Any) -> Any:
    """The result of a merge patch, after RFC 7396, section 2; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: numbers by value, and a bool is not a number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def is_operator(field: Field, value: Any) -> bool:
    """Whether a patch's value for this field asks for an operator."""
    if field.type == "json" and not field.list:
        return False
    return isinstance(value, dict) and any(str(name).startswith("$") for name in value)


def resolve(field: Field, current: Any, value: Any) -> Any:
    """The whole new value that a patch's `value` gives to a field; None removes it.

    Raises OperatorError for an operator that is unknown, misplaced or wrongly given.
    """
    if not is_operator(field, value):
        return merge(current, value)
    if len(value) != 1:
        raise OperatorError(field.name, "invalid_operator", "takes exactly one operator")
    ((operator, operand),) = value.items()
    if operator == "$inc":
        return _increment(field, current, operand)
    if operator in ("$append", "$remove"):
        return _edit_list(field, current, operator, operand)
    known = ", ".join(OPERATORS)
    raise OperatorError(field.name, "invalid_operator", f"unknown operator; there are {known}")


def _increment(field: Field, current: Any, operand: Any) -> Any:
    if field.type not in ("integer", "number") or field.list:
        raise OperatorError(field.name, "invalid_operator", "$inc works on a number")
    if isinstance(operand, bool) or not isinstance(operand, int | Decimal):
        raise OperatorError(field.name, "invalid_operator", "$inc takes a number")
    base = 0 if current is None else current
    if isinstance(base, int) and isinstance(operand, int):
        return base + operand
    return _EXACT.add(Decimal(base), Decimal(operand))


def _edit_list(field: Field, current: Any, operator: str, operand: Any) -> list[Any]:
    if not field.list:
        raise OperatorError(field.name, "invalid_operator", f"{operator} works on a list")
    if not isinstance(operand, list):
        raise OperatorError(field.name, "invalid_operator", f"{operator} takes a list of values")
    base = list(current or ())
    if operator == "$append":
        return base + operand
    return [item for item in base if not any(same(item, gone) for gone in operand)]
