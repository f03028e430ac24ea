"""Matching in linear time: the position automaton of an expression, run as sets of bits.

After V. M. Glushkov, "The abstract theory of automata" (1961): one state for each character
that the expression names, no other. A set of states is the bits of one int, so a step costs at
most one pass over the states, whatever the text; steps are remembered, so most cost a look-up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_STATES = 500
_REMEMBERED = 4_096
START, END = -1, -2  # what ^ and $ read: before the first character and after the last

Ranges = tuple[tuple[int, int], ...]  # of code points, both ends included


@dataclass(slots=True)
class Fragment:
    """A part of the automaton: whether it takes nothing, where it begins, where it ends."""

    nullable: bool
    first: int
    last: int


class TooManyStates(ValueError):
    """An expression that is longer than is matched."""


@dataclass(slots=True)
class Builder:
    """Puts fragments together. States are numbered as they are made."""

    reads: list[Ranges] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)

    def state(self, ranges: Ranges) -> Fragment:
        """One state, which reads one character of these."""
        if len(self.reads) >= MAX_STATES:
            raise TooManyStates
        bit = 1 << len(self.reads)
        self.reads.append(ranges)
        self.follow.append(0)
        return Fragment(False, bit, bit)

    def empty(self) -> Fragment:
        """Nothing at all."""
        return Fragment(True, 0, 0)

    def then(self, left: Fragment, right: Fragment) -> Fragment:
        """One after the other."""
        self._link(left.last, right.first)
        return Fragment(
            left.nullable and right.nullable,
            left.first | (right.first if left.nullable else 0),
            right.last | (left.last if right.nullable else 0),
        )

    def either(self, left: Fragment, right: Fragment) -> Fragment:
        """One or the other."""
        return Fragment(
            left.nullable or right.nullable, left.first | right.first, left.last | right.last
        )

    def optional(self, part: Fragment) -> Fragment:
        """Once or not at all."""
        return Fragment(True, part.first, part.last)

    def repeated(self, part: Fragment) -> Fragment:
        """Once or more often."""
        self._link(part.last, part.first)
        return part

    def _link(self, sources: int, targets: int) -> None:
        for source in bits(sources):
            self.follow[source] |= targets


class Automaton:
    """A whole expression, ready to search texts. Safe between threads: memory only caches."""

    def __init__(self, builder: Builder, whole: Fragment) -> None:
        self._whole = whole
        self._follow = tuple(builder.follow)
        self._edges = _edges(builder.reads)
        self._readers = self._masks(builder.reads)
        self._steps: dict[tuple[int, int], int] = {}

    @property
    def states(self) -> int:
        """How many characters the expression names: what one step costs at most."""
        return len(self._follow)

    def found_in(self, text: str) -> bool:
        """Whether some part of the text is of the expression."""
        whole = self._whole
        if whole.nullable:
            return True
        states = 0
        for symbol in _symbols(text):
            states = self._step(states, symbol)
            if states & whole.last:
                return True
        return False

    def _step(self, states: int, symbol: int) -> int:
        sort = symbol if symbol < 0 else bisect_right(self._edges, symbol)
        known = self._steps.get((states, sort))
        if known is not None:
            return known
        reached = self._whole.first
        for state in bits(states):
            reached |= self._follow[state]
        reached &= self._readers.get(sort, 0)
        if len(self._steps) >= _REMEMBERED:
            self._steps.clear()
        self._steps[states, sort] = reached
        return reached

    def _masks(self, reads: list[Ranges]) -> dict[int, int]:
        """For each sort of character, the states that read it."""
        masks: dict[int, int] = {}
        for state, ranges in enumerate(reads):
            for low, high in ranges:
                for sort in self._sorts(low, high):
                    masks[sort] = masks.get(sort, 0) | 1 << state
        return masks

    def _sorts(self, low: int, high: int) -> Iterator[int]:
        if low < 0:
            yield low
        else:
            yield from range(bisect_right(self._edges, low), bisect_right(self._edges, high) + 1)


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _edges(reads: list[Ranges]) -> list[int]:
    """Where one sort of character ends and the next begins: all of a sort are read alike."""
    edges = {edge for ranges in reads for low, high in ranges for edge in (low, high + 1)}
    return sorted(edge for edge in edges if edge >= 0)


def _symbols(text: str) -> Iterator[int]:
    yield START
    yield from map(ord, text)
    yield END
