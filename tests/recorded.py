"""Events as AWS documents them (`tests/events`), and what two events have in common: their shape."""

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
        for name in sorted(recorded.keys() | ours.keys()):
            place = f"{where}.{name}"
            if recorded.get(name) is None and ours.get(name) is None:
                continue
            if name not in recorded:
                yield f"{place}: ours alone"
            elif name not in ours:
                yield f"{place}: missing"
            elif name not in FREE:
                yield from differences(recorded[name], ours[name], place)
            elif not isinstance(ours[name], dict | None):
                yield f"{place}: no object"
    elif isinstance(recorded, list) and isinstance(ours, list):
        if recorded and ours:
            yield from differences(recorded[0], ours[0], f"{where}[0]")
    elif recorded is not None and ours is not None and kind(recorded) != kind(ours):
        yield f"{where}: {kind(ours)} for {kind(recorded)}"


def kind(value: Any) -> str:
    """JSON's own types: a number is a number."""
    return "number" if isinstance(value, float) else type(value).__name__.replace("int", "number")
