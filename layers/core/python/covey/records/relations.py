"""A relation points to a record that exists and that the writer may see.

A target that is missing and one that is hidden answer alike, so that writing relations does not
probe for records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.errors import FieldError, Invalid, NotFound
from covey.identity.principal import Kind
from covey.records.asking import Asking, has_expired
from covey.records.custom_ids import can_hold
from covey.records.expand import target_ids
from covey.records.model import Record
from covey.records.ports import Guard, RecordStore

MAX_ERRORS = 100


class Relations:
    """Reads targets, in batches."""

    def __init__(self, store: RecordStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def check(
        self,
        asking: Asking,
        values: Mapping[str, Any],
        *,
        given: Sequence[str],
        before: Mapping[str, Any],
    ) -> Guard:
        """Raise Invalid (code relation_not_found) for targets that are not there.

        `given` are the fields that the caller wrote: their new targets must be visible to them.
        Other fields got a default: their targets must exist. Targets that `before` has already
        are not asked about again. The guard holds the write to what was seen of the new ones.
        """
        faults: list[FieldError] = []
        seen: dict[tuple[str, str], int] = {}
        for name, field in asking.collection.fields.items():
            if field.type != "relation" or values.get(name) is None:
                continue
            if not field.options.get("check", True):
                continue
            ids = target_ids(field, values[name])
            known = set(target_ids(field, before.get(name)))
            wanted = [target for target in dict.fromkeys(ids) if target not in known]
            found = self._found(asking, field.options["to"], wanted, given=name in given)
            if "on_delete" in field.options:
                seen |= {(field.options["to"], target): at for target, at in found.items()}
            missing = frozenset(wanted) - found.keys()
            for position, target in enumerate(ids):
                if target in missing:
                    path = f"{name}.{position}" if field.list else name
                    faults.append(FieldError(path, "relation_not_found", "names no record"))
        if faults:
            raise Invalid(f"{faults[0].field} names no record.", errors=faults[:MAX_ERRORS])
        return Guard(seen)

    def documents(self, asking: Asking, to: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records of these ids as the caller may see them, by id; others are left out."""
        collection = self._collection(to)
        if collection is None:
            return {}
        found = self._store.get_many(
            collection, [target for target in ids if can_hold(collection, target)]
        )
        asking.foresee(collection, list(found.values()))
        shown = {target: asking.visible(collection, record) for target, record in found.items()}
        return {target: document for target, document in shown.items() if document is not None}

    def _found(self, asking: Asking, to: str, ids: Sequence[str], *, given: bool) -> dict[str, int]:
        """Those that are there for the caller, and when each was created."""
        caller = asking.principal
        reached: dict[str, int] = {}
        # A signed-in caller exists, also where the team hides users from themselves.
        if to == "users" and caller.kind in (Kind.USER, Kind.ADMINISTRATOR) and caller.id in ids:
            reached[caller.id] = 0
        collection = self._collection(to)
        if collection is None:
            return reached
        held = [one for one in ids if one not in reached and can_hold(collection, one)]

        def reach(record: Record | None) -> bool:
            if record is None or has_expired(record, asking.now):
                return False
            if given and asking.visible(collection, record) is None:
                return False
            reached[record.id] = record.created
            return True

        found = self._store.get_many(collection, held) if held else {}
        if given:
            asking.foresee(collection, list(found.values()))
        for target in held:
            # The batch may lag: a target made or shown a moment ago is asked for again.
            if not reach(found.get(target)):
                reach(self._store.get(collection, target, consistent=True))
        return reached

    def _collection(self, name: str) -> Collection | None:
        try:
            return self._catalog.get(name)
        except NotFound:
            return None
