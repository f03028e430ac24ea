"""Where the words of a query are in a text: pieces of it, by turns plain and found.

Pieces, and no marks within the text: whoever shows them need not trust it.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from covey.search.contents import texts_of
from covey.search.query import Sought
from covey.search.text import places

WIDTH = 200  # characters of an excerpt
BEFORE = 60  # of them before the first word that was found
MORE = "…"


def excerpt(value: Any, sought: Sought, language: str) -> list[str] | None:
    """The pieces of a field's first text that has a word: plain, found, plain, …; else None."""
    for text in texts_of(value):
        shown = unicodedata.normalize("NFC", text)
        if spans := _spans(shown, sought, language):
            return _pieces(shown, spans)
    return None


def _spans(text: str, sought: Sought, language: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for word, start, end in places(text, language):
        if spans and start > spans[0][0] + WIDTH:
            break
        if any(element.takes(word) for element in sought.elements):
            if spans and start <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(end, spans[-1][1])
            else:
                spans.append((start, end))
    return spans


def _pieces(text: str, spans: list[tuple[int, int]]) -> list[str]:
    begin = max(spans[0][0] - BEFORE, 0)
    if begin:
        begin = max(text.rfind(" ", 0, begin), 0) + 1 if " " in text[:begin] else begin
    finish = max(begin + WIDTH, spans[0][1])
    pieces, at = [MORE if begin > 1 else ""], begin
    for start, end in spans:
        if end > finish:
            break
        pieces[-1] += text[at:start]
        pieces += [text[start:end], ""]
        at = end
    pieces[-1] += text[at:finish] + (MORE if finish < len(text) else "")
    return pieces
