"""What is wrong with a JSON text, and where: the second, slow look of the strict decoder.

A tokenizer by one regular expression without backtracking into itself; it keeps a stack of its
own, so that neither depth nor length can exhaust Python's. It stops at the first fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from covey.errors import BadRequest, FieldError

MAX_TOKENS = 50_000
_TOKEN = re.compile(
    r"""[ \t\n\r]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)(?![0-9.eE+-])
      | (?P<word>true|false|null)(?![\w])
      | (?P<mark>[\[\]{},:])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_UNIT = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NAMED = re.compile(r"-?(?:NaN|Infinity)")
_SPACE = re.compile(r"[ \t\n\r]*")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Refused(ValueError):
    """What is wrong, and where if that is known: a position in characters."""

    def __init__(self, code: str, message: str, position: int | None = None) -> None:
        self.code, self.message, self.position = code, message, position
        super().__init__(message)


class _Fault(Exception):
    def __init__(self, position: int, code: str, message: str) -> None:
        self.position, self.code, self.message = position, code, message
        super().__init__(message)


def fault(text: str, position: int | None, code: str, message: str, path: str = "") -> BadRequest:
    """The problem for a fault at `position` (in characters) of `text`."""
    said = f"{message}."
    if position is not None:
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        said = f"{message} at line {line}, column {column}."
    return BadRequest(said, code="invalid_json", errors=[FieldError(path, code, said)])


def explain(
    text: str, max_depth: int, number: Callable[[str], object], known: Refused
) -> BadRequest:
    """The fault of a text that is bad for a `known` reason: the first one, with its place.

    Where the walk gives up, as it does after MAX_TOKENS so that a bad body costs no more than
    a good one, the known reason is told.
    """
    found = find(text, max_depth, number)
    return found or fault(text, known.position, known.code, known.message)


def find(text: str, max_depth: int, number: Callable[[str], object]) -> BadRequest | None:
    """The first fault of a text; None for good JSON, and for what is good for MAX_TOKENS."""
    walk = _Walk(text, max_depth, number)
    try:
        walk.run()
    except _Fault as exc:
        return fault(text, exc.position, exc.code, exc.message, walk.path())
    return None


@dataclass(slots=True)
class _Frame:
    """One open container; `expects` names what may come next."""

    is_object: bool
    expects: str
    key: str = ""
    count: int = 0
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Walk:
    def __init__(self, text: str, max_depth: int, number: Callable[[str], object]) -> None:
        self.text, self.max_depth, self.number = text, max_depth, number
        self.frames = [_Frame(is_object=False, expects="value")]  # the document itself

    def path(self) -> str:
        """The dotted path of the value in hand."""
        parts = [
            frame.key if frame.is_object else str(frame.count)
            for frame in self.frames[1:]
            if frame.key or not frame.is_object
        ]
        return ".".join(parts)

    def run(self) -> None:
        """Walk to the end; raises _Fault."""
        for token in islice(self._tokens(), MAX_TOKENS):
            if token.kind == "end":
                if len(self.frames) > 1 or self.frames[0].expects != "end":
                    raise _Fault(token.position, "syntax", "Unexpected end")
                return
            self._step(token)

    def _tokens(self) -> Iterator[_Token]:
        position = 0
        while True:
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise self._unreadable(position)
            kind = match.lastgroup or "end"
            yield _Token(kind, match[kind], match.start(kind))
            position = match.end()
            if kind == "end":
                return

    def _unreadable(self, position: int) -> _Fault:
        space = _SPACE.match(self.text, position)
        start = space.end() if space else position
        named = _NAMED.match(self.text, start)
        if named:
            return _Fault(start, "not_a_number", f"{named[0]} is not a JSON number")
        if self.text.startswith('"', start):
            return _Fault(start, "syntax", "A string that does not end or has a bad character")
        return _Fault(start, "syntax", "Unexpected text")

    def _step(self, token: _Token) -> None:
        frame = self.frames[-1]
        expects = frame.expects
        if len(self.frames) == 1 and expects == "end":
            raise _Fault(token.position, "trailing_data", "Text after the end of the value")
        if token.kind == "mark" and token.text in ",:]}":
            self._punctuate(token, frame)
        elif expects in ("key", "first key") and token.kind == "string":
            self._key(token, frame)
        elif expects in ("value", "first value"):
            self._value(token, frame)
        else:
            raise _Fault(token.position, "syntax", "Unexpected text")

    def _punctuate(self, token: _Token, frame: _Frame) -> None:
        mark, expects = token.text, frame.expects
        closing = "}" if frame.is_object else "]"
        opened = "first key" if frame.is_object else "first value"
        if mark == ":" and expects == "colon":
            frame.expects = "value"
        elif mark == "," and expects == "comma":
            frame.expects = "key" if frame.is_object else "value"
            frame.count += 1
        elif mark == closing and expects in ("comma", opened) and len(self.frames) > 1:
            self.frames.pop()
        else:
            raise _Fault(token.position, "syntax", f"Unexpected '{mark}'")

    def _key(self, token: _Token, frame: _Frame) -> None:
        frame.key = self._string(token)
        if frame.key in frame.keys:
            raise _Fault(token.position, "duplicate_key", "A key given twice")
        frame.keys.add(frame.key)
        frame.expects = "colon"

    def _value(self, token: _Token, frame: _Frame) -> None:
        frame.expects = "end" if len(self.frames) == 1 else "comma"
        if token.kind == "mark":
            if len(self.frames) > self.max_depth:
                raise _Fault(token.position, "too_deep", f"More than {self.max_depth} levels")
            is_object = token.text == "{"
            self.frames.append(_Frame(is_object, "first key" if is_object else "first value"))
        elif token.kind == "string":
            self._string(token)
        elif token.kind == "number":
            try:
                self.number(token.text)
            except Refused as exc:
                raise _Fault(token.position, exc.code, exc.message) from exc

    def _string(self, token: _Token) -> str:
        """The text of a string token; raises _Fault for a lone surrogate."""
        raw = token.text[1:-1]
        if "\\" not in raw:
            return raw
        units = _UNIT.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPES.get(m[2], m[2]), raw)
        try:
            return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError as exc:
            raise _Fault(token.position, "lone_surrogate", "A lone surrogate in a string") from exc
