"""Text to words that compare equal when people would say so.

Letters are folded by Unicode (NFKC, full case folding) and lose accents and vowel points;
whatever is neither letter, digit nor mark parts words. Scripts that are written without spaces,
and Korean, are cut into pairs of neighbours (bigrams), the usual way without a dictionary.
English words are brought to their stems by the Porter2 algorithm (snowballstemmer).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

LANGUAGES = ("english", "none")
MAX_WORD = 64  # characters; longer words are cut
_KNOWN = 20_000  # code points whose folding is kept: no text can fill the memory
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff"  # Kana, Han, Hangul
)
_PARTS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_SPANS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED} ]+")
_PLAIN = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_STEMMED = re.compile(r"[a-z']+")
_APOSTROPHES = "'’＇"
# Combining marks that a reader may leave out: Latin, Greek and Cyrillic accents, Hebrew points,
# Arabic vowels. Those of Indic scripts and the Japanese voicing marks make other letters.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]"
)


def words(text: str, language: str, *, ends: bool = True) -> list[str]:
    """The words of a text in order, none longer than `MAX_WORD`.

    `ends` adds the last character of every run without spaces as a word, so that each of its
    characters begins some word and can be looked for alone.
    """
    english = language == "english"
    if text.isascii():
        found = _PLAIN.findall(text.lower())
        if not english:
            found = [part for word in found for part in word.split("'")]
    else:
        found = list(_split(fold(text), english, ends))
    return [stem(word[:MAX_WORD]) if english else word[:MAX_WORD] for word in found]


def fold(text: str) -> str:
    """Letters, digits and marks as they are compared; spaces for everything else."""
    folded = unicodedata.normalize("NFC", text).translate(_FOLDING)
    return unicodedata.normalize("NFC", folded)


def is_unspaced(word: str) -> bool:
    """Whether a folded word is of a script that is cut into pairs."""
    return not _spaced(word[0])


def stem(word: str) -> str:
    """The English stem of a folded word; of any other word itself."""
    return _stem(word) if _STEMMED.fullmatch(word) else word


def places(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    """The words of a text in NFC with where each begins and ends in it, to show them."""
    at: list[int] = []
    folded = ""
    for position, character in enumerate(text):
        part = _FOLDING[ord(character)]
        folded += part
        at += [position] * len(part)
    at.append(len(text))
    for found in _SPANS.finditer(folded):
        start, end = found.span()
        if _spaced(found[0][0]):
            for word in words(found[0], language):
                yield word, at[start], at[end - 1] + 1
            continue
        for begin in range(start, max(start + 1, end - 1)):
            last = min(begin + 2, end)
            yield folded[begin:last], at[begin], at[last - 1] + 1


def _split(folded: str, english: bool, ends: bool) -> list[str]:
    found: list[str] = []
    for chunk in folded.split():
        for part in _PARTS.findall(chunk):
            if _spaced(part[0]):
                inner = part.strip("'")
                found += [inner] if english else inner.split("'")
            else:
                found += _pairs(part, ends)
    return [word for word in found if word]


def _spaced(character: str) -> bool:
    return _SPACED.match(character) is not None


_SPACED = re.compile(f"[^{_UNSPACED}]")


def _pairs(run: str, ends: bool) -> list[str]:
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    return [*pairs, run[-1]] if ends or not pairs else pairs


class _Folding(dict[int, str]):
    """What `str.translate` puts for each code point."""

    def __missing__(self, point: int) -> str:
        folded = _folded(chr(point))
        if len(self) < _KNOWN:
            self[point] = folded
        return folded


_FOLDING: Any = _Folding()


def _folded(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if unicodedata.category(character) == "Cf":  # soft hyphens and joiners are not seen
        return ""
    text = unicodedata.normalize("NFKC", character).casefold()
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    # Composed again one by one: a text that came decomposed would stay so otherwise.
    return "".join(one if _is_word(one) else " " for one in unicodedata.normalize("NFC", text))


def _is_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


@lru_cache(maxsize=32_768)
def _stem(word: str) -> str:
    with _stemming:  # a stemmer works on itself
        return str(_english().stemWord(word)) or word


_stemming = threading.Lock()


@lru_cache(maxsize=1)
def _english() -> Any:
    import snowballstemmer  # some 15 ms that only search needs

    return snowballstemmer.stemmer("english")
