"""Documents of collections → YAML files, as people write them; files that are there are kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from infra.cli.sql.faults import SqlFaultError

_PLAIN = re.compile(r"-?[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
# What YAML wants escaped beside what JSON does (YAML 1.2, 5.1).
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def written(document: Mapping[str, Any], origin: str = "") -> str:
    """The file of a document: a line per field, per index, per unique value."""
    lines = [f"# {origin}"] if origin else []
    for key, value in document.items():
        if isinstance(value, Mapping) and value:
            lines.append(f"{key}:")
            longest = max(len(_scalar(name)) for name in value)
            lines += [
                f"  {_scalar(name) + ':':{longest + 1}} {_flow(part)}"
                for name, part in value.items()
            ]
        elif isinstance(value, list) and value:
            lines.append(f"{key}:")
            lines += [f"  - {_flow(part)}" for part in value]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A word as it is, any other text in quotes: JSON's are YAML's (YAML 1.2, 7.3.1)."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | Decimal):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted: str = simplejson.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def settle(
    folder: Path, documents: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The documents to go by, and the names of those that have no file yet.

    A file that is there counts, as somebody may have given it rules meanwhile. Raises
    SqlFaultError where it has not the fields that the rows want, or is no collection.
    """
    from covey.collections import yaml_files

    try:
        there = {document["name"]: document for document, _ in yaml_files.read(folder)}
    except yaml_files.FilesInvalid as invalid:
        raise SqlFaultError(str(invalid)) from None
    settled, new = [], []
    for document in documents:
        found = there.get(document["name"])
        if found is None:
            new.append(str(document["name"]))
            settled.append(document)
            continue
        if lacking := _lacking(found, document):
            raise SqlFaultError(
                f"{folder / document['name']}.yaml is there and does not fit: {lacking}. Give the "
                "table another name (--map), take the file away, or change it."
            )
        settled.append(found)
    return settled, new


def _lacking(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """What a document lacks that rows want; nothing where they fit it."""
    if found.get("ids") != wanted["ids"]:
        return f"ids is not {wanted['ids']}"
    fields = found.get("fields") or {}
    for name, about in wanted["fields"].items():
        there = fields.get(name)
        if not isinstance(there, Mapping):
            return f"it has no field {name}"
        for key in ("type", "list", "to"):
            if there.get(key) != about.get(key):
                return f"the {key} of {name} is {there.get(key)}, not {about.get(key)}"
    return ""


def write(folder: Path, documents: Sequence[Mapping[str, Any]], origin: str) -> list[Path]:
    """Write each document to a file of its own, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for document in documents:
        path = folder / f"{document['name']}.yaml"
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(written(document, origin), encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - replaces in one step
        paths.append(path)
    return paths
