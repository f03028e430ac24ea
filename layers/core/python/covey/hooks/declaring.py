"""@before and @after: they declare hooks and leave the functions as they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from covey.hooks.write import ACTIONS, Write
from covey.pipeline.record_change import RecordChange

EVERY = "*"
Call = TypeVar("Call", bound=Callable[[Any], object])


@dataclass(frozen=True, slots=True)
class Before:
    """A hook in the call of a write."""

    name: str
    collection: str
    actions: frozenset[str]
    call: Callable[[Write], object]

    def meets(self, collection: str, action: str) -> bool:
        """Whether it is for such writes."""
        return self.collection in (collection, EVERY) and action in self.actions


@dataclass(frozen=True, slots=True)
class After:
    """A hook that follows changes; `when` is an expression over the record, or nothing."""

    name: str
    collection: str
    kinds: frozenset[str]
    when: str
    call: Callable[[RecordChange], object]


# In the order in which the team's modules declare them; filled by importing those.
DECLARED: list[Before | After] = []
_KINDS = {"create": "created", "update": "updated", "delete": "deleted"}


def before(collection: str, *actions: str) -> Callable[[Call], Call]:
    """Run the function before each such write of the collection, in the same call.

    `collection` may be ``"*"``; without `actions` all of create, update and delete are meant. The
    function gets a `Write`, changes its values or raises `Refused`.
    """
    chosen = _actions(collection, actions)

    def declare(call: Call) -> Call:
        DECLARED.append(Before(_name(call), collection, chosen, call))
        return call

    return declare


def after(collection: str, *actions: str, when: str = "") -> Callable[[Call], Call]:
    """Run the function after each such change of the collection, at least once.

    It gets a `RecordChange`, by a queue and within seconds. `when` narrows the changes down by an
    expression: ``published && old.published == false``. A function that raises gets the change
    again, and after five attempts the change lies in the dead letters.
    """
    chosen = _actions(collection, actions)
    if when:
        from covey.expressions import parse

        parse(when)

    def declare(call: Call) -> Call:
        kinds = frozenset(_KINDS[action] for action in chosen)
        DECLARED.append(After(_name(call), collection, kinds, when, call))
        return call

    return declare


def _actions(collection: object, actions: tuple[str, ...]) -> frozenset[str]:
    if not isinstance(collection, str) or not collection:
        raise TypeError('a hook names its collection: @before("posts", "create")')
    if unknown := [action for action in actions if action not in ACTIONS]:
        raise ValueError(f"there is no action {unknown[0]!r}; there are {', '.join(ACTIONS)}")
    return frozenset(actions or ACTIONS)


def _name(call: Callable[[Any], object]) -> str:
    """Where the function stands: messages to an after hook are addressed by it."""
    if inspect.iscoroutinefunction(call):
        raise TypeError(f"{call.__name__} is a coroutine: hooks are plain functions")
    name = f"{call.__module__}.{call.__qualname__}"
    if any(one.name == name for one in DECLARED if one.call is not call):
        raise ValueError(f"there are two hooks {name}: the second would hide the first")
    return name
