"""An expression: parsed once, compiled once, evaluated often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from covey.expressions.compile import compile_node
from covey.expressions.errors import EvaluationError
from covey.expressions.nodes import Fetch, Node, walk
from covey.expressions.render import render


class Scope(Protocol):
    """Where an expression reads its names."""

    def lookup(self, name: str) -> Any:
        """The value of a root name: a record field, id, created, …, auth, old, now, request.

        None when it has no value; raises KeyError when there is no such name. A value with
        members (``auth``, ``old``) is a Mapping or None.
        """


@dataclass(frozen=True)
class Expression:
    """A parsed expression. Two are equal when their trees are."""

    root: Node
    source: str | None = field(default=None, compare=False)

    @cached_property
    def text(self) -> str:
        """As it was written, else as it can be read."""
        return render(self.root) if self.source is None else self.source

    @cached_property
    def reads_records(self) -> bool:
        """Whether it may read other records."""
        return any(isinstance(node, Fetch) for node in walk(self.root))

    @cached_property
    def _run(self) -> Callable[[Callable[[str], Any]], Any]:
        return compile_node(self.root)

    def evaluate(self, scope: Scope) -> Any:
        """The value; raises EvaluationError where something is missing or of another type."""
        return self._run(scope.lookup)

    def holds(self, scope: Scope) -> bool:
        """Whether the value is true. Whatever is missing, mistyped or out of range denies."""
        try:
            return self._run(scope.lookup) is True
        except EvaluationError:
            return False

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:  # the compiled closures do not pickle
        return (Expression, (self.root, self.source))
