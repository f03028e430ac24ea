"""A collection as the code sees it: immutable, validated, ready to use.

`covey.collections.document` makes these from YAML or JSON; the catalog keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from covey.expressions import Expression, nodes


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    `type` is a name in `covey.fields.REGISTRY`; `options` are that type's constraints, already
    validated (`min`, `max`, `pattern`, `choices`, `to`, …). `key` is the physical name inside a
    stored record: it never changes, so a rename moves no data. `default` is a literal, or an
    expression over ``auth``, ``now`` and ``uuid``, or None. `read` and `write` None mean: as the
    record.
    """

    name: str
    type: str
    key: str
    list: bool = False
    required: bool = False
    default: Expression | None = None
    read: Expression | None = None
    write: Expression | None = None
    expires: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""

    @property
    def hidden(self) -> bool:
        """Whether administrators and functions alone ever read it."""
        rule = None if self.read is None else self.read.root
        return isinstance(rule, nodes.Literal) and rule.value is not True


@dataclass(frozen=True, slots=True)
class IndexPart:
    """One field of an index and its direction."""

    field: str
    descending: bool = False

    def __str__(self) -> str:
        return ("-" if self.descending else "") + self.field


COVERING_SLOTS = range(6)  # these secondary indexes carry whole records
KEYS_ONLY_SLOTS = range(6, 8)  # these carry keys: a write costs less, a list reads each record


@dataclass(frozen=True, slots=True)
class Index:
    """A declared access path.

    `number` is unique within the collection for ever and part of the slot key; `slot` is the
    secondary index that carries it. With two fields or more the first is hashed (equality
    only) and the rest are ordered; a single field is ordered. `hashed` are thus the parts that
    must be given by equality, `ordered` those that the index sorts by; the id follows. `geo` says
    that its one field is a place, whose neighbours it finds: it has entries for records with a
    place alone.
    """

    parts: tuple[IndexPart, ...]
    number: int
    slot: int
    geo: bool = False
    hashed: tuple[IndexPart, ...] = field(init=False, repr=False, compare=False)
    ordered: tuple[IndexPart, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Worked out once: planning a list asks each index for them many times.
        cut = 1 if len(self.parts) > 1 else 0
        object.__setattr__(self, "hashed", self.parts[:cut])
        object.__setattr__(self, "ordered", self.parts[cut:])

    @property
    def name(self) -> str:
        """As written in YAML: ``[author, -created]``."""
        return "[" + ", ".join(str(part) for part in self.parts) + "]"

    @property
    def covering(self) -> bool:
        """Whether the index carries whole records."""
        return self.slot in COVERING_SLOTS


@dataclass(frozen=True, slots=True)
class Epoch:
    """From this millisecond on, new ids spread over this many shards."""

    from_ms: int
    shards: int


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may do what; None means administrators only."""

    read: Expression | None = None
    create: Expression | None = None
    update: Expression | None = None
    delete: Expression | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Totals to keep per group, of the records that `filter` takes.

    How many there are, and of fields the sum, the least, the greatest, the average. `number` is
    unique within the collection for ever and part of every key, as that of an index is.
    """

    group: tuple[str, ...] = ()
    count: bool = False
    sum: tuple[str, ...] = ()
    min: tuple[str, ...] = ()
    max: tuple[str, ...] = ()
    avg: tuple[str, ...] = ()
    filter: Expression | None = None
    number: int = 0

    @property
    def numbers(self) -> tuple[str, ...]:
        """The fields whose sum is kept, with how many records have one."""
        return tuple(dict.fromkeys((*self.sum, *self.avg)))

    @property
    def extremes(self) -> tuple[str, ...]:
        """The fields whose values are kept in order."""
        return tuple(dict.fromkeys((*self.min, *self.max)))


@dataclass(frozen=True, slots=True)
class Search:
    """What a full-text search looks at: fields by name with their weights, in order.

    `since` is the version that declared these fields and this language (or that nothing is to be
    searched any more), 0 for the first: what was kept for another means nothing now. Weights
    have no part in it.
    """

    fields: Mapping[str, int] = field(default_factory=dict)
    language: str = "english"
    since: int = 0


class State(StrEnum):
    """How far a part of a collection is that holds for records from before it was declared."""

    READY = "ready"
    BUILDING = "building"  # kept by every writer, not yet by every record: nothing reads it
    FAILED = "failed"  # some records stand against it: as while it was built


@dataclass(frozen=True, slots=True)
class Keep:
    """How long something past is kept: for ever where `days` is None."""

    days: int | None = None

    def until(self, ended: int) -> int:
        """When what ended then, in milliseconds, is let go of, in seconds."""
        assert self.days is not None  # noqa: S101 - what is kept for ever has no end
        return ended // 1000 + self.days * 86_400


@dataclass(frozen=True, slots=True)
class Build:
    """A part that is not ready, and the job that works, or worked, on it."""

    state: State
    job: str


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of the catalog at one version.

    `ids` is "auto" (time-ordered, made by Covey) or "custom" (given by the writer, else made).
    `unique` are tuples of field names; each is claimed by an item of its own. `next_key`,
    `next_index` and `next_aggregate` count what was ever given out, so that neither a field's key
    nor a number is used again for another. `history` and `soft_delete` say how long past versions
    and deleted records are kept. `tenant` is the field that says whose a record is, or nothing: see
    `covey.collections.tenant_document`. `since` has the version that declared a unique tuple, where
    that was not the first, so that it never meets claims of one before it; `builds` has what is not
    ready, by part: see `covey.collections.builds`. `converting` has fields as they are to be,
    `wanted` the document that then takes over: see `covey.collections.conversion`. `known_until` is
    the instant, in milliseconds, from which on others may have changed the schedule; None is never.
    """

    name: str
    fields: Mapping[str, Field]
    rules: Rules = Rules()
    indexes: tuple[Index, ...] = ()
    geo: tuple[Index, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    ids: str = "auto"
    schedule: tuple[Epoch, ...] = (Epoch(0, 1),)
    version: int = 1
    description: str = ""
    search: Search = Search()
    aggregates: Mapping[str, Aggregate] = field(default_factory=dict)
    history: Keep | None = None
    soft_delete: Keep | None = None
    tenant: str = ""
    next_key: int = 0
    next_index: int = 0
    next_aggregate: int = 0
    since: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    builds: Mapping[str, Build] = field(default_factory=dict)
    converting: Mapping[str, Field] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)
    born: int = 0  # the catalog's clock (ms) when a collection of this name was made, if known
    ending: str = ""  # the job that removes its records; nobody else sees it then
    known_until: int | None = field(default=None, compare=False)

    @property
    def life(self) -> str:
        """The name, and since when: what was kept of one before it is not this one's."""
        return f"{self.name};{self.born}" if self.born else self.name

    @property
    def expiry(self) -> Field | None:
        """The field that says when a record ends, if there is one."""
        return next((field for field in self.fields.values() if field.expires), None)
