"""The functions and methods of the language: what there is and how it is written."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from covey.expressions.errors import EvaluationError, ExpressionError
from covey.expressions.instants import duration, timestamp
from covey.expressions.matching import compile_pattern
from covey.expressions.nodes import Call, Fetch, Literal, Name, Node

# Name → how many arguments it takes; a method's receiver counts.
METHODS: Mapping[str, int] = {
    "startsWith": 2,
    "endsWith": 2,
    "contains": 2,
    "matches": 2,
    "size": 1,
    "orValue": 2,
}
FUNCTIONS: Mapping[str, int] = {
    "has": 1,
    "size": 1,
    "matches": 2,
    "timestamp": 1,
    "duration": 1,
    "double": 1,
    "near": 4,
    "record": 2,
}
QUANTIFIERS = frozenset(("exists", "all"))
# Names with a meaning of their own: no field and no variable may take them.
ROOTS = frozenset(("auth", "old", "now", "request", "record"))


def unknown_function(name: str, position: int, known: Mapping[str, int]) -> ExpressionError:
    """The error for a function or method that does not exist, with the nearest that does."""
    other = METHODS if known is FUNCTIONS else FUNCTIONS
    if name in other or (known is FUNCTIONS and name in QUANTIFIERS):
        hint = f"write x.{name}(…)" if known is FUNCTIONS else f"write {name}(x)"
    else:
        near = difflib.get_close_matches(name, [*known, *QUANTIFIERS], 1)
        hint = f"did you mean {near[0]}()?" if near else "there is " + ", ".join(sorted(known))
    what = "function" if known is FUNCTIONS else "method"
    return ExpressionError(f"No {what} {name[:40]}()", position, hint)


def _fetch(collection: Node, id: Node, position: int) -> Fetch:
    if not (isinstance(collection, Literal) and isinstance(collection.value, str)):
        hint = 'record("teams", auth.team)'
        message = "record() takes the collection's name as quoted text"
        raise ExpressionError(message, collection.position, hint)
    return Fetch(collection.value, id, (), position)


def call(
    function: str, arguments: tuple[Node, ...], position: int, known: Mapping[str, int]
) -> Node:
    """The node of a call; timestamps and durations of literals become literals.

    Raises ExpressionError where the arguments are not as the function takes them.
    """
    wanted = known[function]
    if len(arguments) != wanted:
        count = wanted - 1 if known is METHODS else wanted
        plural = "" if count == 1 else "s"
        raise ExpressionError(f"{function}() takes {count} argument{plural}", position)
    last = arguments[-1]
    if function == "record":
        return _fetch(arguments[0], last, position)
    if function == "has" and not (
        isinstance(last, Name) or (isinstance(last, Fetch) and last.path)
    ):
        raise ExpressionError("has() takes a name", last.position, "has(title), has(auth.team)")
    if function == "matches":
        if not (isinstance(last, Literal) and isinstance(last.value, str)):
            raise ExpressionError("matches() takes its pattern as quoted text", last.position)
        compile_pattern(last.value, last.position)
    if isinstance(last, Literal) and isinstance(last.value, str):
        try:
            if function == "timestamp":
                return Literal(timestamp(last.value), position)
            if function == "duration":
                return Literal(duration(last.value), position)
        except EvaluationError as error:
            raise ExpressionError(error.message, last.position) from None
    return Call(function, arguments, position)
