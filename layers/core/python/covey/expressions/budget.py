"""What exists() and all() may cost."""

from __future__ import annotations

from typing import Any

from covey.expressions.errors import EvaluationError
from covey.expressions.reading import Lookup, Run
from covey.expressions.values import weight

MAX_STEPS = 50_000  # of one exists() or all(), with everything in it


class Local:
    """The scope inside a comprehension: its variable, then what is around it; and a budget.

    A budget for the steps, because record and filter may both be an attacker's: a list that
    is compared with itself item by item costs the square of its length.
    """

    __slots__ = ("around", "left", "name", "value")

    def __init__(self, around: Lookup, name: str) -> None:
        self.around = around
        self.name = name
        self.value: Any = None
        self.left = MAX_STEPS

    def __call__(self, name: str) -> Any:
        """Look a name up."""
        return self.value if name == self.name else self.around(name)

    def spend(self, steps: int) -> None:
        """Take steps from the outermost comprehension's budget, or raise EvaluationError."""
        if isinstance(self.around, Local):
            self.around.spend(steps)
            return
        self.left -= steps
        if self.left < 0:
            raise EvaluationError(f"exists() or all() took more than {MAX_STEPS} steps")


def paid(run: Run) -> Run:
    """The closure, with its value paid for from the budget of the comprehension around it."""

    def paying(lookup: Lookup) -> Any:
        value = run(lookup)
        if isinstance(lookup, Local):
            lookup.spend(weight(value))
        return value

    return paying
