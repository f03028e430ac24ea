"""Expressions: who may do what, and which records to list, in a subset of CEL.

    tokens.py     text → tokens
    parser.py     tokens → nodes (nodes.py), within the limits
    render.py     nodes → text
    check.py      names and types before evaluation
    compile.py    nodes → closures
    bind.py       known names replaced, constants folded
    clauses.py    the parts joined by &&, and what they read
    explain.py    what each part evaluated to
    values.py     the values, their equality and order
    expression.py Expression and Scope

The language is described in docs/reference/expressions.md.
"""

from covey.expressions import nodes
from covey.expressions.bind import bind
from covey.expressions.check import check
from covey.expressions.clauses import conjoin, conjuncts, names
from covey.expressions.errors import EvaluationError, ExpressionError
from covey.expressions.explain import explain
from covey.expressions.expression import Expression, Scope
from covey.expressions.parser import parse
from covey.expressions.values import Duration, Timestamp, Type

__all__ = [
    "Duration",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Scope",
    "Timestamp",
    "Type",
    "bind",
    "check",
    "conjoin",
    "conjuncts",
    "explain",
    "names",
    "nodes",
    "parse",
]
