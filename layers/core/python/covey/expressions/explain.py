"""Why an expression held or did not: each part with its value."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from covey.expressions.clauses import names
from covey.expressions.compile import compile_node
from covey.expressions.errors import EvaluationError
from covey.expressions.expression import Expression, Scope
from covey.expressions.nodes import Binary, Conditional, Fetch, Name, Node, Unary, operands, walk
from covey.expressions.render import render
from covey.expressions.values import Duration, Timestamp

_LONGEST = 200  # characters of a text, items of a list


def explain(expression: Expression, scope: Scope) -> dict[str, Any]:
    """A JSON-ready tree of what each part evaluated to in a scope.

    ``{"text", "value" | "error"}`` and, of ``&& || ! ?:``, their parts under "clauses"; of
    other parts the names they read and their values under "reads". It shows values: who may
    not read the record may not read this.
    """
    return _explain(expression.root, scope)


def _explain(node: Node, scope: Scope) -> dict[str, Any]:
    answer: dict[str, Any] = {"text": render(node), **_outcome(node, scope)}
    parts = _clauses(node)
    if parts:
        answer["clauses"] = [_explain(part, scope) for part in parts]
        return answer
    if not isinstance(node, Name):
        read: dict[str, Node] = {
            name: Name(tuple(name.split("."))) for name in sorted(names(Expression(node)))
        }
        fetched = [one for one in walk(node) if isinstance(one, Fetch) and one is not node]
        read |= {render(one): one for one in fetched}
        values = {text: _outcome(one, scope) for text, one in read.items()}
        answer["reads"] = {text: outcome.get("value") for text, outcome in values.items()}
    return answer


def _clauses(node: Node) -> list[Node]:
    match node:
        case Binary(operator="&&" | "||"):
            return operands(node, node.operator)
        case Unary(operator="!"):
            return [node.operand]
        case Conditional():
            return [node.test, node.then, node.otherwise]
        case _:
            return []


def _outcome(node: Node, scope: Scope) -> dict[str, Any]:
    try:
        return {"value": _shown(compile_node(node)(scope.lookup))}
    except EvaluationError as error:
        return {"error": error.message}


def _shown(value: Any) -> Any:
    if isinstance(value, (Timestamp, Duration)):
        return str(value)
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[:_LONGEST] + "…"
    if isinstance(value, (list, tuple)):
        return [_shown(item) for item in value[:_LONGEST]]
    if isinstance(value, Mapping):
        return {str(key): _shown(value[key]) for key in islice(value, _LONGEST)}
    return value
