"""The reference page says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covey.expressions import arithmetic, budget, matching, parse, parser, tokens
from covey.expressions.functions import FUNCTIONS, METHODS, QUANTIFIERS

PAGE = (
    next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists())
    / "docs/reference/expressions.md"
).read_text()


@pytest.mark.parametrize("text", re.findall(r"```cel\n(.+?)\n```", PAGE, re.DOTALL))
def test_every_example_parses(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, *METHODS, *QUANTIFIERS}))
def test_every_function_is_described(name: str) -> None:
    assert re.search(rf"`[a-z.]*{name}\(", PAGE)


@pytest.mark.parametrize(
    "limit",
    [
        parser.MAX_LENGTH,
        parser.MAX_NODES,
        parser.MAX_DEPTH,
        parser.MAX_COSTLY,
        tokens.MAX_DIGITS,
        arithmetic.MAX_TEXT,
        arithmetic.MAX_ITEMS,
        budget.MAX_STEPS,
        matching.MAX_STATES,
        matching.MAX_TEXT,
    ],
)
def test_every_limit_is_stated(limit: int) -> None:
    table = PAGE[PAGE.index("## Limits") : PAGE.index("## Errors")]
    assert re.search(rf"\b{limit:,}\b", table)


@pytest.mark.parametrize("word", sorted(tokens.RESERVED))
def test_every_kept_word_is_listed(word: str) -> None:
    assert f"`{word}`" in PAGE
