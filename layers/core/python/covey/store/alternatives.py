"""A filter as alternatives that bounds can serve one by one: ``||`` and ``in`` taken apart.

Records that the filter takes are taken by one alternative at least, since what is no bool or
fails denies on either side. They may be taken by several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from math import prod

from covey.expressions import Expression, conjoin, conjuncts, nodes
from covey.store.constraints import membership

MAX_BRANCHES = 30
_MAX_PLACES = 4  # conjuncts with alternatives that are combined with one another
_MAX_TOTAL = 150  # branches of all ways together: what planning may cost


def ways(where: Expression | None) -> Iterator[list[Expression]]:
    """The ways to take a filter apart: the filter itself, then each with two branches or more.

    The first is ``[where]``. No way has more than `MAX_BRANCHES` branches.
    """
    if where is None:
        return
    yield [where]
    parts = conjuncts(where)
    places = [at for at, part in enumerate(parts) if alternatives(part)][:_MAX_PLACES]
    tried: list[list[Expression]] = []
    total = 0
    for deep in (False, True):
        found = {at: _deep(parts[at]) if deep else alternatives(parts[at]) for at in places}
        for size in range(1, len(places) + 1):
            for chosen in combinations(places, size):
                branches = _distributed(parts, {at: found[at] for at in chosen})
                total += len(branches)
                if total > _MAX_TOTAL:
                    return
                if len(branches) > 1 and branches not in tried:
                    tried.append(branches)
                    yield branches


def divisible(parts: Iterable[Expression]) -> bool:
    """Whether a filter of these conjuncts has any alternatives."""
    return any(_count(part.root) != 1 for part in parts)


def too_many(where: Expression | None) -> bool:
    """Whether some part has more alternatives than are read side by side."""
    parts = [] if where is None else conjuncts(where)
    return any(_count(part.root) > MAX_BRANCHES for part in parts)


def alternatives(part: Expression) -> list[Expression]:
    """The alternatives of one conjunct, as they are written; none where there are no two."""
    if not 1 < _count(part.root) <= MAX_BRANCHES:
        return []
    root = part.root
    if isinstance(root, nodes.Binary) and root.operator == "||":
        return [Expression(node) for node in nodes.operands(root, "||")]
    found = membership(root)
    if found is None:
        return []
    return [Expression(nodes.Binary("==", found[0], value)) for value in found[1]]


def _count(root: nodes.Node) -> int:
    if isinstance(root, nodes.Binary) and root.operator == "||":
        return len(nodes.operands(root, "||"))
    found = membership(root)
    return 1 if found is None else len(found[1])


def _deep(part: Expression) -> list[Expression]:
    """The alternatives of a conjunct with those inside them taken apart too, where few enough."""
    found: list[Expression] = []
    for one in alternatives(part):
        parts = conjuncts(one)
        inner = {at: deep for at, each in enumerate(parts) if (deep := _deep(each))}
        found += _distributed(parts, inner) or [one]
    return found if len(found) <= MAX_BRANCHES else alternatives(part)


def _distributed(
    parts: Sequence[Expression], chosen: dict[int, list[Expression]]
) -> list[Expression]:
    """The conjunction distributed over the chosen parts' alternatives; none when too many."""
    if not chosen or prod(map(len, chosen.values())) > MAX_BRANCHES:
        return []
    branches = []
    for combination in product(*chosen.values()):
        picked = dict(zip(chosen, combination, strict=True))
        branch = conjoin([picked.get(at, part) for at, part in enumerate(parts)])
        if branch is not None:
            branches.append(branch)
    return branches
