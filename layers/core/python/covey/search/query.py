"""What a caller typed, as what a record must have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from covey.errors import BadRequest, FieldError
from covey.search import text

MAX_LENGTH = 1_000  # characters of a query
MAX_ELEMENTS = 12
MIN_PREFIX = 2
MODES = ("all", "any")

_QUOTED = re.compile(r'"([^"]*)"?|([^"]+)')


@dataclass(frozen=True, slots=True)
class Element:
    """One word to look for, folded and stemmed; as a `prefix` also what words begin with."""

    word: str
    prefix: str = ""

    def takes(self, word: str) -> bool:
        """Whether an indexed word is one of these."""
        return word == self.word or bool(self.prefix and word.startswith(self.prefix))


@dataclass(frozen=True, slots=True)
class Sought:
    """A query: its elements, whether one of them is enough, and phrases that must be there."""

    elements: tuple[Element, ...]
    any: bool
    phrases: tuple[tuple[str, ...], ...]
    required: frozenset[int]  # the elements that must be there also where one is enough


def parse(q: str | None, mode: str | None, language: str) -> Sought:
    """The query of a request; raises BadRequest ``invalid_q`` or ``invalid_mode``."""
    if mode not in (None, *MODES):
        raise _bad("mode", f"takes {' or '.join(MODES)}")
    if q is None or len(q) > MAX_LENGTH:
        raise _bad("q", f"takes 1 to {MAX_LENGTH} characters of what to look for")
    elements: dict[Element, None] = {}
    phrases: dict[tuple[str, ...], None] = {}
    for quoted, plain in _QUOTED.findall(q):
        if plain:
            elements |= dict.fromkeys(_elements(plain, language))
        elif phrase := tuple(text.words(quoted, language, ends=False)):
            phrases[phrase] = None
            elements |= dict.fromkeys(map(_word, phrase))
    if not elements:
        raise _bad("q", "has no word to look for")
    if len(elements) > MAX_ELEMENTS:
        raise _bad("q", f"takes at most {MAX_ELEMENTS} different words")
    every = tuple(elements)
    quoted_words = {_word(word) for phrase in phrases for word in phrase}
    required = frozenset(at for at, element in enumerate(every) if element in quoted_words)
    # A phrase of one word is that word.
    return Sought(every, mode == "any", tuple(p for p in phrases if len(p) > 1), required)


def _elements(plain: str, language: str) -> Iterator[Element]:
    for chunk in plain.split():
        found = text.words(chunk, "none", ends=False)
        if not chunk.endswith("*") or not found:
            yield from map(_word, text.words(chunk, language, ends=False))
            continue
        *before, last = found
        yield from (_word(_stemmed(word, language)) for word in before)
        if len(last) < MIN_PREFIX and not text.is_unspaced(last):
            raise _bad("q", f"a beginning has at least {MIN_PREFIX} characters before its *")
        yield Element(_stemmed(last, language), last)


def _word(word: str) -> Element:
    # One character of a script that is cut into pairs begins the pairs that it is in.
    return Element(word, word if len(word) == 1 and text.is_unspaced(word) else "")


def _stemmed(word: str, language: str) -> str:
    return text.stem(word) if language == "english" else word


def _bad(parameter: str, message: str) -> BadRequest:
    code = f"invalid_{parameter}"
    return BadRequest(
        f"{parameter}: {message}", code=code, errors=[FieldError(parameter, code, message)]
    )
