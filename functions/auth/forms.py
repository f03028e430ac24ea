"""Bodies that are a few texts by name, or an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.errors import FieldError, Invalid


def texts(body: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """The values of `names`, all of them text and nothing else; raises Invalid for all faults.

    ``email, password = texts(request.json(), "email", "password")``
    """
    faults = [
        FieldError(name, "required", "must have a value")
        for name in names
        if body.get(name) is None
    ]
    for name, value in body.items():
        if name not in names:
            faults.append(FieldError(name[:64], "unknown_field", "is not known here"))
        elif value is not None and not isinstance(value, str):
            faults.append(FieldError(name, "wrong_type", "must be text"))
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
    return tuple(body[name] for name in names)


def an_object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object `name`, which is all that `body` holds; raises Invalid."""
    value = body.get(name)
    if isinstance(value, dict) and len(body) == 1:
        return value
    fault = FieldError(name, "wrong_type", "must be an object, and the only one")
    raise Invalid(f"{name} {fault.message}.", errors=[fault])
