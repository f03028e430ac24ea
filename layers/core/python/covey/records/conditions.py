"""Conditional requests: If-Match and If-None-Match, after RFC 9110, section 13.

If-Match compares strongly (a weak tag never matches), If-None-Match weakly. ``*`` stands for
"any current representation". The order of section 13.2.2 holds: If-Match first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from covey.errors import BadRequest, PreconditionFailed

# entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE; the list rule allows empty elements.
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_BETWEEN = re.compile(r"[ \t]*(?:,[ \t]*)*")
_LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class Tags:
    """One header's tags: any, or a set of opaque values with their weakness."""

    any: bool = False
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    def match_strongly(self, etag: str | None) -> bool:
        """Whether `etag` (as sent, quoted; None = nothing there) is one of these, strongly."""
        return etag is not None and (self.any or etag in self.strong)

    def match_weakly(self, etag: str | None) -> bool:
        """Whether `etag` is one of these, weak or strong."""
        return etag is not None and (self.any or etag in self.strong or etag in self.weak)


def parse_tags(header: str, text: str) -> Tags:
    """The tags of one header field value; raises BadRequest (code invalid_precondition)."""
    text = text.strip(" \t")
    if text == "*":
        return Tags(any=True)
    strong: set[str] = set()
    weak: set[str] = set()
    position = _skip(text, 0)
    while position < len(text) <= _LONGEST:
        match = _TAG.match(text, position)
        if match is None:
            break
        (weak if match[1] else strong).add(f'"{match[2]}"')
        after = _skip(text, match.end())
        if after < len(text) and "," not in text[match.end() : after]:
            break
        position = after
    if position < len(text) or not (strong or weak):
        raise BadRequest(
            f'{header} takes "*" or quoted entity tags, such as "3".', code="invalid_precondition"
        )
    return Tags(strong=frozenset(strong), weak=frozenset(weak))


def _skip(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the caller wants to hold before anything is done; None = the header is absent."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None

    @classmethod
    def parse(cls, if_match: str | None, if_none_match: str | None) -> Conditions:
        """From the two header values; raises BadRequest (code invalid_precondition)."""
        return cls(
            None if if_match is None else parse_tags("If-Match", if_match),
            None if if_none_match is None else parse_tags("If-None-Match", if_none_match),
        )

    def check(self, etag: str | None) -> None:
        """Raise PreconditionFailed unless a write may proceed on what is there now.

        `etag` is the current tag, or None when nothing is there (or nothing to be seen).
        """
        if self.if_match is not None and not self.if_match.match_strongly(etag):
            raise PreconditionFailed("The record is not at the version that If-Match names.")
        if self.if_none_match is not None and self.if_none_match.match_weakly(etag):
            raise PreconditionFailed("If-None-Match names what is there now.")

    def unchanged(self, etag: str) -> bool:
        """Whether a read may answer 304: the caller has this version already.

        Raises PreconditionFailed when If-Match is given and does not hold.
        """
        if self.if_match is not None and not self.if_match.match_strongly(etag):
            raise PreconditionFailed("The record is not at the version that If-Match names.")
        return self.if_none_match is not None and self.if_none_match.match_weakly(etag)


UNCONDITIONAL = Conditions()
