"""What is searched, as it is written: fields with weights, and a language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from covey.collections.index_document import FieldNames
from covey.collections.model import Collection, Search
from covey.collections.reader import Reader

MAX_SEARCH = 10
MAX_WEIGHT = 100
LANGUAGES = ("english", "none")
TEXTUAL = frozenset({"text", "choice", "email", "url"})


def read_search(reader: Reader, names: FieldNames) -> Search:
    """The search: ``[title, body]``, or ``{fields: {title: 3, body: 1}, language: none}``."""
    written = reader.values.get("search")
    if not isinstance(written, Mapping):
        return Search(_listed(reader, "search", reader.sequence("search", MAX_SEARCH), names))
    inner = Reader(written, "search", reader.faults)
    inner.refuse_unknown(("fields", "language"))
    fields = _fields(inner, names)
    if not fields and not reader.faults.errors:
        inner.fault("fields", "must name what to search in", "required")
    language = written.get("language", LANGUAGES[0])
    if language not in LANGUAGES:
        inner.fault("language", f"must be one of {', '.join(LANGUAGES)}")
        language = LANGUAGES[0]
    return Search(fields, str(language))


def _fields(reader: Reader, names: FieldNames) -> dict[str, int]:
    written = reader.values.get("fields")
    if not isinstance(written, Mapping):
        return _listed(reader, "fields", reader.sequence("fields", MAX_SEARCH), names)
    if len(written) > MAX_SEARCH:
        reader.fault("fields", f"must have at most {MAX_SEARCH} entries")
        return {}
    found = {}
    for name, weight in written.items():
        if message := _fault(name, names):
            reader.fault(f"fields.{name}", message)
        elif type(weight) is not int or not 1 <= weight <= MAX_WEIGHT:
            reader.fault(f"fields.{name}", f"must be a weight: a whole number, 1 to {MAX_WEIGHT}")
        else:
            found[name] = weight
    return found


def _listed(reader: Reader, key: str, written: Iterable[Any], names: FieldNames) -> dict[str, int]:
    found: dict[str, int] = {}
    for position, name in enumerate(written):
        message = _fault(name, names)
        if not message and name in found:
            message = "is there twice"
        if message:
            reader.fault(f"{key}.{position}", message)
        else:
            found[name] = 1
    return found


def _fault(name: Any, names: FieldNames) -> str:
    if not isinstance(name, str) or name not in names.fields:
        return names.fault(name)
    field = names.fields[name]
    if field is not None and field.type not in TEXTUAL:
        return f"must be a text field, and {name} is {field.type}"
    return ""


def dump_search(search: Search) -> Any:
    """The search as it is written; nothing where there is none."""
    if search.language == LANGUAGES[0] and set(search.fields.values()) <= {1}:
        return list(search.fields)
    alike = set(search.fields.values()) == {1}
    fields: Any = list(search.fields) if alike else dict(search.fields)
    return {"fields": fields, "language": search.language}


def search_since(collection: Collection, previous: Collection) -> Search:
    """The search with the version that declared it; it stays where fields and language stay."""
    same = _physical(collection) == _physical(previous)
    return replace(collection.search, since=previous.search.since if same else previous.version + 1)


def _physical(collection: Collection) -> tuple[frozenset[str], str]:
    search = collection.search
    # A field whose name is unknown has been refused with a fault of its own.
    keys = frozenset(collection.fields[name].key for name in search.fields)
    return keys, search.language if keys else ""
