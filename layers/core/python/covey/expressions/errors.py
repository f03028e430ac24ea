"""What can be wrong with an expression: when it is written, and when it is evaluated."""

from __future__ import annotations


class ExpressionError(ValueError):
    """A text that is no expression, or one that cannot make sense.

    `message` says what is wrong, `position` is the offset in the text (from 0) where, and
    `hint` says what to write instead, or is empty.
    """

    def __init__(self, message: str, position: int = 0, hint: str = "") -> None:
        self.message = message
        self.position = position
        self.hint = hint
        ending = f" ({hint})" if hint else ""
        super().__init__(f"{message} at character {position + 1}{ending}")


class EvaluationError(Exception):
    """A value that is missing, or of a type that the operation does not take."""

    def __init__(self, message: str, position: int = 0) -> None:
        self.message = message
        self.position = position
        super().__init__(message)
