"""Closures that read names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from covey.expressions.errors import EvaluationError
from covey.expressions.nodes import Fetch, Name
from covey.expressions.values import kind

Lookup = Callable[[str], Any]
Run = Callable[[Lookup], Any]


def reading(node: Name) -> Run:
    """The closure that reads a name, member by member."""
    root, *members = node.path
    position = node.position

    def read(lookup: Lookup) -> Any:
        try:
            return lookup(root)
        except KeyError:
            raise EvaluationError(f"There is no {root}", position) from None

    def read_member(lookup: Lookup) -> Any:
        value = read(lookup)
        for key in members:
            if type(value) is not dict and not isinstance(value, Mapping):
                raise EvaluationError(f"{kind(value)} has no {key}", position)
            try:
                value = value[key]
            except KeyError:
                raise EvaluationError(f"There is no {node.dotted}", position) from None
        return value

    return read_member if members else read


def presence(node: Name) -> Run:
    """The closure of ``has(name)``: whether there is a value and it is not null.

    What should hold it must be there: of a guest ``has(auth.team)`` is an error.
    """
    if len(node.path) == 1:
        root = node.path[0]

        def present(lookup: Lookup) -> bool:
            try:
                return lookup(root) is not None
            except KeyError:
                return False

        return present

    return holding(reading(Name(node.path[:-1], node.position)), node)


def holding(container: Run, node: Name | Fetch) -> Run:
    """The closure of whether what should hold the last member of a path has a value for it."""
    last = node.path[-1]

    def present_member(lookup: Lookup) -> bool:
        value = container(lookup)
        if not isinstance(value, Mapping):
            raise EvaluationError(f"{kind(value)} has no {last}", node.position)
        try:
            return value[last] is not None
        except KeyError:
            return False

    return present_member


def fetching(node: Fetch, id: Run, path: tuple[str, ...]) -> Run:
    """The closure that reads another record, or the members of it that a path names.

    The scope's ``record`` does it: a function of a collection's name and an id that gives a
    mapping, or None where there is no such record.
    """
    position = node.position

    def fetch(lookup: Lookup) -> Any:
        wanted = id(lookup)
        if not isinstance(wanted, str):
            raise EvaluationError(f"{kind(wanted)} where the id of a record is needed", position)
        try:
            read = lookup("record")
        except KeyError:
            raise EvaluationError("Other records are not read here", position) from None
        value = read(node.collection, wanted)
        for key in path:
            if not isinstance(value, Mapping):
                raise EvaluationError(f"{kind(value)} has no {key}", position)
            try:
                value = value[key]
            except KeyError:
                raise EvaluationError(f"There is no {key}", position) from None
        return value

    return fetch
