"""Drafts → records, through /batch as an administrator: every row passes the whole pipeline.

A row is created; where its id is taken, the record there is replaced, so that rows may be sent
again. A relation of tables that refer to each other, whose record is not there yet, is left out
and kept for later. What is refused for good becomes a refusal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infra.cli.sql.reaching import ATTEMPTS, Reach, encoded
from infra.cli.sql.rows import Draft
from infra.cli.sql.state import Refusal

OPERATIONS = 100
MAX_BYTES = 800_000  # of a batch's bodies; a request has at most a million
_MISSING = "relation_not_found"
_PASSING = frozenset((401, 404, 429, 500, 502, 503, 504))  # 404: the collection is too new


@dataclass(slots=True)
class Outcome:
    """What became of some rows: how many are records, which were refused, what is for later."""

    written: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    later: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One row on its way."""

    method: str
    id: str
    body: Mapping[str, Any]
    loops: tuple[str, ...] = ()
    left_out: Mapping[str, Any] = field(default_factory=dict)

    def operation(self, collection: str) -> dict[str, Any]:
        """The operation of a batch."""
        if self.method == "create":
            body = {"id": self.id, **self.body}
            return {"method": "create", "collection": collection, "body": body}
        body = dict(self.body)
        return {"method": self.method, "collection": collection, "id": self.id, "body": body}


class Writer:
    """Writes rows into collections. Safe between threads."""

    def __init__(self, reach: Reach, pause: Callable[[float], None] = time.sleep) -> None:
        self._reach = reach
        self._pause = pause

    def write(self, collection: str, drafts: Iterable[Draft]) -> Outcome:
        """Make these rows records. Raises SqlFaultError when the server does not answer."""
        first = [_Attempt("create", one.id, one.body, one.loops) for one in drafts]
        return self._run(collection, first)

    def relate(self, collection: str, late: Sequence[tuple[str, dict[str, Any]]]) -> Outcome:
        """Set relations of records that are there."""
        return self._run(collection, [_Attempt("update", one, body) for one, body in late])

    def _run(self, collection: str, attempts: Sequence[_Attempt]) -> Outcome:
        outcome = Outcome()
        pending = list(attempts)
        for turn in range(ATTEMPTS):
            again: list[_Attempt] = []
            waits = False
            for attempt, result in self._sent(collection, pending):
                following = self._judged(attempt, result, outcome)
                if following is not None:
                    again.append(following)
                    waits = waits or following is attempt
            if not again:
                return outcome
            pending = again
            if waits:
                self._pause(min(5.0, 0.2 * 2**turn))
        outcome.refusals += [
            Refusal(one.id, "unavailable", "The server did not take it.") for one in pending
        ]
        return outcome

    def _sent(
        self, collection: str, attempts: Sequence[_Attempt]
    ) -> Iterator[tuple[_Attempt, Mapping[str, Any]]]:
        """The result of each, by batches; one that is refused as a whole is sent in halves."""
        for part in _parts(attempts):
            operations = [one.operation(collection) for one in part]
            answer = self._reach.ask("POST", "/batch", {"atomic": False, "operations": operations})
            if answer.status < 400:
                yield from zip(part, answer.document["results"], strict=True)
            elif len(part) == 1:
                yield part[0], {"status": answer.status, "problem": answer.document}
            else:
                middle = len(part) // 2
                yield from self._sent(collection, part[:middle])
                yield from self._sent(collection, part[middle:])

    def _judged(
        self, attempt: _Attempt, result: Mapping[str, Any], outcome: Outcome
    ) -> _Attempt | None:
        """What is to be tried next of a row, if anything."""
        status, problem = result["status"], result.get("problem")
        if status < 400:
            outcome.written += 1
            if attempt.left_out:
                outcome.later.append((attempt.id, dict(attempt.left_out)))
            return None
        if not isinstance(problem, dict):
            problem = {"detail": f"status {status}"}
        code = problem.get("code", "")
        if code == "exists" and attempt.method == "create":
            return replace(attempt, method="replace")
        faults = problem.get("errors") or ()
        missing = {one["field"].partition(".")[0] for one in faults if one["code"] == _MISSING}
        if missing and missing <= set(attempt.loops) and len(missing) <= len(faults):
            return _without(attempt, missing)
        if (status in _PASSING and attempt.method != "update") or code == "conflict":
            return attempt
        outcome.refusals += _refusals(attempt.id, problem)
        return None


def _without(attempt: _Attempt, names: set[str]) -> _Attempt:
    body = {name: value for name, value in attempt.body.items() if name not in names}
    left_out = {**attempt.left_out, **{name: attempt.body[name] for name in names}}
    loops = tuple(name for name in attempt.loops if name not in names)
    return replace(attempt, body=body, loops=loops, left_out=left_out)


def _refusals(record_id: str, problem: Mapping[str, Any]) -> list[Refusal]:
    faults = problem.get("errors") or ()
    if not faults:
        return [Refusal(record_id, problem.get("code", ""), str(problem.get("detail", "")))]
    return [Refusal(record_id, one["code"], one["message"], one["field"]) for one in faults]


def _parts(attempts: Sequence[_Attempt]) -> Iterator[Sequence[_Attempt]]:
    """Runs of rows that one batch takes."""
    start, size = 0, 0
    for position, attempt in enumerate(attempts):
        bytes_of = len(encoded(attempt.body)) + 300
        if position > start and (position - start == OPERATIONS or size + bytes_of > MAX_BYTES):
            yield attempts[start:position]
            start, size = position, 0
        size += bytes_of
    if start < len(attempts):
        yield attempts[start:]
