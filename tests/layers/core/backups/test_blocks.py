"""The file of a backup: read as it was written, and refused in every other state."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.backups.blocks import MOST, Place, read, seal
from covey.backups.checking import checked
from covey.collections import document, load
from covey.errors import Invalid

NOTES = load({"name": "notes", "fields": {"text": {"type": "text"}}})
HEAD: list[dict[str, Any]] = [
    {"covey-backup": 1, "made": "2026-01-01T00:00:00.000Z"},
    {"collection": document.state(NOTES)},
]
ROW = {"id": "x", "created": 1, "updated": 2, "version": 3, "values": {"text": "a"}}
ROWS: list[dict[str, Any]] = [{"records": "notes"}, ROW]
END: list[dict[str, Any]] = [{"end": {"records": {"notes": 2}, "remains": 1}}]


def file(*blocks: list[dict[str, Any]]) -> bytes:
    place, data = Place(), b""
    for block in blocks:
        sealed, place = seal(block, place)
        data += sealed
    return data


def pieces(data: bytes, size: int = 7) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


REST: list[dict[str, Any]] = [{"remains": True}, {"key": "k"}]
WHOLE = file(HEAD, ROWS, ROWS, REST, END)


def test_a_whole_file_is_taken_and_is_lines_to_any_tool() -> None:
    assert checked(pieces(WHOLE)).counts == {"notes": 2}
    lines = [json.loads(line) for line in gzip.decompress(WHOLE).splitlines()]
    assert lines[0]["covey-backup"] == 1
    assert [line["block"] for line in lines if "block" in line] == [0, 1, 2, 3, 4]


def test_reading_goes_on_at_any_block() -> None:
    places = [Place(), *(block.after for block in read([WHOLE], Place()))]
    assert places[-1].offset == len(WHOLE)
    for number, place in enumerate(places):
        rest = [block.lines for block in read(pieces(WHOLE[place.offset :]), place)]
        assert rest == [HEAD, ROWS, ROWS, REST, END][number:]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_or_altered_is_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    if data.draw(st.booleans()):
        hurt = WHOLE[:at]
    else:
        flipped = WHOLE[at] ^ data.draw(st.integers(1, 255))
        hurt = WHOLE[:at] + bytes([flipped]) + WHOLE[at + 1 :]
    try:
        check = checked([hurt])
    except Invalid as refused:
        assert refused.code == "invalid_backup"
    else:  # bytes of a gzip header that mean nothing: the lines are what they were
        assert check == checked([WHOLE])


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else {}


FOREIGN = {
    "nothing": b"",
    "text": b"id,title\n1,A\n",
    "gzip of text": gzip.compress(b"hello\n"),
    "no head": file(ROWS, END),
    "another program's": file([{"other-backup": 1}], END),
    "a newer format": file([{"covey-backup": 2}], [{"end": {"records": {}, "remains": 0}}]),
    "a format that is no number": file([{"covey-backup": "1"}], END),
    "no end": file(HEAD, ROWS),
    "something after the end": file(HEAD, ROWS, ROWS, END, END),
    "bytes after the end": WHOLE + b"\0",
    "a block twice": file(HEAD, ROWS, ROWS) + file(HEAD, ROWS, ROWS, END),
    "blocks of another file": file(HEAD) + file(HEAD, ROWS, ROWS, END)[len(file(HEAD)) + 9 :],
    "wrong counts": file(HEAD, ROWS, END),
    "records of no collection": file(HEAD, [{"records": "others"}, ROW], END),
    "a collection without sense": file([HEAD[0], {"collection": {"document": 1}}], END),
    "a collection that is none": file([HEAD[0], {"other": 1}], END),
    "a record without an id": file(HEAD, [ROWS[0], {**ROW, "id": 5}], END),
    "a record without values": file(HEAD, [ROWS[0], {**ROW, "values": None}], END),
    "a record of no version": file(HEAD, [ROWS[0], {**ROW, "version": "1"}], END),
    "a version below nought": file(HEAD, [ROWS[0], {**ROW, "version": -1}], END),
    "a true version": file(HEAD, [ROWS[0], {**ROW, "version": True}], END),
    "an empty block": file(HEAD, [], ROWS, ROWS, END),
    "a block of nothing known": file(HEAD, [{"what": 1}], ROWS, ROWS, END),
    "a deep line": file(HEAD, [ROWS[0], {**ROW, "values": nested(40)}], END),
    "a bomb": gzip.compress(b" " * (MOST + 1)),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_whole_backup_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        checked(pieces(data, 65_536))
    assert refused.value.code == "invalid_backup"
