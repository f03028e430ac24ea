"""The `expand` parameter: ``author.team,comments_via_post.author`` to what is to be followed.

A name is a relation of the records, or ``{collection}_via_{relation}``: the records of another
collection whose relation points here. Whatever the caller cannot know of answers as a name that
is not there: hidden fields, collections that they cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from covey.collections.model import Collection, Field
from covey.errors import BadRequest, NotFound
from covey.identity.authorize import DENY, filterable_fields, known_fields, list_rule
from covey.identity.principal import Principal
from covey.records.projection import bad, split_names

MAX_DEPTH = 3
MAX_STEPS = 20
VIA: Final = "_via_"


@dataclass(frozen=True, slots=True)
class Step:
    """One relation to follow: `field` is of the collection at hand, or where `backward`, of `to`.

    `to` is the name of the collection that it leads to, `then` what is followed from there.
    """

    name: str
    field: Field
    to: str
    backward: bool = False
    then: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansions:
    """Reads the parameter for one caller.

    `find` gives a collection or raises NotFound; `check_backward` raises IndexRequired where the
    records that point to one could not be listed by an index.
    """

    principal: Principal
    find: Callable[[str], Collection]
    check_backward: Callable[[Principal, Collection, str], None]

    def parse(self, collection: Collection, text: str) -> tuple[Step, ...]:
        """Raises BadRequest (invalid_expand), IndexRequired."""
        tree = _Tree()
        for name in split_names("expand", text):
            parts = name.split(".")
            if len(parts) > MAX_DEPTH:
                raise bad("expand", f"goes {MAX_DEPTH} levels deep at most")
            tree.add(parts)
        if tree.size > MAX_STEPS:
            raise bad("expand", f"follows {MAX_STEPS} relations at most")
        return self._steps(collection, tree)

    def _steps(self, collection: Collection, tree: _Tree) -> tuple[Step, ...]:
        return tuple(self._step(collection, name, below) for name, below in tree.below.items())

    def _step(self, collection: Collection, name: str, below: _Tree) -> Step:
        found = collection.fields.get(name)
        if found is not None and name in known_fields(self.principal, collection, write=False):
            if found.type != "relation":
                raise bad("expand", f"{name} is no relation")
            to = str(found.options["to"])
            return Step(name, found, to, then=self._below(to, below))
        for other, relation in self._pointing(collection, name):
            if relation.list:
                raise bad("expand", f"{relation.name} is a list, which no index holds")
            self.check_backward(self.principal, other, relation.name)
            return Step(name, relation, other.name, True, self._steps(other, below))
        raise _unknown(name)

    def _below(self, to: str, below: _Tree) -> tuple[Step, ...]:
        """The names after a relation; the fields of what the caller cannot read are not told."""
        if not below.below:
            return ()
        target = self._readable(to)
        if target is None:
            raise _unknown(next(iter(below.below)))
        return self._steps(target, below)

    def _pointing(self, collection: Collection, name: str) -> Iterator[tuple[Collection, Field]]:
        """The relations that a name may mean: names of collections may hold ``_via_`` too."""
        at = name.find(VIA)
        while at > 0:
            other = self._readable(name[:at])
            at, relation = name.find(VIA, at + 1), name[at + len(VIA) :]
            if other is None or relation not in filterable_fields(self.principal, other):
                continue
            field = other.fields[relation]
            if field.type == "relation" and field.options["to"] == collection.name:
                yield other, field

    def _readable(self, name: str) -> Collection | None:
        try:
            found = self.find(name)
        except NotFound:
            return None
        return None if list_rule(self.principal, found) is DENY else found


@dataclass(slots=True)
class _Tree:
    """Names with the names that follow them."""

    below: dict[str, _Tree] = field(default_factory=dict)

    def add(self, parts: list[str]) -> None:
        here = self
        for part in parts:
            here = here.below.setdefault(part, _Tree())

    @property
    def size(self) -> int:
        return sum(1 + tree.size for tree in self.below.values())


def _unknown(name: str) -> BadRequest:
    return bad("expand", f"there is no field {name[:64]!r}")
