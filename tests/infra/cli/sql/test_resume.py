"""An import that is cut off goes on where it was, and writes every row once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.running import ROOT
from tests.infra.cli.sql.importing import Importer

ROWS = 2_500


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Rows each of which refers to one that comes after it."""
    file = tmp_path / "chain.db"
    with closing(sqlite3.connect(file)) as base:
        base.execute(
            "CREATE TABLE chain (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, "
            "next INTEGER REFERENCES chain)"
        )
        rows = [
            (n, f"row {n}", n + 250 if n % 9 == 0 and n + 250 <= ROWS else None)
            for n in range(1, ROWS + 1)
        ]
        base.executemany("INSERT INTO chain VALUES (?, ?, ?)", rows)
        base.commit()
    return file


def written(importer: Importer) -> int:
    """How many rows the state says are records."""
    found = 0
    for file in (importer.folder / "data" / "import-sql").glob("*.db"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as base:
            try:
                found += base.execute("SELECT coalesce(sum(written), 0) FROM progress").fetchone()[
                    0
                ]
            except sqlite3.OperationalError:
                continue
    return found


@pytest.mark.slow
def test_after_kill_9_it_goes_on(importer: Importer, chain: Path) -> None:
    command = importer.command("import-sql", f"sqlite:///{chain}", "--yes")
    seen = []
    for share in (0.2, 0.5):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=importer.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 90
        while written(importer) < ROWS * share and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        seen.append(written(importer))
    assert 0 < seen[0] < seen[1] < ROWS
    said = importer.load(f"sqlite:///{chain}")
    assert "Going on where the import before was" in said
    records = importer.records("chain")
    assert len(records) == ROWS
    for number in range(1, ROWS + 1):
        record = records[str(number)]
        assert record["text"] == f"row {number}"
        later = str(number + 250) if number % 9 == 0 and number + 250 <= ROWS else None
        assert record.get("next") == later
    # Nothing is left to go on with.
    assert not list((importer.folder / "data" / "import-sql").glob("*.db*"))
