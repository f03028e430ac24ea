"""A backup's file read from end to end: only what is whole and understood is restored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from covey.backups.blocks import FORMAT, VERSION, Block, Place, broken, read
from covey.backups.ports import Remains
from covey.collections import document
from covey.collections.model import Collection
from covey.errors import CoveyError, Invalid
from covey.records.ids import created_of
from covey.records.model import Record


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file, its collection's name, and the credentials of a user."""

    collection: str
    record: Record
    account: Any = None


@dataclass(slots=True)
class Check:
    """How far a file was checked; `counts` are the records so far, by collection.

    `keeper` knows which items are such as a backup may have; without one all of them pass.
    """

    keeper: Remains | None = None
    place: Place = field(default_factory=Place)
    names: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    remains: int = 0
    ended: bool = False

    def state(self) -> dict[str, Any]:
        """In JSON's terms, for a job's position."""
        place = self.place
        return {
            "place": [place.block, place.digest, place.offset],
            "names": list(self.names),
            "counts": self.counts,
            "remains": self.remains,
            "ended": self.ended,
        }

    @classmethod
    def resumed(cls, keeper: Remains, state: Mapping[str, Any]) -> Check:
        """The check of a state."""
        return cls(
            keeper,
            Place(*state["place"]),
            tuple(state["names"]),
            dict(state["counts"]),
            state["remains"],
            state["ended"],
        )

    def take(self, block: Block) -> None:
        """One more block; raises Invalid ``invalid_backup``."""
        if self.ended:
            raise broken(self.place, "something follows the end")
        if not block.lines:
            raise broken(self.place, "it is empty")
        if self.place.block == 0:
            self.names = tuple(one.name for one in collections_of(block))
            self.counts = dict.fromkeys(self.names, 0)
        elif "end" in block.lines[0]:
            if block.lines[0]["end"] != {"records": self.counts, "remains": self.remains}:
                raise broken(self.place, "the counts do not fit")
            self.ended = True
        else:
            self._count(block)
        self.place = block.after

    def _count(self, block: Block) -> None:
        for item in remains_of(block):
            if self.keeper is not None:
                self.keeper.check(item)
            self.remains += 1
        for row in rows_of(block, self.place):
            if row.collection not in self.counts:
                raise broken(self.place, "there are records of no collection")
            self.counts[row.collection] += 1

    def finish(self) -> None:
        """Raise Invalid unless all was read, and it was whole."""
        if not self.ended:
            raise broken(self.place, "the file ends too early")


def checked(chunks: Iterable[bytes]) -> Check:
    """A whole file, checked; raises Invalid ``invalid_backup``."""
    check = Check()
    for block in read(chunks, check.place):
        check.take(block)
    check.finish()
    return check


def collections_of(block: Block) -> list[Collection]:
    """The collections of block 0, which has lines; raises Invalid for a foreign or newer file."""
    version = block.lines[0].get(FORMAT)
    if not isinstance(version, int) or version < 1:
        raise broken(Place(), "it is none of ours")
    if version > VERSION:
        raise Invalid(
            f"This backup is of format {version}; this Covey reads up to {VERSION}.",
            code="invalid_backup",
        )
    try:
        return [document.restore(line["collection"]) for line in block.lines[1:]]
    except (CoveyError, KeyError, TypeError, ValueError) as error:
        raise broken(Place(), "a collection cannot be read") from error


def remains_of(block: Block) -> list[Any]:
    """The items of a block of what remains; none of any other."""
    return list(block.lines[1:]) if "remains" in block.lines[0] else []


def rows_of(block: Block, place: Place) -> Iterator[Row]:
    """The records of a block with lines; none where it has others. Raises Invalid."""
    if "end" in block.lines[0] or "remains" in block.lines[0]:
        return
    name = block.lines[0].get("records")
    if not isinstance(name, str):
        raise broken(place, "it is of no kind that is known")
    for line in block.lines[1:]:
        yield _row(name, line, place)


def _row(name: str, line: Mapping[str, Any], place: Place) -> Row:
    record_id, values = line.get("id"), line.get("values")
    if not (isinstance(record_id, str) and isinstance(values, dict)):
        raise broken(place, "a line is no record")
    created, updated, version = (
        _count(line.get(part), place) for part in ("created", "updated", "version")
    )
    by = line.get("by")
    if not isinstance(by, str | None):
        raise broken(place, "a record was written by nobody")
    record = Record(record_id, created, updated, version, values, by=by)
    return Row(name, record, line.get("account"))


def _count(value: Any, place: Place) -> int:
    if type(value) is int and 0 <= value < 1 << 53:
        return value
    raise broken(place, "a record has no time or version")


def fits(collection: Collection, record: Record) -> bool:
    """Whether a collection of made ids can hold a record: its time is that in its id."""
    if collection.ids != "auto":
        return True
    try:
        return created_of(record.id) == record.created
    except ValueError:
        return False
