"""Which tables come first: those that others refer to; and which refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def components(names: Iterable[str], refers: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Groups of names, each after all that it refers to; a group of several is a cycle.

    The strongly connected components after Tarjan ("Depth-first search and linear graph
    algorithms", 1972), without recursion: a chain of tables may be long.
    """
    return _Search(sorted(names), refers).run()


@dataclass(frozen=True, slots=True)
class Place:
    """A name in its order, and what refers to it and is referred to by it.

    `loose` are those of a cycle in any way, `tight` those of one where no row can do without.
    """

    name: str
    loose: frozenset[str]
    tight: frozenset[str]


def arranged(
    refers: Mapping[str, Iterable[str]], needs: Mapping[str, Iterable[str]]
) -> list[Place]:
    """Every name after what it refers to; within a cycle, after what it cannot do without."""
    return [
        Place(name, frozenset(group), frozenset(knot))
        for group in components(refers, refers)
        for knot in components(group, needs)
        for name in knot
    ]


class _Search:
    def __init__(self, names: list[str], refers: Mapping[str, Iterable[str]]) -> None:
        self._names = names
        known = set(names)
        self._next = {n: sorted(set(refers.get(n, ())) & known) for n in names}
        self._number: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._open: list[str] = []
        self._found: list[list[str]] = []

    def run(self) -> list[list[str]]:
        for name in self._names:
            if name not in self._number:
                self._from(name)
        return self._found

    def _from(self, root: str) -> None:
        path = [(root, iter(self._next[root]))]
        self._enter(root)
        while path:
            name, rest = path[-1]
            for other in rest:
                if other not in self._number:
                    self._enter(other)
                    path.append((other, iter(self._next[other])))
                    break
                if other in self._open:
                    self._low[name] = min(self._low[name], self._number[other])
            else:
                path.pop()
                self._leave(name)
                if path:
                    above = path[-1][0]
                    self._low[above] = min(self._low[above], self._low[name])

    def _enter(self, name: str) -> None:
        self._number[name] = self._low[name] = len(self._number)
        self._open.append(name)

    def _leave(self, name: str) -> None:
        if self._low[name] == self._number[name]:
            at = self._open.index(name)
            self._found.append(sorted(self._open[at:]))
            del self._open[at:]
