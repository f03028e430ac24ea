"""The engine's file, with what the engine itself leaves out."""

from __future__ import annotations

import sqlite3
import time

import pytest

from infra.gateway.engine_tuning import tune

NEXT = """SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
          FROM _stream_records WHERE table_name = ?1"""
AFTER = """SELECT id FROM _stream_records
           WHERE table_name = ?1 AND shard_id = ?2 AND CAST(sequence_number AS INTEGER) > ?3
           ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT ?4"""

BOUNDS = """SELECT MIN(sequence_number), MAX(sequence_number) FROM _stream_records
            WHERE table_name = ?1 AND shard_id = ?2"""


@pytest.fixture
def file(tmp_path):
    """A file such as dynoxide 1.2.1 makes, with an old record, a new one and an old last one."""
    path = tmp_path / "covey.db"
    with sqlite3.connect(path) as made:
        made.execute(
            "CREATE TABLE _stream_records (id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT,"
            " sequence_number TEXT, shard_id TEXT, created_at INTEGER)"
        )
        now = int(time.time())
        made.executemany(
            "INSERT INTO _stream_records VALUES (NULL, 't', ?, 's', ?)",
            [("9", now - 90_000), ("10", now - 60), ("11", now - 90_000)],
        )
    return path


def rows(path, statement, *values):
    with sqlite3.connect(path) as opened:
        return opened.execute(statement, values).fetchall()


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (NEXT, ("t",), "INDEX covey_stream_order"),
        (AFTER, ("t", "s", 9, 100), "INDEX covey_stream_order"),
        (BOUNDS, ("t", "s"), "COVERING INDEX covey_stream_bounds"),
    ],
    ids=["write", "poll", "describe"],
)
def test_what_the_engine_asks_is_answered_by_an_index(file, statement, values, index):
    tune(file)
    plan = rows(file, f"EXPLAIN QUERY PLAN {statement}", *values)
    assert f"USING {index}" in plan[0][3]
    assert len(plan) == 1  # and needs no sorting


def test_records_over_a_day_old_go_but_never_the_last(file):
    tune(file)
    tune(file)
    assert rows(file, "SELECT sequence_number FROM _stream_records") == [("10",), ("11",)]
    assert rows(file, NEXT, "t") == [(12,)]


def test_a_file_that_is_missing_or_of_another_make_is_left_alone(tmp_path):
    tune(tmp_path / "missing.db")
    assert not (tmp_path / "missing.db").exists()
    other = tmp_path / "other.db"
    other.write_bytes(b"something else entirely" * 100)
    tune(other)
    assert other.read_bytes() == b"something else entirely" * 100
