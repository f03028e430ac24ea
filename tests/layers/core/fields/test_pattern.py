from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.fields.pattern import PatternFault, compiled

FOUND = [
    ("^[a-z][a-z0-9-]*$", "my-slug-1", True),
    ("^[a-z][a-z0-9-]*$", "My-slug", False),
    ("^\\d{4}-\\d{2}$", "2026-01", True),
    ("^\\d{4}$", "٢٠٢٦", False),
    ("^(?:red|green|blue)$", "green", True),
    ("^(?:red|green|blue)$", "greenish", False),
    ("^$", "", True),
    ("^$", "a", False),
    ("", "anything", True),
    ("a.c", "xabcx", True),
    ("a.c", "a\nc", False),
    ("^.$", "𝔸", True),
    ("[^a-c]", "abc", False),
    ("[]]", "]", None),
    ("[\\]\\-a]", "-", True),
    ("[a-]", "-", True),
    ("\\u{1F600}", "😀", True),
    ("\\x41\\u0042", "AB", True),
    ("x{0}y", "y", True),
    ("^x{2,}$", "xxxx", True),
    ("^x{2,3}$", "xxxx", False),
    ("a+?b", "aab", True),
    ("a$|^b", "bc", True),
    ("\\s", "\u3000", True),
    ("\\S", " \t", False),
    ("\\W", "a_1", False),
    ("a|", "", True),
]


@pytest.mark.parametrize(("pattern", "text", "found"), FOUND)
def test_what_a_pattern_finds(pattern: str, text: str, found: bool | None) -> None:
    if found is None:
        with pytest.raises(PatternFault):
            compiled(pattern)
    else:
        assert compiled(pattern).found_in(text) is found


REFUSED = {
    "a back-reference": "(a)\\1",
    "a lookahead": "(?=a)",
    "a lookbehind": "(?<!a)b",
    "a named group": "(?P<x>a)",
    "a flag": "(?i)a",
    "a word boundary": "\\bword",
    "an open group": "(a",
    "a closed group": "a)",
    "an open class": "[a",
    "an empty class": "[]",
    "a range the wrong way": "[z-a]",
    "a range of a class": "[\\d-z]",
    "a class in a class": "[[a]]",
    "nothing to repeat": "*a",
    "a repeated repetition": "a**",
    "a possessive repetition": "a++",
    "a repeated anchor": "^*",
    "a count the wrong way": "a{3,2}",
    "a count too high": "a{501}",
    "no count": "a{x}",
    "a stray brace": "a}",
    "counts that multiply": "((a{20}){20}){20}",
    "groups in groups": "(" * 21 + ")" * 21,
    "a long pattern": "a" * 501,
    "half a character": "\\uD800",
    "no character": "\\u{110000}",
    "a trailing backslash": "a\\",
    "an unknown escape": "\\q",
}


@pytest.mark.parametrize("pattern", REFUSED.values(), ids=REFUSED.keys())
def test_what_no_pattern_may_hold(pattern: str) -> None:
    with pytest.raises(PatternFault):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "^(a|a)*b$", "^(.*)*x$", "(a*)*(a*)*b", "^(a|b)*a(a|b){60}$", "(x+x+)+y"],
)
def test_no_text_keeps_a_pattern_busy(pattern: str) -> None:
    automaton = compiled(pattern)
    text = ("ab" * 3 + "aab") * 1_111
    start = time.thread_time()
    automaton.found_in("a" * 10_000 + "!")
    automaton.found_in(text)
    assert time.thread_time() - start < 5


atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\.", "(?:ab)", "c", "1"])
counts = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "*?"])
sequences = st.lists(st.tuples(atoms, counts).map("".join), max_size=4).map("".join)
patterns = st.recursive(
    sequences,
    lambda inner: (
        st.tuples(inner, inner).map("|".join)
        | st.tuples(inner, counts).map(lambda p: f"({p[0]}){p[1]}")
    ),
    max_leaves=4,
)


@given(
    st.sampled_from(["", "^"]),
    patterns,
    st.sampled_from(["", "$"]),
    st.lists(st.text("ab1.c\n", max_size=8), min_size=1, max_size=5),
)
def test_patterns_find_what_python_finds(
    start: str, pattern: str, end: str, texts: list[str]
) -> None:
    whole = f"{start}(?:{pattern}){end}"
    reference = re.compile(whole.replace("$", "\\Z"), re.ASCII)
    automaton = compiled(whole)
    for text in texts:
        assert automaton.found_in(text) is (reference.search(text) is not None), (whole, text)
