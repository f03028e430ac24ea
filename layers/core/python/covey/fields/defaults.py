"""Defaults: a literal value, or one of few expressions."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from covey.expressions import EvaluationError, Scope, Timestamp, nodes
from covey.fields.registry import REGISTRY, validate_value
from covey.records.time import now_ms, rfc3339

if TYPE_CHECKING:
    from covey.collections.model import Field

AUTH = re.compile(r"auth\.[a-z][a-z0-9_]*")
_DAY = len("2026-01-31")


def is_computed(written: Any, field: Field) -> bool:
    """Whether a default as written is an expression: ``now``, ``uuid`` or ``auth.<name>``.

    Everything else is a literal, and so is a text among the choices of a choice field.
    """
    if not isinstance(written, str) or written in field.options.get("choices", ()):
        return False
    return written in ("now", "uuid") or AUTH.fullmatch(written) is not None


def may_compute(written: str, field: Field) -> bool:
    """Whether a field of this type can hold what the expression gives."""
    if written.startswith("auth."):
        return True
    return not field.list and written in REGISTRY[field.type].computed


def default_value(field: Field, scope: Scope | None) -> Any:
    """The canonical default of a field, or None where there is none for this caller.

    Raises FieldFault where the value does not fit, such as an id that is no e-mail address.
    """
    if field.default is None:
        return None
    root = field.default.root
    value = root.value if isinstance(root, nodes.Literal) else _computed(field, scope)
    if isinstance(value, Timestamp):
        text = rfc3339(value)
        value = text[:_DAY] if field.type == "date" else text
    return None if value is None else validate_value(value, field)


def _computed(field: Field, scope: Scope | None) -> Any:
    assert field.default is not None  # noqa: S101 - for the type checker
    try:
        return field.default.evaluate(_Scope(scope))
    except EvaluationError:  # auth.id of a guest, auth.team of a user without one
        return None


class _Scope:
    """The names of defaults over those of the request."""

    def __init__(self, scope: Scope | None) -> None:
        self._scope = scope

    def lookup(self, name: str) -> Any:
        """`uuid` is a fresh random one; `now` and `auth` are the request's, where there is one."""
        if name == "uuid":
            return str(uuid.uuid4())
        if self._scope is not None:
            return self._scope.lookup(name)
        if name == "now":
            return Timestamp(now_ms())
        if name == "auth":
            return None
        raise KeyError(name)
