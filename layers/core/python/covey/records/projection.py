"""Which parts of a record an answer holds: the `fields` parameter."""

from __future__ import annotations

from collections.abc import Collection as Names
from typing import Any

from covey.errors import BadRequest, FieldError

LONGEST = 4_096


def split_names(parameter: str, text: str) -> tuple[str, ...]:
    """The names of a comma-separated parameter, in order, each once.

    Raises BadRequest (code ``invalid_<parameter>``) for an empty or repeated name.
    """
    names = tuple(part.strip() for part in text[:LONGEST].split(","))
    if len(text) > LONGEST or "" in names:
        raise bad(parameter, "takes names with commas between them")
    if len(set(names)) < len(names):
        raise bad(parameter, "names something twice")
    return names


def check_names(parameter: str, names: Names[str], known: Names[str]) -> None:
    """Raise BadRequest for the first name that is not among the known ones."""
    for name in names:
        if name not in known:
            raise bad(parameter, f"there is no field {name[:64]!r}")


def bad(parameter: str, message: str) -> BadRequest:
    """The error of one query parameter, with its own stable code."""
    code = f"invalid_{parameter}"
    return BadRequest(
        f"{parameter}: {message}", code=code, errors=[FieldError(parameter, code, message)]
    )


def project(document: dict[str, Any], fields: tuple[str, ...] | None) -> dict[str, Any]:
    """The document with the named fields only, and its `id`; None = all of it."""
    if fields is None:
        return document
    return {name: document[name] for name in ("id", *fields) if name in document}
