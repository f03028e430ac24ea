"""Other records, as rules read them: ``record("teams", id)``, and ``team.owner`` of a relation.

Rules are written by administrators, so they may read any field; what they read is not shown.
Nobody's access rests on a read that lags: all of it is consistent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from covey.collections.model import Collection
from covey.collections.scope import CallerScope, RecordView
from covey.errors import NotFound
from covey.expressions import EvaluationError, Expression
from covey.records.custom_ids import can_hold
from covey.records.model import Record
from covey.records.ports import RecordStore, RuleBudgetError

MAX_READ = 1_000  # other records that the rules of one call may read in all
ROUNDS = 3  # of looking ahead: a rule may read a record by what another one holds

_Key = tuple[str, str]


class _Outcome(NamedTuple):
    """The value of a rule, or what would have to be read to know it; neither where it fails."""

    value: Any
    wanted: AbstractSet[_Key] = frozenset()


class Fetcher:
    """Reads each record once, however many rules of a call ask for it.

    `now` is in milliseconds: what has expired then is not there. Raises
    RuleBudgetError for more than `most` records; None is no limit.
    """

    def __init__(
        self,
        store: RecordStore,
        find: Callable[[str], Collection],
        now: int,
        *,
        most: int | None = MAX_READ,
    ) -> None:
        self._store = store
        self._find = find
        self._now = now
        self._most = most
        self._known: dict[_Key, Mapping[str, Any] | None] = {}
        self._noted: set[_Key] | None = None

    def __call__(self, collection: str, record_id: str) -> Mapping[str, Any] | None:
        """The record, or None where there is none."""
        key = collection, record_id
        if key not in self._known:
            if self._noted is not None:
                self._noted.add(key)
                raise EvaluationError("Not read yet")
            self._read({key})
        return self._known[key]

    def holds(self, rule: Expression, scope: CallerScope) -> bool:
        """Whether a rule holds; what else decides it, such as ``published``, reads nothing."""
        while (outcome := self._rehearsed(rule, scope)).wanted:
            self._read(outcome.wanted)
        return outcome.value is True

    def foresee(self, decisions: Iterable[tuple[Expression, CallerScope]]) -> None:
        """Read in batches what these rules are going to ask for in these scopes.

        A rule that something else decides, such as ``published || team.owner == auth.id`` of
        what is published, asks for nothing: as true and false stand beside errors, they are
        found before anything is read.
        """
        left = list(decisions)
        for _ in range(ROUNDS):
            wanted: AbstractSet[_Key] = frozenset()
            undecided = []
            for rule, scope in left:
                outcome = self._rehearsed(rule, scope)
                if outcome.wanted:
                    wanted |= outcome.wanted
                    undecided.append((rule, scope))
            if not wanted:
                return
            self._read(wanted)
            left = undecided

    def _rehearsed(self, rule: Expression, scope: CallerScope) -> _Outcome:
        """What a rule comes to by what is known, or the records without which that is open."""
        self._noted = set()
        try:
            return _Outcome(rule.evaluate(scope.anew()))
        except EvaluationError:
            return _Outcome(None, self._noted)
        finally:
            self._noted = None

    def _read(self, wanted: AbstractSet[_Key]) -> None:
        if self._most is not None and len(self._known) + len(wanted) > self._most:
            raise RuleBudgetError(
                f"The rules would have to read more than {self._most} other records. "
                "Ask for a smaller page, or filter by an index that holds fewer."
            )
        found: dict[_Key, Mapping[str, Any] | None] = dict.fromkeys(wanted)
        for name in sorted({collection for collection, _ in wanted}):
            ids = [record_id for collection, record_id in wanted if collection == name]
            try:
                there = self._find(name)
            except NotFound:
                continue
            held = [record_id for record_id in ids if can_hold(there, record_id)]
            for record in self._records(there, held):
                if record.expires is None or record.expires * 1000 > self._now:
                    found[name, record.id] = RecordView(there, record)
        self._known |= found  # not before: what could not be read is not absent

    def _records(self, collection: Collection, ids: list[str]) -> Iterable[Record]:
        if len(ids) == 1:
            found = self._store.get(collection, ids[0], consistent=True)
            return () if found is None else (found,)
        return self._store.get_many(collection, ids, consistent=True).values() if ids else ()
