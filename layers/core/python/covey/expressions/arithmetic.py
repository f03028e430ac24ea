"""Arithmetic on numbers, text, lists and times, each result bounded.

Numbers keep 38 digits within DynamoDB's range; two whole numbers divide as in CEL, toward
zero. Anything else raises EvaluationError.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any

from covey.expressions.errors import EvaluationError
from covey.expressions.instants import instant, span
from covey.expressions.values import Duration, kind

MAX_TEXT = 65_536
MAX_ITEMS = 10_000
_LIMIT = 10**38
_CONTEXT = Context(prec=38, Emax=125, Emin=-130, traps=[DivisionByZero, InvalidOperation, Overflow])


def whole(value: int) -> int:
    """An integer of at most 38 digits; raises EvaluationError for a longer one."""
    if not -_LIMIT < value < _LIMIT:
        raise EvaluationError("A number of more than 38 digits")
    return value


def decimal(value: int | Decimal) -> Decimal:
    """A number as a decimal of at most 38 digits."""
    return _bounded(_CONTEXT.plus, Decimal(whole(value)) if isinstance(value, int) else value)


def _bounded(operation: Callable[..., Decimal], *numbers: Decimal) -> Decimal:
    try:
        return operation(*numbers)
    except DecimalException:
        raise EvaluationError("A number out of range, or a division by zero") from None


def _numbers(
    left: Any,
    right: Any,
    on_whole: Callable[[int, int], int],
    on_decimal: Callable[[Decimal, Decimal], Decimal],
) -> int | Decimal:
    if type(left) is int and type(right) is int:
        return whole(on_whole(whole(left), whole(right)))
    return _bounded(on_decimal, decimal(left), decimal(right))


def _kinds(left: Any, right: Any) -> tuple[str, str]:
    return kind(left), kind(right)


def _refused(operator: str, left: Any, right: Any) -> EvaluationError:
    return EvaluationError(f"{kind(left)} {operator} {kind(right)} has no meaning")


def add(left: Any, right: Any) -> Any:
    """``left + right``: numbers, texts, lists, a timestamp and a duration, durations."""
    match _kinds(left, right):
        case ("number", "number"):
            return _numbers(left, right, int.__add__, _CONTEXT.add)
        case ("text", "text"):
            return _joined(left, right, MAX_TEXT)
        case ("list", "list"):
            return _joined(list(left), list(right), MAX_ITEMS)
        case ("timestamp", "duration") | ("duration", "timestamp"):
            return instant(int(left) + int(right))
        case ("duration", "duration"):
            return span(int(left) + int(right))
    raise _refused("+", left, right)


def _joined(left: Any, right: Any, most: int) -> Any:
    if len(left) + len(right) > most:
        raise EvaluationError(f"Longer than {most}")
    return left + right


def subtract(left: Any, right: Any) -> Any:
    """``left - right``: numbers, timestamps, a timestamp and a duration, durations."""
    match _kinds(left, right):
        case ("number", "number"):
            return _numbers(left, right, int.__sub__, _CONTEXT.subtract)
        case ("timestamp", "timestamp") | ("duration", "duration"):
            return span(int(left) - int(right))
        case ("timestamp", "duration"):
            return instant(int(left) - int(right))
    raise _refused("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """``left * right`` of numbers."""
    if _kinds(left, right) != ("number", "number"):
        raise _refused("*", left, right)
    return _numbers(left, right, int.__mul__, _CONTEXT.multiply)


def divide(left: Any, right: Any) -> Any:
    """``left / right`` of numbers; of two integers toward zero."""
    if _kinds(left, right) != ("number", "number"):
        raise _refused("/", left, right)
    return _numbers(left, right, _divide_whole, _CONTEXT.divide)


def _divide_whole(left: int, right: int) -> int:
    if right == 0:
        raise EvaluationError("A division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def remainder(left: Any, right: Any) -> Any:
    """``left % right`` of integers, with the sign of `left`."""
    if type(left) is not int or type(right) is not int:
        raise _refused("%", left, right)
    return left - right * _divide_whole(whole(left), whole(right))


def negate(value: Any) -> Any:
    """``-value`` of a number or a duration."""
    match kind(value):
        case "number":
            return -whole(value) if type(value) is int else decimal(value).copy_negate()
        case "duration":
            return Duration(-int(value))
    raise EvaluationError(f"-{kind(value)} has no meaning")


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}
