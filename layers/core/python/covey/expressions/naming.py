"""Which type a name has, or which name was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from covey.expressions.errors import ExpressionError
from covey.expressions.nodes import Name
from covey.expressions.tokens import OTHER_LANGUAGES
from covey.expressions.values import Type

_LONGEST = 130  # of a name in a message: two names of 63 and the dot


def resolve(name: Name, types: Mapping[str, Type]) -> Type:
    """The type of a name among the declared; raises ExpressionError for one that is not."""
    of = types.get(name.path[0])
    if of is None:
        raise _unknown(name, name.path[0], (known for known in types if "." not in known))
    for end in range(1, len(name.path)):
        owner, member = ".".join(name.path[:end]), name.path[end]
        if of not in (Type.MAP, Type.ANY):
            raise ExpressionError(f"{owner} is {of} and has no members", name.position)
        declared = [known for known in types if known.startswith(f"{owner}.")]
        if not declared:
            return Type.ANY
        of = types.get(f"{owner}.{member}")
        if of is None:
            raise _unknown(name, f"{owner}.{member}", declared)
    return of


def _unknown(name: Name, dotted: str, known: Iterable[str]) -> ExpressionError:
    near = difflib.get_close_matches(dotted, sorted(known), 1)
    meant = OTHER_LANGUAGES.get(dotted) or (near[0] if near else "")
    hint = f"did you mean {meant}?" if meant else ""
    return ExpressionError(f"There is no {dotted[:_LONGEST]}", name.position, hint)
