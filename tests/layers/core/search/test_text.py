"""How text becomes words, and a collection's search what is kept of it."""

from __future__ import annotations

import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.collections import load
from covey.collections.apply import plan
from covey.collections.builds import new_parts
from covey.collections.catalog import Catalog
from covey.collections.document import dump, restore, state
from covey.search.contents import MAX_TEXT, MAX_WORDS, contents_of
from covey.search.query import parse
from covey.search.text import MAX_WORD, fold, places, words
from covey.testing.catalog import MemoryCatalogStore

CASES: dict[str, tuple[str, list[str]]] = {
    "case": ("Red RED", ["red", "red"]),
    "accents": ("Café Über naïve", ["cafe", "uber", "naive"]),
    "accents apart": ("Cafe\u0301", ["cafe"]),
    "ligatures and widths": ("ﬁne Ｆｕｌｌ ①", ["fine", "full", "1"]),
    "sharp s": ("Straße STRASSE", ["strasse", "strasse"]),
    "punctuation": ("a-b_c.d/e@f", ["a", "b", "c", "d", "e", "f"]),
    "apostrophes": ("dog's l’amour", ["dog", "s", "l", "amour"]),
    "han": ("数据库", ["数据", "据库", "库"]),
    "one character": ("数", ["数"]),
    "mixed": ("SQL数据ab", ["sql", "数据", "据", "ab"]),
    "half-width kana": ("ﾃﾞｰﾀ", ["デー", "ータ", "タ"]),
    "hangul apart": (unicodedata.normalize("NFD", "검색"), ["검색", "색"]),
    "hebrew points": ("שָׁלוֹם", ["שלום"]),
    "indic marks stay": ("हिन्दी", ["हिन्दी"]),
    "nulls": ("a\0b\ud7ff", ["a", "b"]),
    "soft hyphens": ("data\u00adbase", ["database"]),
    "nothing": (" !? \n", []),
    "emoji": ("a 😀 b", ["a", "b"]),
}


@pytest.mark.parametrize(("text", "wanted"), CASES.values(), ids=CASES.keys())
def test_words_compare_as_people_would(text: str, wanted: list[str]) -> None:
    assert words(text, "none") == wanted


def test_english_words_are_brought_to_their_stems() -> None:
    assert words("Databases running dog's cafés", "english") == ["databas", "run", "dog", "cafe"]


@given(st.text())
def test_folding_again_changes_nothing_and_words_are_short(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    found = words(text, "english")
    assert all(0 < len(word) <= MAX_WORD and " " not in word and "\0" not in word for word in found)


@given(st.text())
def test_places_are_within_the_text(text: str) -> None:
    shown = unicodedata.normalize("NFC", text)
    for _, start, end in places(shown, "none"):
        assert 0 <= start < end <= len(shown)


def test_large_and_odd_texts_are_bounded_and_quick() -> None:
    notes = load({"name": "n", "fields": {"a": {"type": "text"}}, "search": ["a"]})
    began = time.perf_counter()
    for text in ("x" * 10**6, "数" * 10**6, "a " * 10**6, "".join(map(chr, range(32, 55_000)))):
        found = contents_of(notes, {"a": text})
        assert len(found.terms) <= MAX_WORDS
        assert (
            found.lengths["f1" if "f1" in found.lengths else next(iter(found.lengths))] <= MAX_TEXT
        )
    assert time.perf_counter() - began < 5


@given(st.text(max_size=200))
def test_any_query_is_parsed_or_refused(q: str) -> None:
    from covey.errors import BadRequest

    try:
        sought = parse(q, None, "english")
    except BadRequest as refused:
        assert refused.code == "invalid_q"
    else:
        assert sought.elements


def searching(search: Any, **more: Any) -> dict[str, Any]:
    fields = {"a": {"type": "text"}, "b": {"type": "text"}}
    return {"name": "notes", "fields": fields, "search": search, **more}


@pytest.mark.parametrize(
    "search",
    [
        ["a", "b"],
        {"fields": {"b": 3, "a": 1}, "language": "none"},
        {"fields": ["a"], "language": "none"},
        [],
    ],
)
def test_a_search_is_kept_as_it_was_written(search: Any) -> None:
    notes = load(searching(search))
    assert restore(state(notes)) == notes
    assert load(dump(notes), previous=notes) == notes


def test_only_what_is_searched_makes_a_search_anew() -> None:
    first = load(searching(["a"]))
    heavier = load(searching({"fields": {"a": 9}, "language": "english"}), previous=first)
    assert (heavier.search.since, new_parts(first, heavier)) == (0, ())
    renamed = {**searching(["c"]), "fields": {"c": {"type": "text", "was": "a"}}}
    assert load(renamed, previous=first).search.since == 0
    for other in (["a", "b"], {"fields": ["a"], "language": "none"}, []):
        after = load(searching(other), previous=first)
        assert after.search.since == 2
        assert new_parts(first, after) == ("search 2",)
    again = load(searching(["a"]), previous=load(searching([]), previous=first))
    assert again.search.since == 3


def test_what_becomes_of_a_search_is_said() -> None:
    catalog = Catalog(MemoryCatalogStore([load(searching(["a"]))]))
    said = {
        "more": ["search notes by a, b (backfills)"],
        "none": ["remove the search of notes (backfills)"],
        "weights": ["change the weights of the search of notes"],
    }
    written = {"more": ["a", "b"], "none": [], "weights": {"fields": {"a": 2}}}
    for name, search in written.items():
        changes = [str(change) for change in plan(catalog, searching(search)).changes]
        assert changes == said[name]
