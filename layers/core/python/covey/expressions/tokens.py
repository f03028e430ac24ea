"""Text to tokens, each with its position. One pass, linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from covey.expressions.errors import ExpressionError

MAX_DIGITS = 38  # DynamoDB's numbers
MAX_EXPONENT = 125

# Words that CEL keeps for itself, and those that have a meaning here.
KEPT = frozenset(
    (
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    )
)
CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
RESERVED = KEPT | frozenset(CONSTANTS) | {"in"}
# What people write who know another language. Fields may be called so: these are only hints.
OTHER_LANGUAGES = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "is": "==",
    "True": "true",
    "False": "false",
    "None": "null",
    "NULL": "null",
    "nil": "null",
}

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r\n]|//[^\n]*)+)
      | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<text>[rR]?["'])
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator>\|\||&&|[=!<>]=|[<>!+\-*/%?:.,()\[\]])""",
    re.VERBOSE | re.ASCII,
)
_PLAIN = {
    '"': re.compile(r'[^"\\\x00-\x1f\x7f\ud800-\udfff]+'),
    "'": re.compile(r"[^'\\\x00-\x1f\x7f\ud800-\udfff]+"),
}
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "?": "?",
    '"': '"',
    "'": "'",
    "`": "`",
}
_CODES = re.compile(
    r"[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})", re.ASCII
)
_HINTS = {
    "=": "use == to compare",
    "&": "use &&",
    "|": "use ||",
    "{": "maps are not supported",
    "`": "use quotes for text",
    "$": "",
    ";": "",
}

Kind = Literal["number", "text", "word", "operator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `value` is that of a number or text; `written` is the text it was read from."""

    kind: Kind
    written: str
    value: Any
    position: int


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, the last of kind "end". Raises ExpressionError."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        kind, written = match.lastgroup, match[0]
        if kind == "text":
            value, end = _quoted(text, match)
            tokens.append(Token("text", text[position:end], value, position))
            position = end
            continue
        if kind == "number":
            tokens.append(Token("number", written, _number(text, match), position))
        elif kind == "word":
            tokens.append(Token("word", written, None, position))
        elif kind == "operator":
            tokens.append(Token("operator", written, None, position))
        position = match.end()
    tokens.append(Token("end", "the end", None, len(text)))
    return tokens


def _unexpected(text: str, position: int) -> ExpressionError:
    character = text[position]
    if character.isprintable() and character.isascii():
        return ExpressionError(f"Unexpected {character!r}", position, _HINTS.get(character, ""))
    hint = "names are written in a-z, 0-9 and _" if character.isalnum() else ""
    return ExpressionError(f"Unexpected character U+{ord(character):04X}", position, hint)


def _number(text: str, match: re.Match[str]) -> int | Decimal:
    written, start, end = match[0], match.start(), match.end()
    following = text[end : end + 1]
    if following.isalnum() or following == "_":
        raise ExpressionError(
            "A number ends in a letter", end, "write decimal digits, without a suffix"
        )
    if written.isdigit():
        digits = written.lstrip("0")
        if len(digits) > MAX_DIGITS:
            raise ExpressionError(f"A number of more than {MAX_DIGITS} digits", start)
        return int(digits or "0")
    mantissa, _, exponent = written.lower().partition("e")
    if len(exponent.lstrip("+-0")) > 3:
        raise ExpressionError("A number out of range", start)
    value = Decimal(written)
    digits = mantissa.replace(".", "").strip("0")
    if len(digits) > MAX_DIGITS:
        raise ExpressionError(f"A number of more than {MAX_DIGITS} digits", start)
    if value and abs(value.adjusted()) > MAX_EXPONENT:
        raise ExpressionError("A number out of range", start)
    return value


def _quoted(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The value of a string and where it ends."""
    start, position = match.start(), match.end()
    quote, raw = match[0][-1], len(match[0]) == 2
    if text.startswith(quote * 2, position):
        raise ExpressionError("Text in triple quotes is not supported", start, "use one quote")
    parts: list[str] = []
    while position < len(text):
        plain = _PLAIN[quote].match(text, position)
        if plain is not None:
            parts.append(plain[0])
            position = plain.end()
        elif text[position] == quote:
            return "".join(parts), position + 1
        elif text[position] != "\\":
            raise ExpressionError(
                f"Text holds the character U+{ord(text[position]):04X}",
                position,
                "write it as an escape, such as \\n or \\u0000",
            )
        elif raw:
            parts.append("\\")
            position += 1
        else:
            part, position = _escape(text, position)
            parts.append(part)
    raise ExpressionError("Text without its closing quote", start, f"add {quote}")


def _escape(text: str, position: int) -> tuple[str, int]:
    """The character that an escape stands for and where it ends."""
    simple = _ESCAPES.get(text[position + 1 : position + 2])
    if simple is not None:
        return simple, position + 2
    match = _CODES.match(text, position + 1)
    if match is None:
        raise ExpressionError("An escape that does not exist", position, "write \\\\ for \\")
    code = int(match[4], 8) if match[4] else int(match[1] or match[2] or match[3], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ExpressionError("An escape for no character", position)
    return chr(code), match.end()
