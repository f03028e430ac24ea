"""The import of rows: tables one after the other, each read by one thread and written by several.

What is read ahead is bounded, so memory is: pages of rows, and a few batches per writer. The state
advances in the order of the keys, when a batch and all before it are behind: after kill -9 at most
those in flight are sent again, and find their own ids.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from infra.cli.sql.plan import TablePlan
from infra.cli.sql.reaching import Reach, encoded
from infra.cli.sql.reading import Key, Reader
from infra.cli.sql.rows import Draft, Drafting, RowFaultError
from infra.cli.sql.state import Progress, Refusal, State
from infra.cli.sql.writing import MAX_BYTES, OPERATIONS, Outcome, Writer

_AHEAD = 2  # batches per writer that are read and not yet written

Advanced = Callable[[str, Progress], None]


@dataclass(slots=True)
class _Chunk:
    """Rows of one batch: drafts, those that can be none, and the key of the last."""

    drafts: list[Draft] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    place: Key = field(default_factory=list)
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether it makes a batch."""
        rows = len(self.drafts) + len(self.refusals)
        return rows >= OPERATIONS or self.size >= MAX_BYTES


class Import:
    """Rows of a database into the collections of a running Covey."""

    def __init__(self, engine: sa.Engine, reach: Reach, state: State, *, writers: int = 4) -> None:
        self._engine = engine
        self._writer = Writer(reach)
        self._state = state
        self._writers = writers

    def counts(self, plans: Sequence[TablePlan]) -> dict[str, int]:
        """How many rows each table has."""
        with self._engine.connect() as connection:
            return {one.table.name: Reader(connection, one).count() for one in plans}

    def run(self, plans: Sequence[TablePlan], advanced: Advanced) -> None:
        """Import every table that is not done yet. Raises SqlFaultError, SQLAlchemyError."""
        with (
            self._engine.connect() as connection,  # one transaction: PostgreSQL shows one moment
            ThreadPoolExecutor(self._writers) as pool,
        ):
            for one in plans:
                self._table(connection, pool, one, advanced)
        for one in plans:
            self._relate(one)
            advanced(one.table.name, self._state.progress(one.table.name))

    def _table(
        self, connection: sa.Connection, pool: ThreadPoolExecutor, plan: TablePlan, told: Advanced
    ) -> None:
        name = plan.table.name
        progress = self._state.progress(name)
        if progress.done:
            return
        if not plan.table.key:
            self._state.restart(name)  # its rows have no order to go on in
            progress = Progress()
        reader = Reader(connection, plan)
        if progress.place is None and (keyless := reader.keyless()):
            gone = Refusal("", "no_key", f"{keyless} rows without a key are left out.")
            self._state.advance(name, [], 0, [gone], [])
        flying: deque[tuple[_Chunk, Future[Outcome]]] = deque()
        try:
            for chunk in _chunks(reader, Drafting(plan), progress.place or None):
                work = pool.submit(self._writer.write, plan.collection, chunk.drafts)
                flying.append((chunk, work))
                if len(flying) >= self._writers * _AHEAD:
                    self._landed(name, *flying.popleft(), told)
            while flying:
                self._landed(name, *flying.popleft(), told)
        finally:
            for _, work in flying:
                work.cancel()
        self._state.finish(name)

    def _landed(self, name: str, chunk: _Chunk, work: Future[Outcome], told: Advanced) -> None:
        outcome = work.result()
        refusals = [*chunk.refusals, *outcome.refusals]
        self._state.advance(name, chunk.place, outcome.written, refusals, outcome.later)
        told(name, self._state.progress(name))

    def _relate(self, plan: TablePlan) -> None:
        """Set the relations that waited for records of tables that refer to each other."""
        name = plan.table.name
        while late := self._state.later(name, OPERATIONS):
            outcome = self._writer.relate(plan.collection, late)
            self._state.settle(name, [one for one, _ in late], outcome.refusals)


def _chunks(reader: Reader, drafting: Drafting, after: Key | None) -> Iterator[_Chunk]:
    chunk = _Chunk()
    for row in reader.rows(after):
        chunk.place = row.place
        try:
            draft = drafting.draft(row)
            chunk.size += len(encoded(draft.body))
        except RowFaultError as fault:
            key = ":".join(row.key)[:200]
            chunk.refusals.append(Refusal(key, "unreadable", str(fault), fault.field))
        except (ValueError, TypeError):  # lone surrogates, NaN within JSON
            refusal = Refusal(":".join(row.key)[:200], "unreadable", "cannot be said in JSON")
            chunk.refusals.append(refusal)
        else:
            chunk.drafts.append(draft)
        if chunk.full:
            yield chunk
            chunk = _Chunk()
    if chunk.drafts or chunk.refusals:
        yield chunk


def held(reach: Reach, collection: str) -> int:
    """How many records a collection has, counted page by page: no budget ends that."""
    path = f"/records/{collection}?limit=200&fields=id"
    total, cursor = 0, ""
    while True:
        page: dict[str, Any] = reach.call(
            "GET", f"{path}&cursor={quote(cursor)}" if cursor else path
        )
        total += len(page["items"])
        if not page["next"]:
            return total
        cursor = page["next"]
