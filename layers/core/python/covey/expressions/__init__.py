"""Expressions: who may do what, and which records to list, in a subset of CEL.

    parser.py      text → nodes, within the limits: tokens.py functions.py nodes.py
    render.py      nodes → text
    check.py       names and types before evaluation: naming.py
    expression.py  Expression and Scope
    compile.py     nodes → closures: reading.py comparison.py arithmetic.py calls.py matching.py
    budget.py      what exists() and all() may cost
    bind.py        known names replaced, constants folded
    clauses.py     the parts joined by &&, and what they read
    contradiction.py whether it can hold at all
    explain.py     what each part evaluated to
    values.py      the values, their equality and order: instants.py
    errors.py      what can be wrong

The language is described in docs/reference/expressions.md.
"""

from covey.expressions import nodes
from covey.expressions.bind import bind
from covey.expressions.check import Reach, check
from covey.expressions.clauses import conjoin, conjuncts, names
from covey.expressions.contradiction import impossible
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
    "Reach",
    "Scope",
    "Timestamp",
    "Type",
    "bind",
    "check",
    "conjoin",
    "conjuncts",
    "explain",
    "impossible",
    "names",
    "nodes",
    "parse",
]
