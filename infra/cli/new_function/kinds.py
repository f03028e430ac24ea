"""The triggers that a new function can have, and what its files look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PARTS = Path(__file__).parent / "parts"
_GAP = re.compile(r"%\{(\w+)\}")
TRIGGERS = ("http", "change", "queue", "schedule", "upload", "socket")
KINDS = ("created", "updated", "deleted")
_OWN = ("template.yaml.txt", "test.py.txt")


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `kinds` and `when` narrow changes down, `prefix` uploads."""

    name: str
    trigger: str
    collection: str = "posts"
    kinds: tuple[str, ...] = ()
    when: str = ""
    expression: str = "rate(5 minutes)"
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """The function's files by name, its resources in the template, and its test."""

    files: Mapping[str, str] = field(default_factory=dict)
    resources: str = ""
    test: str = ""


def parts_of(trigger: str, values: Mapping[str, str]) -> Parts:
    """The parts of a trigger, their gaps filled."""

    def filled(path: Path) -> str:
        return _GAP.sub(lambda gap: values[gap[1]], path.read_text("utf-8"))

    folder = _PARTS / trigger
    files = {
        path.name.removesuffix(".txt"): filled(path)
        for path in sorted(folder.glob("*.txt"))
        if path.name not in _OWN
    }
    return Parts(files, filled(folder / _OWN[0]), filled(folder / _OWN[1]))
