"""Rows of CSV and JSONL, each with its place in the file."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Invalid
from covey.jobs import rows

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def csv_bytes(header: list[str], table: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *table])
    return out.getvalue().encode()


@given(
    table=st.lists(st.lists(CELLS, min_size=2, max_size=2).filter(any), max_size=8),
    size=st.integers(1, 40),
    stop=st.integers(0, 8),
)
def test_reading_on_from_any_row_gives_the_rest(
    table: list[list[str]], size: int, stop: int
) -> None:
    data = csv_bytes(["a", "b"], table)
    header, start = rows.header_of("csv", chunks(data, size))
    whole = list(rows.read("csv", [data[start:]], offset=start, number=0, header=header))
    assert [list(row.values.values()) for row in whole] == table
    stop = min(stop, len(whole))
    offset, number = (whole[stop - 1].end, stop) if stop else (start, 0)
    rest = rows.read(
        "csv", chunks(data[offset:], size), offset=offset, number=number, header=header
    )
    assert [(row.number, row.values, row.end) for row in rest] == [
        (row.number, row.values, row.end) for row in whole[stop:]
    ]


def test_a_quoted_cell_may_hold_line_breaks_and_a_row_ends_after_them() -> None:
    data = b'a,b\n1,"x\ny"\n2,z\n'
    header, start = rows.header_of("csv", [data])
    found = list(rows.read("csv", [data[start:]], offset=start, number=0, header=header))
    assert [row.values["b"] for row in found] == ["x\ny", "z"]
    assert data[found[0].end :] == b"2,z\n"


def test_a_row_of_the_wrong_length_is_a_fault_and_its_neighbours_are_not() -> None:
    data = b"1,2\n1\n3,4\n"
    found = list(rows.read("csv", [data], offset=9, number=0, header=["a", "b"]))
    assert [bool(row.fault) for row in found] == [False, True, False]


def test_a_byte_order_mark_is_not_part_of_the_first_column() -> None:
    assert rows.header_of("csv", [b"\xef\xbb\xbfa,b\n"])[0] == ["a", "b"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"a,,b\n1,2,3\n", b"a,a\n1,2\n", b"\xff\xfe\n1\n", b"a\0,b\n"],
    ids=["empty", "blank", "nameless column", "column twice", "not UTF-8", "NUL"],
)
def test_a_header_that_names_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        rows.header_of("csv", [data])
    assert refused.value.code == "invalid_file"


@pytest.mark.parametrize(
    "data", [b'1,"2\n', b"1,\xff\n", b"1," + b"x" * 4_300_000], ids=["open quote", "UTF-8", "long"]
)
def test_a_broken_file_is_refused_where_it_breaks(data: bytes) -> None:
    with pytest.raises(Invalid):
        list(rows.read("csv", chunks(data, 65_536), offset=4, number=0, header=["a", "b"]))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"a": 1}', False),
        (b'{"a": 1, "a": 2}', True),
        (b"[1]", True),
        (b'{"a": NaN}', True),
        (b"{", True),
        (b'{"a": 1e999}', True),
    ],
    ids=["object", "key twice", "list", "NaN", "cut", "out of range"],
)
def test_a_json_line_is_an_object_or_a_fault(line: bytes, fault: bool) -> None:
    (row,) = rows.read("jsonl", [line + b"\n"], offset=0, number=0, header=None)
    assert bool(row.fault) is fault
