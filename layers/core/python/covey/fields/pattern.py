r"""Patterns of text fields: the part of regular expressions that is matched in linear time.

    literals . [a-z] [^a-z] ^ $ | ( ) (?: ) * + ? {m,n}
    \d \w \s \D \W \S \t \n \r \f \v \0 \xhh \uhhhh

The meaning is that of ECMAScript with the flag "u", which is what JSON Schema names: \d and \w
are ASCII, a dot reads no line end, ^ and $ mean the whole text. Lookaround, back-references,
\b, named groups and flags are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from covey.fields.automaton import (
    END,
    MAX_STATES,
    START,
    Automaton,
    Builder,
    Fragment,
    Ranges,
    TooManyStates,
)

MAX_LENGTH = 500
MAX_DEPTH = 20
MAX_COUNT = 500
_LAST = 0x10FFFF
_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = (
    *((9, 13), (32, 32), (160, 160), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11, "0": 0}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/-")
_COUNT = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_CODE = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")


class PatternFault(ValueError):
    """A pattern that is not understood, or not taken; the message goes on from its name."""


@dataclass(frozen=True, slots=True)
class _Part:
    """`kind` is set, then, either or repeat; a set has `ranges`, the others `parts`."""

    kind: str
    ranges: Ranges = ()
    parts: tuple[_Part, ...] = ()
    low: int = 1
    high: int | None = 1


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Automaton:
    """The automaton of a pattern; raises PatternFault."""
    if len(pattern) > MAX_LENGTH:
        raise PatternFault(f"must have at most {MAX_LENGTH} characters")
    part = _Parser(pattern).whole()
    builder = Builder()
    try:
        return Automaton(builder, _build(part, builder))
    except TooManyStates:
        raise PatternFault(
            f"must not spell out more than {MAX_STATES} characters, counted repetitions included"
        ) from None


def _build(part: _Part, builder: Builder) -> Fragment:
    if part.kind == "set":
        return builder.state(part.ranges)
    if part.kind == "repeat":
        return _repeat(part, builder)
    fragments = (_build(inner, builder) for inner in part.parts)
    whole = next(fragments, None)
    if whole is None:
        return builder.empty()
    join = builder.then if part.kind == "then" else builder.either
    for fragment in fragments:
        whole = join(whole, fragment)
    return whole


def _repeat(part: _Part, builder: Builder) -> Fragment:
    (inner,) = part.parts
    whole = builder.empty()
    for _ in range(part.low):
        whole = builder.then(whole, _build(inner, builder))
    if part.high is None:
        more = builder.repeated(_build(inner, builder))
        return builder.then(whole, builder.optional(more))
    for _ in range(part.high - part.low):
        whole = builder.then(whole, builder.optional(_build(inner, builder)))
    return whole


class _Parser:
    """By recursive descent, as deep as groups nest."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> _Part:
        """The pattern to its end."""
        part = self._either()
        if self._at < len(self._text):
            raise self._fault("has a ) without (")
        return part

    def _fault(self, message: str) -> PatternFault:
        return PatternFault(f"{message} at character {self._at + 1}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _either(self) -> _Part:
        branches = [self._then()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._then())
        return branches[0] if len(branches) == 1 else _Part("either", parts=tuple(branches))

    def _then(self) -> _Part:
        parts = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._counted())
        return _Part("then", parts=tuple(parts))

    def _counted(self) -> _Part:
        anchor = self._peek() in ("^", "$")
        part = self._atom()
        bounds = self._bounds()
        if bounds is None:
            return part
        if anchor:
            raise self._fault("repeats ^ or $")
        if self._peek() == "?":  # lazy: what is found is the same
            self._at += 1
        if self._peek() and self._peek() in "*+?":
            raise self._fault("repeats a repetition")
        return _Part("repeat", parts=(part,), low=bounds[0], high=bounds[1])

    def _bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        bounds = simple.get(self._peek())
        if bounds is not None:
            self._at += 1
            return bounds
        if self._peek() != "{":
            return None
        match = _COUNT.match(self._text, self._at)
        if match is None:
            raise self._fault("has a { that is no count")
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if (high is not None and high < low) or max(low, high or 0) > MAX_COUNT:
            raise self._fault(f"has a count that is not in order or above {MAX_COUNT}")
        self._at = match.end()
        return low, high

    def _atom(self) -> _Part:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return _Part("set", self._class())
        if character == "\\":
            return _Part("set", self._escape())
        if character in "*+?{}]":
            self._at -= 1
            raise self._fault(f"has a {character} with nothing before it to belong to")
        fixed = {"^": ((START, START),), "$": ((END, END),), ".": _others(_LINE_ENDS)}
        return _Part("set", fixed.get(character) or ((ord(character), ord(character)),))

    def _group(self) -> _Part:
        if self._peek() == "?":
            if self._text[self._at : self._at + 2] != "?:":
                raise self._fault("has a group of a kind that is not taken")
            self._at += 2
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(f"nests deeper than {MAX_DEPTH} groups")
        part = self._either()
        self._depth -= 1
        if self._take() != ")":
            raise self._fault("has a ( without )")
        return part

    def _escape(self) -> Ranges:
        if code := _CODE.match(self._text, self._at):
            self._at = code.end()
            value = int(code[1] or code[2] or code[3], 16)
            if value > _LAST or 0xD800 <= value <= 0xDFFF:
                raise self._fault("names a character that there is not")
            return ((value, value),)
        character = self._take()
        if character.lower() in _CLASSES and character:
            ranges = _CLASSES[character.lower()]
            return ranges if character.islower() else _others(ranges)
        if character in _CONTROLS:
            return ((_CONTROLS[character], _CONTROLS[character]),)
        if character in _SYNTAX:
            return ((ord(character), ord(character)),)
        self._at -= 1
        raise self._fault(f"has an escape \\{character} that is not taken")

    def _class(self) -> Ranges:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]":
            low = self._class_item()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                ranges.append(self._range(low, self._class_item()))
            else:
                ranges.extend(low)
        self._at += 1
        if not ranges:
            raise self._fault("has an empty class")
        return _others(tuple(ranges)) if negated else tuple(ranges)

    def _class_item(self) -> Ranges:
        character = self._take()
        if not character:
            raise self._fault("has a [ without ]")
        if character == "\\":
            return self._escape()
        if character == "[":
            raise self._fault("has a [ in a class: write \\[")
        return ((ord(character), ord(character)),)

    def _range(self, low: Ranges, high: Ranges) -> tuple[int, int]:
        single = len(low) == len(high) == 1 and low[0][0] == low[0][1] and high[0][0] == high[0][1]
        if not single or low[0][0] > high[0][0]:
            raise self._fault("has a range that is not in order")
        return low[0][0], high[0][0]


def _others(ranges: Ranges) -> Ranges:
    """Every character that is not in the ranges."""
    kept, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            kept.append((start, low - 1))
        start = max(start, high + 1)
    if start <= _LAST:
        kept.append((start, _LAST))
    return tuple(kept)
