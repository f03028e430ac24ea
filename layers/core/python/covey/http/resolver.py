"""Which route a request means, and its path parameters, decoded exactly once.

API Gateway sends a greedy resource (``/records/{proxy+}``) with the rest of the path as a
parameter, still percent-encoded. Putting the parameters back into the resource gives the path
as sent, free of stage and base path; a tree of the declared patterns then finds the route. At
each segment a literal goes before a parameter, as in API Gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from covey.errors import BadRequest, NotFound

_PARAMETER = re.compile(r"\{([^{}+]+)\+?\}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_PATH = 8_192


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    pattern: str | None = None


class Resolver:
    """The patterns of an app as a tree."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._root = _Node()
        for pattern in patterns:
            self._add(pattern)

    def _add(self, pattern: str) -> None:
        node = self._root
        for segment in pattern.strip("/").split("/"):
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.pattern = pattern

    def resolve(self, event: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """The pattern and the decoded parameters of an event.

        Raises NotFound where no pattern fits, BadRequest ``invalid_path`` for an escape that
        is malformed or not UTF-8.
        """
        path = raw_path(event)
        if not path.startswith("/") or len(path) > _MAX_PATH:
            raise NotFound("path")
        segments = [decode_segment(segment) for segment in path[1:].split("/")]
        pattern = _find(self._root, segments, 0)
        if pattern is None:
            raise NotFound("path")
        names = pattern[1:].split("/")
        return pattern, {
            name[1:-1]: value
            for name, value in zip(names, segments, strict=True)
            if name.startswith("{")
        }


def raw_path(event: Mapping[str, Any]) -> str:
    """The path as sent, from the matched resource and its parameters."""
    about: Mapping[str, Any] = event.get("requestContext") or {}
    resource = about.get("resourcePath") or event.get("resource") or event.get("path") or ""
    values: Mapping[str, str] = event.get("pathParameters") or {}
    return _PARAMETER.sub(lambda match: values.get(match[1], match[0]), resource)


def decode_segment(segment: str) -> str:
    """One path segment, percent-decoded.

    An encoded slash or NUL can name nothing that Covey keeps: NotFound.
    """
    if "%" in segment:
        if _BAD_ESCAPE.search(segment):
            raise BadRequest("The path has a malformed escape.", code="invalid_path")
        try:
            segment = unquote_to_bytes(segment).decode("utf-8")
        except UnicodeError as exc:
            raise BadRequest("The path is not UTF-8.", code="invalid_path") from exc
    if "/" in segment or "\0" in segment:
        raise NotFound("path")
    return segment


def _find(node: _Node, segments: list[str], at: int) -> str | None:
    """Depth first, literals before parameters; an empty segment fits no parameter."""
    if at == len(segments):
        return node.pattern
    literal = node.literals.get(segments[at])
    found = _find(literal, segments, at + 1) if literal else None
    if found is None and node.parameter and segments[at]:
        found = _find(node.parameter, segments, at + 1)
    return found
