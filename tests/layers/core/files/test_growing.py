"""An object that is written over several runs: whole at the end, whatever dies on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.errors import NotFound
from covey.files.blobs import MIN_PART, Blobs
from covey.files.directory import DirectoryBlobs
from covey.files.growing import Growing
from covey.testing.blobs import MemoryBlobs

PIECE = bytes(range(256)) * 1024 * 6  # 1.5 MB


def directory(path: Path) -> DirectoryBlobs:
    return DirectoryBlobs(path, "files", secret="s", public_url="http://here")


@pytest.fixture(params=["memory", "directory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return MemoryBlobs() if request.param == "memory" else directory(tmp_path)


def grow(blobs: Blobs, state: dict[str, Any]) -> Growing:
    return Growing(blobs, "exports/1", "text/csv", state, part=MIN_PART)


def test_runs_go_on_where_the_one_before_saved(blobs: Blobs) -> None:
    state: dict[str, Any] = {}
    for number in range(9):
        growing = grow(blobs, state)
        growing.write(PIECE[number:])
        state = growing.saved()
        growing.write(b"lost with the run that wrote it" * 200_000)
    assert grow(blobs, state).finish().size == state["size"]
    assert blobs.get("exports/1") == b"".join(PIECE[number:] for number in range(9))


def test_a_run_that_finishes_what_was_finished_changes_nothing(blobs: Blobs) -> None:
    for pieces in (1, 5):
        growing = grow(blobs, {})
        for _ in range(pieces):
            growing.write(PIECE)
        state = growing.saved()
        first = growing.finish()
        again = grow(blobs, state)
        assert (again.finish().etag, again.size) == (first.etag, first.size)
        again.clear()
        assert blobs.get("exports/1") == PIECE * pieces


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    blobs = directory(tmp_path)
    for end in ("finish", "abandon"):
        growing = grow(blobs, {})
        for _ in range(10):
            growing.write(PIECE)
            growing.saved()
        getattr(growing, end)()
        growing.clear()
        blobs.delete("exports/1")
        assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
        assert list((tmp_path / ".parts").iterdir()) == []
    with pytest.raises(NotFound):
        blobs.head("exports/1")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * MIN_PART), st.booleans()), max_size=6))
def test_whatever_is_saved_when_the_object_is_what_was_written(
    pieces: list[tuple[int, bool]],
) -> None:
    blobs, written = MemoryBlobs(), b""
    growing = grow(blobs, {})
    for number, (size, again) in enumerate(pieces):
        piece = bytes([number]) * size
        growing.write(piece)
        written += piece
        if again:
            growing = grow(blobs, growing.saved())
    assert growing.size == len(written)
    growing.finish()
    growing.clear()
    assert blobs.get("exports/1") == written
    assert len(blobs._blobs) == 1
