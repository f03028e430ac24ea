"""Taking files for records, in the transactions that write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Collection as Names
from typing import Any

from covey.collections.model import Collection, Field
from covey.errors import FieldError
from covey.files.model import State, StoredFile
from covey.files.ports import FileStore
from covey.records.asking import Asking
from covey.records.attachments import NOT_FOUND, fault, held, ids_of, refuse
from covey.records.model import Record
from covey.records.time import now_ms


class Attaching:
    """`covey.records.attachments.Attachments` over what is known of files.

    `taken` are the files of one transaction; None where each write is one of its own.
    """

    def __init__(
        self,
        store: FileStore,
        *,
        taken: set[str] | None = None,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._taken = taken
        self._now = now

    def together(self) -> Attaching:
        """As `Attachments.together`."""
        return Attaching(self._store, taken=set(), now=self._now)

    def taking(
        self,
        asking: Asking,
        record: Record,
        *,
        before: Mapping[str, Any],
        own: Names[str] = (),
    ) -> list[dict[str, Any]]:
        """As `Attachments.taking`; one read unit for each new file."""
        taken = set() if self._taken is None else self._taken
        seen: set[str] = set()
        faults: list[FieldError] = []
        items: list[dict[str, Any]] = []
        for field, position, file_id in held(asking.collection, record.values):
            if file_id in seen:
                faults.append(fault(field, position, "duplicate_item"))
            seen.add(file_id)
            if file_id in ids_of(field, before.get(field.name)):
                continue
            file = self._store.get(file_id)
            code = _fault(asking, record, field, file, own=field.name in own)
            if code is None and file is not None and file_id not in taken:
                taken.add(file_id)
                items += self._store.attaching(file, record.id)
            else:
                faults.append(fault(field, position, code or NOT_FOUND))
        refuse(faults)
        return items

    def released(self, collection: Collection, record: Record) -> list[dict[str, Any]]:
        """As `Attachments.released`."""
        now = self._now() // 1000
        files = [file_id for _, _, file_id in held(collection, record.values)]
        return [item for one in dict.fromkeys(files) for item in self._store.looking(one, now)]


def _fault(
    asking: Asking, record: Record, field: Field, file: StoredFile | None, *, own: bool
) -> str | None:
    """Why the record may not hold the file there; None where it may."""
    if file is None or file.life != asking.collection.life or not _fits(asking, field, file):
        return NOT_FOUND
    if file.record:
        # A row of an import comes again when its job was cut off: its record has the file already.
        again = own or file.owner == asking.principal.scope
        held_by = file.record == record.id and file.state is State.READY
        return None if held_by and again else NOT_FOUND
    if file.owner != asking.principal.scope or file.state is State.GOING:
        return NOT_FOUND
    return None if file.state is State.READY else "file_not_ready"


def _fits(asking: Asking, field: Field, file: StoredFile) -> bool:
    """Whether it was reserved for this field, or for one whose key it had before a conversion."""
    keys = {one.key for one in asking.collection.fields.values()}
    return file.field == field.key or file.field not in keys
