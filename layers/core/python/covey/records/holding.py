"""Who may reserve a file for a record's field, and who may read the file that a record holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from covey.collections.model import Collection, Field
from covey.errors import FieldError, Invalid, NotFound
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.insight import meter
from covey.records.asking import has_expired
from covey.records.attachments import field_of
from covey.records.conditions import UNCONDITIONAL
from covey.records.preparing import Preparer
from covey.records.reading import LOOKED


class Holder(Preparer):
    """The rules of records, asked about their files."""

    def reserving(
        self,
        principal: Principal,
        collection: str,
        field: str,
        record_id: str | None,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> tuple[Collection, Field]:
        """The field that this caller may give a file: in this record, or in a new one.

        Rules that read what the record will be are asked when it is written. Raises as a create or
        an update of the field does, Invalid for a field that takes no files.
        """
        asking = self._asking(principal, collection, request, None)
        who, there = asking.principal, asking.collection
        if record_id is None:
            access.refuse_early(who, there, "create")
            writable = access.fields_to_write(who, there)
        else:
            before = self._before(asking, record_id, "update", UNCONDITIONAL)
            writable = asking.rights(before).writable
        known = access.known_fields(who, there, write=True)
        found = there.fields.get(field) if field in known else None
        if found is None or found.type != "file":
            fault = FieldError("field", "unknown_field", "names no field for files")
            raise Invalid("field names no field for files.", errors=[fault])
        if field not in writable:
            raise access.write_denied([field])
        return there, found

    def reading(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        file_id: str,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> tuple[Collection, Field]:
        """The field of the record that holds the file; raises NotFound unless the caller reads it.

        What is public is read by all.
        """
        asking = self._asking(principal, collection, request, None)
        there = asking.collection
        before = replace(meter.read())
        record = self._read(asking, record_id, consistent=False)
        found = None
        if record is not None and not has_expired(record, asking.now):
            found = field_of(there, record.values, file_id)
            if found is None or not found.options.get("public"):
                shown = asking.visible(there, record)
                found = None if shown is None else field_of(there, shown, file_id)
        if found is None:
            meter.restate(before, LOOKED)
            raise NotFound("file")
        return there, found
