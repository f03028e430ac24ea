"""What a function is called, in each of its places."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MOST = 40


class NewFunctionError(ValueError):
    """Why a function cannot be made; nothing was."""


@dataclass(frozen=True, slots=True)
class Names:
    """`name` is the folder, `logical` what template.yaml's resources begin with."""

    name: str

    @property
    def logical(self) -> str:
        """``order_mails`` is ``OrderMails``."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def path(self) -> str:
        """The first segment of its HTTP paths."""
        return self.name.replace("_", "-")

    @property
    def title(self) -> str:
        """In one word, for schemas and headings."""
        return self.logical


def names_of(name: str, house: Path, resources: dict[str, Any]) -> Names:
    """The names of a new function; raises NewFunctionError for one that cannot be."""
    if not _NAME.fullmatch(name) or len(name) > MOST:
        raise NewFunctionError(
            f"{name!r} is no name: small letters and digits, with _ between words, at most {MOST}"
        )
    if keyword.iskeyword(name) or name in ("app", "functions", "routes", "test"):
        raise NewFunctionError(f"{name!r} means something else in Python or here")
    names = Names(name)
    if (house / "functions" / name).exists():
        raise NewFunctionError(f"functions/{name} is there already")
    if (house / "tests" / "functions" / name).exists():
        raise NewFunctionError(f"tests/functions/{name} is there already")
    ends = ("Function", "Queue", "DeadLetters", "Route", "Integration", "Permission")
    for end in ends:
        if f"{names.logical}{end}" in resources:
            raise NewFunctionError(f"template.yaml has a {names.logical}{end} already")
    return names
