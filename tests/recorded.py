"""Events as AWS documents them (`tests/events`), and whether two have the same shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).resolve().parent / "events"
# Members whose names are the caller's, or the item's, and not AWS's.
FREE = {
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "pathParameters",
    "messageAttributes",
    "Keys",
    "NewImage",
    "OldImage",
}


def recorded(name: str) -> Any:
    """An event of `tests/events`."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def differences(recorded: Any, ours: Any, where: str = "event") -> Iterator[str]:
    """Where members or types differ; null may stand for anything, and nothing for null."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        yield from _members(recorded, ours, where)
    elif isinstance(recorded, list) and isinstance(ours, list):
        if recorded and ours:
            yield from differences(recorded[0], ours[0], f"{where}[0]")
    elif recorded is not None and ours is not None and kind(recorded) != kind(ours):
        yield f"{where}: {kind(ours)} for {kind(recorded)}"


def _members(recorded: dict[str, Any], ours: dict[str, Any], where: str) -> Iterator[str]:
    for name in sorted(recorded.keys() | ours.keys()):
        theirs, own, place = recorded.get(name), ours.get(name), f"{where}.{name}"
        if theirs is None and own is None:
            continue
        if name not in recorded:
            yield f"{place}: ours alone"
        elif name not in ours:
            yield f"{place}: missing"
        elif name not in FREE:
            yield from differences(theirs, own, place)
        elif not isinstance(own, dict | None):
            yield f"{place}: no object"


def kind(value: Any) -> str:
    """JSON's own types: a number is a number."""
    return "number" if isinstance(value, float) else type(value).__name__.replace("int", "number")
