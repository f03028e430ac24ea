"""Relations followed, level by level, each record shown under its own collection's read rule.

A record gains ``"expand": {"author": {…}, "editors": [{…}, …], "comments_via_post": {…}}``. A
target that is gone and one that the caller may not see answer alike: null, or left out of a list.
What to follow is decided in `covey.records.expansion`; each level is one batch per collection,
and one short list per record for relations that are followed backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from covey.collections.model import Field
from covey.records.expansion import Step
from covey.records.projection import bad

MAX_RECORDS = 1_000  # read for one answer, each once per level
MAX_LISTS = 200  # of records that point to another, for one answer
MAX_PLACES = 5_000  # where an answer shows them: one record may stand in many
POINTING = 20  # of the records that point to one, how many are shown
EXPANDED = "expand"  # the name in answers; collections cannot have a field called so


class Pointing(NamedTuple):
    """Some of the records that point to one, and the cursor of the others."""

    items: list[dict[str, Any]]
    next: str | None


class Source(Protocol):
    """Where the records come from, as the caller may see them."""

    def targets(self, collection: str, ids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
        """Those of these records that the caller may see, by id."""
        ...

    def pointing(self, step: Step, record_id: str) -> Pointing:
        """The newest records whose relation holds this id."""
        ...


@dataclass(slots=True)
class _Placed:
    """A document, and in how many places of the answer it stands."""

    document: dict[str, Any]
    places: int = 1


@dataclass(slots=True)
class _Group:
    """Documents of one collection, and what to follow from each."""

    placed: list[_Placed]
    steps: tuple[Step, ...]

    def forward(self) -> Iterator[tuple[Step, _Placed, tuple[str, ...]]]:
        """Each relation that a document still shows, with the ids that it holds."""
        for step in self.steps:
            for one in self.placed:
                if not step.backward and step.name in one.document:
                    yield step, one, target_ids(step.field, one.document[step.name])


@dataclass(slots=True)
class _Limits:
    """What an answer may still take in."""

    records: int = MAX_RECORDS
    places: int = MAX_PLACES
    lists: int = MAX_LISTS

    def take(self, *, records: int = 0, places: int = 0, lists: int = 0) -> None:
        """Count; raises BadRequest (invalid_expand) beyond a limit."""
        self.records -= records
        self.places -= places
        self.lists -= lists
        if self.records < 0:
            raise bad("expand", f"reaches over {MAX_RECORDS} records; ask for a smaller page")
        if self.lists < 0:
            raise bad("expand", f"needs over {MAX_LISTS} lists; ask for a smaller page")
        if self.places < 0:
            raise bad("expand", f"shows records in over {MAX_PLACES} places; ask for less")


@dataclass(slots=True)
class _Level:
    """What one level gives: the documents to go on from."""

    source: Source
    limits: _Limits
    groups: list[_Group] = field(default_factory=list)


def target_ids(relation: Field, value: Any) -> tuple[str, ...]:
    """The ids that a relation's value holds."""
    found = value if relation.list else [value]
    return tuple(item for item in found or () if isinstance(item, str))


def expand(documents: Iterable[dict[str, Any]], steps: tuple[Step, ...], source: Source) -> None:
    """Add what the steps lead to, in place; the documents are of one collection.

    Only what a document still shows is followed: a relation hidden in a record stays hidden.
    Raises BadRequest (invalid_expand) beyond the limits.
    """
    groups = [_Group([_Placed(document) for document in documents], steps)]
    limits = _Limits()
    while groups:
        level = _Level(source, limits)
        for group in groups:
            for one in group.placed:
                one.document[EXPANDED] = {}
        found = _targets(groups, level)
        for group in groups:
            for step in group.steps:
                follow = _backward if step.backward else _forward
                after = follow(group, step, found, level)
                if step.then and after:
                    level.groups.append(_Group(after, step.then))
        groups = level.groups


def _targets(groups: Sequence[_Group], level: _Level) -> dict[str, Mapping[str, dict[str, Any]]]:
    """All targets of a level, by collection: one batch of each."""
    wanted: dict[str, dict[str, None]] = {}
    for group in groups:
        for step, one, ids in group.forward():
            level.limits.take(places=one.places * len(ids))
            wanted.setdefault(step.to, {}).update(dict.fromkeys(ids))
    level.limits.take(records=sum(map(len, wanted.values())))
    return {to: level.source.targets(to, tuple(ids)) for to, ids in wanted.items() if ids}


def _forward(
    group: _Group, step: Step, found: Mapping[str, Mapping[str, dict[str, Any]]], level: _Level
) -> list[_Placed]:
    """Show the targets of one relation; each is one document for all that point to it."""
    there = found.get(step.to, {})
    after: dict[str, _Placed] = {}
    for one in group.placed:
        if step.name not in one.document:
            continue
        seen = []
        for target in target_ids(step.field, one.document[step.name]):
            if target in there:
                # A copy: by another relation the same record is shown with other relations.
                placed = after.setdefault(target, _Placed(dict(there[target]), 0))
                placed.places += one.places
                seen.append(placed.document)
        one.document[EXPANDED][step.name] = seen if step.field.list else next(iter(seen), None)
    return list(after.values())


def _backward(
    group: _Group, step: Step, found: Mapping[str, Mapping[str, dict[str, Any]]], level: _Level
) -> list[_Placed]:
    """Show, for each document, the records that point to it."""
    after: list[_Placed] = []
    for one in group.placed:
        level.limits.take(lists=1)
        items, more = level.source.pointing(step, one.document["id"])
        level.limits.take(records=len(items), places=one.places * len(items))
        after += [_Placed(item, one.places) for item in items]
        one.document[EXPANDED][step.name] = {"items": items, "next": more}
    return after
