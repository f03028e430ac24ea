"""CSV and JSONL, row by row, each with its place in the file, so that a slice can go on there."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from covey import json
from covey.errors import CoveyError, Invalid

MAX_LINE = 4_194_304  # six times the largest record: what JSON makes of control characters
FORMATS = ("csv", "jsonl")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1, the byte after it, its columns or what is wrong with it."""

    number: int
    end: int
    values: dict[str, Any]
    fault: str = ""


class Lines:
    """Decoded lines of a byte stream, counting the bytes given out.

    Raises Invalid ``invalid_file`` for a line that is not UTF-8, has a NUL or is over 4 MB.
    """

    def __init__(self, chunks: Iterable[bytes], offset: int) -> None:
        self.offset = offset
        self._lines = _split(chunks)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        start, self.offset = self.offset, self.offset + len(raw)
        try:
            text = raw.decode("utf-8-sig" if start == 0 else "utf-8")
        except UnicodeDecodeError:
            raise Invalid(f"The line at byte {start} is not UTF-8.", code="invalid_file") from None
        if "\0" in text:
            raise Invalid(f"The line at byte {start} holds a NUL byte.", code="invalid_file")
        return text


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    pieces: list[bytes] = []  # of the line that has begun
    length = 0
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*pieces, line, b"\n"))
            pieces, length = [], 0
        pieces.append(rest)
        length += len(rest)
        if length > MAX_LINE:
            raise Invalid("A line is longer than 4 MB.", code="invalid_file")
    if length:
        yield b"".join(pieces)


def read(
    form: str, chunks: Iterable[bytes], *, offset: int, number: int, header: list[str] | None
) -> Iterator[Row]:
    """Rows from `offset` on, the first of them `number` + 1; `header` is None at the start.

    A broken row comes as a Row with a fault; a broken file raises Invalid ``invalid_file``.
    """
    lines = Lines(chunks, offset)
    return _csv(lines, number, header) if form == "csv" else _jsonl(lines, number)


def header_of(form: str, chunks: Iterable[bytes]) -> tuple[list[str], int]:
    """The columns of a CSV file and the byte after them; nothing for JSONL."""
    if form != "csv":
        return [], 0
    lines = Lines(chunks, 0)
    columns = [name.strip() for name in next(csv.reader(lines, strict=True), [])]
    if not columns or not all(columns):
        raise Invalid("The first line must name every column.", code="invalid_file")
    if len(set(columns)) < len(columns):
        raise Invalid("The first line names a column twice.", code="invalid_file")
    return columns, lines.offset


def _csv(lines: Lines, number: int, header: list[str] | None) -> Iterator[Row]:
    columns = header or []
    csv.field_size_limit(MAX_LINE)  # of the process; as it comes, a longer text is refused
    reader = csv.reader(lines, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            # A quote that never closes swallows the rest: no later row can be trusted.
            raise Invalid(f"Row {number + 1}: {broken}.", code="invalid_file") from broken
        if not cells:
            continue
        number += 1
        fault = ""
        if len(cells) != len(columns):
            fault = f"has {len(cells)} cells where the header names {len(columns)}"
        yield Row(number, lines.offset, dict(zip(columns, cells, strict=False)), fault)


def _jsonl(lines: Lines, number: int) -> Iterator[Row]:
    for line in lines:
        if not line.strip():
            continue
        number += 1
        values, fault = _document(line)
        yield Row(number, lines.offset, values, fault)


def _document(line: str) -> tuple[dict[str, Any], str]:
    try:
        values = json.decode(line.encode(), MAX_LINE)
    except CoveyError as broken:
        return {}, f"is not JSON that can be kept: {broken.detail}"
    return (values, "") if isinstance(values, dict) else ({}, "is not a JSON object")
