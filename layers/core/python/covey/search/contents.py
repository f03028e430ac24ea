"""What a record contributes to the search of its collection, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from covey.collections.model import Collection
from covey.search.ranking import rounded
from covey.search.text import words

MAX_TEXT = 50_000  # characters of one field that are looked at
MAX_WORDS = 1_000  # different words of one field; those that come first

Term = tuple[str, str]  # field key, word


@dataclass(frozen=True, slots=True)
class Contents:
    """The words of a record: how often each is in each field, and its rounded length.

    `lengths` are the exact numbers of words by field key, of fields that have any.
    """

    terms: Mapping[Term, tuple[int, int]] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)


NOTHING = Contents()


def contents_of(
    collection: Collection, values: Mapping[str, Any], names: Iterable[str] | None = None
) -> Contents:
    """What a record with these values should contribute, now that the collection says so.

    `names` narrows it to some of the fields that are searched.
    """
    terms: dict[Term, tuple[int, int]] = {}
    lengths: dict[str, int] = {}
    search = collection.search
    for name in search.fields if names is None else names:
        found = field_words(values.get(name), search.language)
        if not found:
            continue
        key, length = collection.fields[name].key, rounded(len(found))
        lengths[key] = len(found)
        for word, often in islice(Counter(found).items(), MAX_WORDS):
            terms[key, word] = often, length
    return Contents(terms, lengths)


def field_words(value: Any, language: str, *, ends: bool = True) -> list[str]:
    """The words of one field's value, of lists all items in order."""
    found: list[str] = []
    for one in texts_of(value):
        found += words(one, language, ends=ends)
    return found


def texts_of(value: Any) -> Iterator[str]:
    """The texts of a value, no more characters of them than are looked at."""
    left = MAX_TEXT
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, str) and left > 0:
            yield one[:left]
            left -= len(one)
