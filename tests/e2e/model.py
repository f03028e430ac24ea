"""A plain dictionary that says what the API must answer, for `test_model.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

Document = dict[str, Any]
DEFAULTS: Mapping[str, Any] = {"published": False, "views": 0}
SYSTEM = ("id", "created", "updated", "version")


class Filter(NamedTuple):
    """The text of a filter, and what it means."""

    text: str
    holds: Callable[[Document, str], bool]


def views(record: Document) -> float:
    """A number that no comparison holds of where there is none."""
    found = record.get("views")
    return float("nan") if found is None else found


ATOMS = (
    Filter("published", lambda r, who: r.get("published") is True),
    Filter("!published", lambda r, who: r.get("published") is False),
    Filter("author == auth.id", lambda r, who: r.get("author") == who),
    Filter('author == "ann"', lambda r, who: r.get("author") == "ann"),
    Filter('author in ["ann", "bob"]', lambda r, who: r.get("author") in ("ann", "bob")),
    Filter('author in ["bob", "cid", "dan"]', lambda r, who: r.get("author") in ("bob", "cid")),
    Filter("views > 1", lambda r, who: views(r) > 1),
    Filter("views <= 2", lambda r, who: views(r) <= 2),
    Filter("views in [0, 3]", lambda r, who: views(r) in (0, 3)),
    Filter("views == null", lambda r, who: r.get("views") is None),
    Filter('title == "a"', lambda r, who: r.get("title") == "a"),
    Filter('title in ["b", "ba", "zz"]', lambda r, who: r.get("title") in ("b", "ba")),
    Filter('title.startsWith("b")', lambda r, who: (r.get("title") or "").startswith("b")),
    Filter('title.contains("a")', lambda r, who: "a" in (r.get("title") or "")),
    Filter('slug == "s1"', lambda r, who: r.get("slug") == "s1"),
    Filter("slug != null", lambda r, who: r.get("slug") is not None),
)


def either(parts: Sequence[Filter]) -> Filter:
    """What one of them takes."""
    text = " || ".join(part.text for part in parts)
    return Filter(f"({text})", lambda r, who: any(part.holds(r, who) for part in parts))


def both(parts: Sequence[Filter]) -> Filter:
    """What all of them take."""
    text = " && ".join(part.text for part in parts)
    return Filter(f"({text})", lambda r, who: all(part.holds(r, who) for part in parts))


class Refused(Exception):
    """The model does not take a write."""


class Model:
    """The records of one collection: what may be read, and what a write leaves."""

    def __init__(self) -> None:
        self.records: dict[str, Document] = {}

    def copy(self) -> Model:
        """Another that may be changed by itself."""
        other = Model()
        other.records = deepcopy(self.records)
        return other

    def visible(self, record: Document, who: str) -> bool:
        """The read rule: ``published || author == auth.id``."""
        return who == "root" or record.get("published") is True or record.get("author") == who

    def seen_by(self, who: str) -> list[Document]:
        """What a caller may read."""
        return [record for record in self.records.values() if self.visible(record, who)]

    def created(self, values: Document, who: str) -> Document:
        """The values of a new record; Refused for a guest."""
        if not who:
            raise Refused
        return stripped({**DEFAULTS, "author": who, **values})

    def owned(self, record_id: str, who: str) -> Document:
        """A record that the caller may change: the update and delete rules."""
        record = self.records.get(record_id)
        if record is None or not who or (record.get("author") != who and who != "root"):
            raise Refused
        return record

    def patched(self, record_id: str, patch: Document, who: str) -> Document:
        """The values after a merge patch, which the update rule must take as well."""
        before = self.owned(record_id, who)
        values = {name: value for name, value in before.items() if name not in SYSTEM}
        for name, value in patch.items():
            if isinstance(value, dict):
                value = (values.get(name) or 0) + value["$inc"]
            values[name] = value
        return self._allowed(stripped(values), who)

    def replaced(self, record_id: str, values: Document, who: str) -> Document:
        """The values after a PUT."""
        self.owned(record_id, who)
        return self._allowed(stripped({**DEFAULTS, "author": who, **values}), who)

    def _allowed(self, values: Document, who: str) -> Document:
        if who != "root" and values.get("author") != who:
            raise Refused
        return values

    def keep(self, record_id: str, values: Document, document: Document | None = None) -> None:
        """Put a record there; the system fields are those of the answer, where there is one."""
        system = {name: document[name] for name in SYSTEM} if document else {"id": record_id}
        self.records[record_id] = {**values, **system}

    def check_unique(self) -> None:
        """Refused where two records have one slug."""
        slugs = [r["slug"] for r in self.records.values() if r.get("slug") is not None]
        if len(set(slugs)) < len(slugs):
            raise Refused

    def clashes(self, values: Document, record_id: str = "") -> bool:
        """Whether another record has the slug."""
        slug = values.get("slug")
        return slug is not None and any(
            record.get("slug") == slug and record["id"] != record_id
            for record in self.records.values()
        )


def stripped(values: Document) -> Document:
    """Without what has no value."""
    return {name: value for name, value in values.items() if value is not None}


def rank(value: Any) -> tuple[int, Any]:
    """Null before bool before number before text."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, value
    return (3, value) if isinstance(value, str) else (2, value)


def in_order(records: Sequence[Document], sort: str) -> list[Document]:
    """Sorted as asked, newest first where nothing is."""
    found = list(records)
    for key in reversed((sort or "-created").split(",")):
        name = key.removeprefix("-")
        found.sort(key=by("id" if name == "created" else name), reverse=key.startswith("-"))
    return found


def by(name: str) -> Callable[[Document], tuple[int, Any]]:
    """A field to sort by; ids of Covey's are in the order of creation."""
    return lambda record: rank(record.get(name))
