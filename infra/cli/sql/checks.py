"""What CHECK constraints say of single columns: choices, bounds, that a text is JSON.

Only the few shapes are read that Django, SQLAlchemy and PostgreSQL's own rewriting make; whatever
else a CHECK says stays in the database and is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_COLUMN = (
    r"""\(*\s*(?:"(?P<quoted>(?:[^"]|"")+)"|`(?P<tick>[^`]+)`|(?P<plain>[A-Za-z_]\w*))\s*\)*"""
)
_CAST = r"(?:::[\w \[\]\"()]+?)?"
_STRING = r"'((?:[^']|'')*)'"
_JSON = re.compile(rf"(?i)\(*\s*json_valid\s*\({_COLUMN}\)")
_BOUND = re.compile(
    rf"{_COLUMN}{_CAST}\s*(?P<sign>>=|<=|>|<)\s*\(*'?(?P<number>-?\d+(?:\.\d+)?)'?\)*{_CAST}\)*"
)
_BETWEEN = re.compile(
    rf"(?i){_COLUMN}\s+between\s+(?P<low>-?\d+(?:\.\d+)?)\s+and\s+(?P<high>-?\d+(?:\.\d+)?)\)*"
)
_ONE_OF = re.compile(
    rf"(?is){_COLUMN}{_CAST}\)*\s*(?:in\s*\(|=\s*any\s*\(+\s*array\s*\[)"
    rf"(?P<list>\s*{_STRING}{_CAST}(?:\s*,\s*{_STRING}{_CAST})*\s*)[\])]"
    r"(?:\)|\s|::\w+(?: varying)?(?:\[\])?)*"
)
_TEXTS = re.compile(_STRING)
_AND = re.compile(r"(?i)\s+and\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """What one CHECK says of one column; `strict` bounds leave their own number out."""

    column: str
    choices: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    strict: bool = False
    json: bool = False


def read(expression: str) -> list[Said] | None:
    """What an expression says; None where it is not understood as a whole."""
    text = expression.strip()
    if found := _JSON.match(text):
        return [Said(_column(found), json=True)]
    if found := _ONE_OF.fullmatch(text):
        texts = tuple(one.replace("''", "'") for one in _TEXTS.findall(found["list"]))
        return [Said(_column(found), choices=texts)]
    if found := _BETWEEN.fullmatch(text):
        return [Said(_column(found), low=Decimal(found["low"]), high=Decimal(found["high"]))]
    bounds = [_bound(part) for part in _AND.split(text)]
    return [bound for bound in bounds if bound is not None] if all(bounds) else None


def _bound(text: str) -> Said | None:
    found = _BOUND.fullmatch(text.strip())
    if found is None:
        return None
    number, sign = Decimal(found["number"]), found["sign"]
    low, high = (number, None) if sign.startswith(">") else (None, number)
    return Said(_column(found), low=low, high=high, strict=sign in "<>")


def _column(found: re.Match[str]) -> str:
    quoted = found["quoted"]
    return quoted.replace('""', '"') if quoted else str(found["tick"] or found["plain"])


def of_statement(statement: str) -> Iterator[str]:
    """The expression of each CHECK in a CREATE TABLE, as SQLite keeps it."""
    for start, end in _checks(statement):
        yield statement[start:end]


def _checks(statement: str) -> Iterator[tuple[int, int]]:
    """Where each CHECK's expression begins and ends, quotes and parentheses minded."""
    word = re.compile(r"(?i)\bcheck\s*\(")
    quotes = {"'": "'", '"': '"', "`": "`", "[": "]"}
    at, depth, opened = 0, 0, -1
    while at < len(statement):
        character = statement[at]
        if character in quotes:
            closing = statement.find(quotes[character], at + 1)
            if closing < 0:
                return
            at = closing + 1
            continue
        if opened < 0 and (found := word.match(statement, at)):
            opened, depth, at = found.end(), 1, found.end()
            continue
        depth += (character == "(") - (character == ")")
        if opened >= 0 and depth == 0:
            yield opened, at
            opened = -1
        at += 1
