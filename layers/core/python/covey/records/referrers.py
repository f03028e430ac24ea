"""Who refers to a record that is to be removed, and whether that stands in the way.

The rule of the record decides alone: who may delete it may have done what its referrers declare.
``restrict`` is told as far as the caller sees the referrers, and no count of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covey.collections import builds
from covey.collections.catalog import Catalog
from covey.collections.model import Collection, Field
from covey.collections.references import RESTRICT, referring, target_ids
from covey.errors import Conflict, FieldError
from covey.records.asking import Asking, has_expired
from covey.records.model import Record
from covey.records.ports import UNGUARDED, Guard, RecordStore

PAGE = 25
MOST = 100  # referrers that are looked at where some stand in the way
TOLD = 10


class Referrers:
    """Finds them by what the store keeps of references."""

    def __init__(self, store: RecordStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def guard(self, asking: Asking, record: Record) -> Guard:
        """What the removal of a record assumes; raises Conflict ``restricted``."""
        every = list(referring(self._catalog.all(), asking.collection.name))
        if not every:
            return UNGUARDED
        held = [one for one in every if one[1].options["on_delete"] == RESTRICT]
        if not held:
            return Guard(closed=asking.now)
        # The gate first: a reference made after this makes the removal come second.
        passed = self._store.passed(asking.collection.name, record.id)
        told: list[FieldError] = []
        restricted = False
        for collection, field in held:
            _check_ready(collection, field)
            for referrer in self._living(asking, record, collection, field):
                restricted = True
                shown = asking.visible(collection, referrer)
                if shown is not None and field.name in shown:
                    message = f"{collection.name}/{referrer.id} refers to it"
                    place = f"{collection.name}.{field.name}"
                    told.append(FieldError(place, "restricted", message))
        if restricted:
            raise _restricted(told)
        return Guard(closed=asking.now, passed=passed)

    def living(self, collection: Collection, field: Field, target: str) -> Iterator[Record]:
        """The records that refer to the target by this field, read consistently."""
        after = ""
        while True:
            ids = self._store.referrers(collection, field, target, after, PAGE)
            for record_id in ids:
                found = self._store.get(collection, record_id, consistent=True)
                if found is not None and refers(field, found, target):
                    yield found
            if len(ids) < PAGE:
                return
            after = ids[-1]

    def _living(
        self, asking: Asking, record: Record, collection: Collection, field: Field
    ) -> Iterator[Record]:
        looked = 0
        for found in self.living(collection, field, record.id):
            itself = collection.name == asking.collection.name and found.id == record.id
            if not itself and not has_expired(found, asking.now):
                yield found
                looked += 1
                if looked == MOST:
                    return


def refers(field: Field, record: Record, target: str) -> bool:
    """Whether the record refers to the target by this field, as it is."""
    return target in target_ids(field, record.values.get(field.name))


def _check_ready(collection: Collection, field: Field) -> None:
    if builds.unready_references(collection, field) is not None:
        message = (
            f"Whether {collection.name} refer to it is not known until `on_delete` of "
            f"{collection.name}.{field.name} is built."
        )
        raise Conflict(message, code="restricted")


def _restricted(told: Sequence[FieldError]) -> Conflict:
    if not told:
        return Conflict("Records that you may not see refer to this one.", code="restricted")
    many = "A record refers" if len(told) == 1 else f"{len(told)} records refer"
    if len(told) == MOST:
        many = f"{MOST} records or more refer"
    return Conflict(f"{many} to this one.", code="restricted", errors=told[:TOLD])
