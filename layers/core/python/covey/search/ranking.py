"""BM25, per field and summed by the fields' weights (Robertson and Zaragoza, "The Probabilistic
Relevance Framework: BM25 and Beyond", 2009), with the idf of Lucene, which is never negative.

Lengths are rounded to four binary digits, as Lucene rounds them to a byte, so that a small edit
of a long text leaves the postings of its other words alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log

K1, B = 1.2, 0.75
PIVOT = 64.0  # the average length where none may be told, and what postings are put in order by
_DIGITS = 9  # of a score: what floating-point sums in another order agree in

Evidence = Mapping[str, tuple[int, int]]  # field key → how often it is there, rounded length


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of a collection's texts, by field key.

    `records` and `length` are of the fields that have words; `frequency` tells for each element
    of the query, by its place, how many records have it. Empty ones rank by the text alone.
    """

    records: Mapping[str, int] = field(default_factory=dict)
    length: Mapping[str, int] = field(default_factory=dict)
    frequency: tuple[Mapping[str, int], ...] = ()

    def idf(self, element: int, key: str) -> float:
        """How much an element of the query says in a field."""
        count = self.records.get(key, 0)
        if not count:
            return 1.0
        found = min(self.frequency[element].get(key, 0), count)
        return log(1 + (count - found + 0.5) / (found + 0.5))

    def average(self, key: str) -> float:
        """The average length of a field."""
        count = self.records.get(key, 0)
        return max(self.length.get(key, 0) / count, 1.0) if count else PIVOT


def rounded(length: int) -> int:
    """A length by its four leading binary digits."""
    shift = max(length.bit_length() - 4, 0)
    return length >> shift << shift


def saturation(often: int, length: int, average: float) -> float:
    """How far a field is about a word that it has `often` times, from 0 to 1."""
    return often / (often + K1 * (1 - B + B * length / average))


def impact(often: int, length: int) -> int:
    """The place of a posting among others of its word, 0 for the best, up to 255."""
    return 255 - round(255 * saturation(often, length, PIVOT))


def score(
    weights: Mapping[str, int], statistics: Statistics, found: Mapping[int, Evidence]
) -> float:
    """The score of a record by what it has of each element, in the fields of `weights`."""
    total = 0.0
    for element, evidence in found.items():
        for key, (often, length) in evidence.items():
            if often and key in weights:
                part = saturation(often, length, statistics.average(key))
                total += weights[key] * statistics.idf(element, key) * (K1 + 1) * part
    return round(total, _DIGITS)
