"""matches(): the patterns of text fields, within what one evaluation may cost."""

from __future__ import annotations

from collections.abc import Callable

from covey.expressions.errors import EvaluationError, ExpressionError

MAX_STATES = 64
MAX_TEXT = 4_096


def compile_pattern(pattern: str, position: int = 0) -> Callable[[str], bool]:
    """Whether some part of a text is of a pattern, in time linear in the text.

    Raises ExpressionError for a pattern that is not taken or names over 64 characters, counted
    repetitions included; the test raises EvaluationError for text over 4,096 characters. A
    pattern comes from whoever filters and the text from whoever writes: both are bounded.
    """
    # Here, because fields are built on expressions: only the patterns are not.
    from covey.fields.pattern import PatternFault, compiled

    try:
        automaton = compiled(pattern)
    except PatternFault as fault:
        raise ExpressionError(f"The pattern {fault}", position) from None
    if automaton.states > MAX_STATES:
        message = f"The pattern spells out more than {MAX_STATES} characters"
        raise ExpressionError(message, position, "counted repetitions are included")

    def found(text: str) -> bool:
        if len(text) > MAX_TEXT:
            raise EvaluationError(f"Text of more than {MAX_TEXT} characters is not matched")
        return automaton.found_in(text)

    return found
