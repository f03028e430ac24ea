"""How far an import is, in a file that survives kill -9: what is in it is true of the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simplejson

_TABLES = """
CREATE TABLE IF NOT EXISTS progress (
  name TEXT PRIMARY KEY, place TEXT, written INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS later (
  name TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (name, id));
CREATE TABLE IF NOT EXISTS refused (
  name TEXT, id TEXT, field TEXT, code TEXT, message TEXT, PRIMARY KEY (name, id, field, code));
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that became no record, or whose relation could not be set, and why."""

    id: str
    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a table is: after which key, how many records, how many rows refused."""

    place: list[Any] | None = None
    written: int = 0
    refused: int = 0
    done: bool = False


class State:
    """One import's state; used by one thread. No value of a row but keys and relations is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.executescript(_TABLES)
        path.chmod(0o600)

    def progress(self, name: str) -> Progress:
        """How far a table is; nothing done where it is not known."""
        row = self._base.execute(
            "SELECT place, written, refused, done FROM progress WHERE name = ?", (name,)
        ).fetchone()
        if row is None:
            return Progress()
        place, written, refused, done = row
        return Progress(simplejson.loads(place) if place else None, written, refused, bool(done))

    @property
    def begun(self) -> bool:
        """Whether anything is known."""
        return self._base.execute("SELECT 1 FROM progress").fetchone() is not None

    def restart(self, name: str) -> None:
        """Forget a table, which is read again from its beginning."""
        with self._transaction():
            self._base.execute("DELETE FROM progress WHERE name = ?", (name,))
            self._base.execute("DELETE FROM refused WHERE name = ?", (name,))

    def advance(
        self,
        name: str,
        place: list[Any],
        written: int,
        refusals: Sequence[Refusal],
        later: Sequence[tuple[str, dict[str, Any]]],
    ) -> None:
        """Rows up to a place are behind: all of this is kept, or nothing."""
        with self._transaction():
            self._base.execute(
                "INSERT INTO progress (name, place, written, refused) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET place = excluded.place, "
                "written = written + excluded.written, refused = refused + excluded.refused",
                (name, simplejson.dumps(place), written, len({one.id for one in refusals})),
            )
            self._refuse(name, refusals)
            self._base.executemany(
                "INSERT OR REPLACE INTO later VALUES (?, ?, ?)",
                [(name, record_id, simplejson.dumps(body)) for record_id, body in later],
            )

    def finish(self, name: str) -> None:
        """A table is read to its end."""
        self._base.execute(
            "INSERT INTO progress (name, done) VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET done = 1",
            (name,),
        )

    def later(self, name: str, limit: int) -> list[tuple[str, dict[str, Any]]]:
        """Some relations that are still to be set, by record."""
        found = self._base.execute(
            "SELECT id, body FROM later WHERE name = ? ORDER BY id LIMIT ?", (name, limit)
        )
        return [(record_id, simplejson.loads(body)) for record_id, body in found]

    def settle(self, name: str, ids: Sequence[str], refusals: Sequence[Refusal]) -> None:
        """These relations are set, or were refused."""
        with self._transaction():
            self._base.executemany(
                "DELETE FROM later WHERE name = ? AND id = ?", [(name, one) for one in ids]
            )
            self._refuse(name, refusals)

    def refusals(self, name: str) -> Iterator[Refusal]:
        """Every refusal of a table."""
        found = self._base.execute(
            "SELECT id, code, message, field FROM refused WHERE name = ? ORDER BY rowid", (name,)
        )
        for row in found:
            yield Refusal(*row)

    def forget(self) -> None:
        """Remove the file: nothing is left to go on with."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _refuse(self, name: str, refusals: Sequence[Refusal]) -> None:
        self._base.executemany(
            "INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?)",
            [(name, one.id, one.field, one.code, one.message) for one in refusals],
        )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._base)


class _Transaction:
    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def __enter__(self) -> None:
        self._base.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._base.execute("COMMIT" if kind is None else "ROLLBACK")
