"""A write on its way, as a before hook has it in hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from covey.errors import FieldError, Invalid
from covey.identity.principal import Principal

Action = Literal["create", "update", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "delete")


class Refused(Invalid):
    """A hook does not let a write happen; the caller is told why.

    >>> raise Refused("Posts are frozen until Monday.")  # doctest: +SKIP
    >>> raise Refused("is on the list of spam", field="title", code="spam")  # doctest: +SKIP
    """

    title: ClassVar[str] = "Refused"
    default_code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, field: str = "", code: str = "refused") -> None:
        """`code` is the team's own; with a `field` the message is about it."""
        detail = f"{field} {message}" if field else message
        errors = [FieldError(field, code, message)] if field else []
        super().__init__(detail, code=code, errors=errors)


@dataclass(slots=True, eq=False)
class Write:
    """One write, before it is done: every rule lets the caller do it, and it is valid.

    `values` are the fields that the record is going to have; a hook changes them in place. At a
    delete they are those that it has, and changing them means nothing. `old` is the record as it
    is, None for a new one. `request` is what rules read as ``request.method`` and ``request.ip``,
    and is empty where no request is behind the write.
    """

    collection: str
    action: Action
    id: str
    who: Principal
    values: dict[str, Any]
    old: Mapping[str, Any] | None = None
    request: Mapping[str, Any] = field(default_factory=dict)

    def changed(self, name: str) -> bool:
        """Whether the field is going to have another value than it has."""
        before = None if self.old is None else self.old.get(name)
        return bool(self.values.get(name) != before)
