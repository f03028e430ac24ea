"""Reading one mapping of a document, key by key, with a path for every fault."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from covey.collections.faults import Faults
from covey.fields.suggestion import did_you_mean


class Reader:
    """A mapping at a path. Each method gives a usable value, and notes a fault if it had to."""

    def __init__(self, values: Mapping[str, Any], path: str, faults: Faults) -> None:
        self.values = values
        self.path = path
        self.faults = faults

    def at(self, key: object) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else str(key)

    def fault(self, key: object, message: str, code: str = "invalid") -> None:
        """Note a fault of a key."""
        self.faults.add(self.at(key), code, message)

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Note every key that is not known, with the nearest that is."""
        for key in self.values:
            if key not in known:
                self.fault(key, f"is not known here{did_you_mean(key, known)}", "unknown_key")

    def flag(self, key: str) -> bool:
        """True or false; false where it is left out."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, "must be true or false")
            return False
        return value

    def text(self, key: str, longest: int) -> str:
        """A text; empty where it is left out."""
        value = self.values.get(key, "")
        if not isinstance(value, str):
            self.fault(key, "must be text")
            return ""
        if len(value) > longest:
            self.fault(key, f"must have at most {longest} characters")
            return ""
        return value

    def mapping(self, key: str, message: str = "must be a mapping") -> Mapping[str, Any]:
        """A mapping; empty where it is left out."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.fault(key, message)
            return {}
        return value

    def sequence(self, key: str, most: int, message: str = "must be a list") -> list[Any]:
        """A list; empty where it is left out."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.fault(key, message)
            return []
        if len(value) > most:
            self.fault(key, f"must have at most {most} entries")
            return []
        return list(value)
