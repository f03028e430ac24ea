"""API Gateway's choice of a resource: a literal segment before ``{name}`` before ``{name+}``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from infra.gateway.city import HttpRoute

# What ANY stands for in a REST API.
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


@dataclass(slots=True)
class _Node:
    resource: str = ""
    methods: dict[str, HttpRoute] = field(default_factory=dict)
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    greedy: tuple[str, _Node] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A resource that a path names, and the values in it, percent-encoded as they came."""

    resource: str
    parameters: Mapping[str, str] | None
    methods: Mapping[str, HttpRoute]

    def route(self, method: str) -> HttpRoute | None:
        """What answers this method: its own route before ``ANY``."""
        own = self.methods.get(method)
        return own or (self.methods.get("ANY") if method in METHODS else None)

    @property
    def allowed(self) -> list[str]:
        """The methods that are answered, sorted."""
        return sorted(METHODS if "ANY" in self.methods else self.methods)


class Routes:
    """The tree of resources of one API."""

    def __init__(self, routes: Iterable[HttpRoute]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: HttpRoute) -> None:
        node = self._root
        for segment in _segments(route.path):
            if segment.startswith("{") and segment.endswith("+}"):
                node.greedy = node.greedy or (segment[1:-2], _Node())
                node = node.greedy[1]
            elif segment.startswith("{") and segment.endswith("}"):
                node.parameter = node.parameter or (segment[1:-1], _Node())
                node = node.parameter[1]
            else:
                node = node.literals.setdefault(segment, _Node())
        node.resource = route.path
        node.methods[route.method] = route

    def match(self, path: str) -> Match | None:
        """The most specific resource for a path (as sent, percent-encoded), if there is one."""
        parameters: dict[str, str] = {}
        node = _find(self._root, _segments(path), 0, parameters)
        return Match(node.resource, parameters or None, node.methods) if node else None


def _segments(path: str) -> list[str]:
    stripped = path.strip("/")
    return stripped.split("/") if stripped else []


def _find(node: _Node, segments: list[str], at: int, parameters: dict[str, str]) -> _Node | None:
    if at == len(segments):
        return node if node.methods else None
    literal = node.literals.get(segments[at])
    if literal and (found := _find(literal, segments, at + 1, parameters)):
        return found
    if node.parameter and segments[at]:
        name, child = node.parameter
        if found := _find(child, segments, at + 1, parameters):
            parameters[name] = segments[at]
            return found
    if node.greedy:
        name, child = node.greedy
        parameters[name] = "/".join(segments[at:])
        return child
    return None
