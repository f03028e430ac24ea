"""What records were, as their callers may see it.

A past version is shown where the read rule holds on it and on the record as it is now, and of its
fields those that may be read in both. Of a record that is gone only administrators see anything.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from covey.collections.model import Collection
from covey.errors import BadRequest, NotFound, NotSupported
from covey.identity import authorize as access
from covey.identity.administrators import administrators_only
from covey.identity.principal import Kind, Principal
from covey.records.archive import Archive, Place, Version
from covey.records.asking import Asking
from covey.records.custom_ids import can_hold
from covey.records.model import Record
from covey.records.query import check_parameters, parse_limit
from covey.records.reading import Parameters, Reader
from covey.records.time import rfc3339

PAGE_PARAMETERS = frozenset({"limit", "cursor"})
BUDGET = 1_000  # versions examined for one page
_PLACE = re.compile(r"([0-9]{1,15})\.([0-9]{1,10})")
_PEOPLE = (Kind.USER, Kind.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Past:
    """A page of what was: documents, newest first, and the cursor of the next page."""

    items: tuple[dict[str, Any], ...]
    next: str | None = None


class Historian(Reader):
    """Reads the past, under the rules. See `covey.records.service.Records`."""

    def history(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        parameters: Parameters | None = None,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> Past:
        """The versions of a record, the present one first."""
        check_parameters(parameters or {}, PAGE_PARAMETERS)
        limit = parse_limit((parameters or {}).get("limit"))
        cursor = (parameters or {}).get("cursor")
        before = None if cursor is None else _place(cursor)
        asking, present = self._present(principal, collection, record_id, request)
        shown: list[tuple[Version, dict[str, Any]]] = []
        if present is not None and before is None:
            shown.append((Version(present, 0), asking.visible(asking.collection, present) or {}))
        since = present.created if present and not principal.is_administrator else 0
        next_ = None
        for examined, version in enumerate(self._versions(asking, record_id, since, before)):
            document = self._shown(asking, version, present)
            if len(shown) == limit or examined == BUDGET:
                next_ = _cursor(before)
                break
            before = Place(version.record.created, version.record.version)
            if document is not None:
                shown.append((version, document))
        if not shown and present is None and cursor is None:
            raise NotFound("record")
        return Past(self._documents(asking, shown), next_)

    def past(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        version: int,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One version of a record, of the newest that had this id; raises NotFound."""
        asking, present = self._present(principal, collection, record_id, request)
        if present is not None and present.version == version:
            shown = asking.visible(asking.collection, present) or {}
            return self._documents(asking, [(Version(present, 0), shown)])[0]
        found, document = self._past(asking, record_id, version, present)
        return self._documents(asking, [(found, document)])[0]

    def deleted(
        self,
        principal: Principal,
        collection: str,
        parameters: Parameters | None = None,
        *,
        request: Mapping[str, Any] | None = None,
    ) -> Past:
        """The records that were removed softly, by descending ids; for administrators."""
        asking = self._asking(principal, collection, request, None)
        if access.list_rule(principal, asking.collection) is access.DENY:
            raise access.refusal(principal, asking.collection, "read")
        administrators_only(principal)
        check_parameters(parameters or {}, PAGE_PARAMETERS | {"deleted"})
        limit = parse_limit((parameters or {}).get("limit"))
        cursor = (parameters or {}).get("cursor")
        before = None if cursor is None else _opened(cursor)
        found = self.archive.all_buried(asking.collection, before, limit + 1)
        shown = [(version, version.record.document()) for version in found[:limit]]
        next_ = _sealed(found[limit - 1].record.id) if len(found) > limit else None
        return Past(self._documents(asking, shown), next_)

    @property
    def archive(self) -> Archive:
        """Where the past is kept; raises NotSupported where nothing keeps it."""
        if self._archive is None:
            raise NotSupported("Nothing keeps what records were.")
        return self._archive

    # ---- parts

    def _present(
        self,
        principal: Principal,
        collection: str,
        record_id: str,
        request: Mapping[str, Any] | None,
    ) -> tuple[Asking, Record | None]:
        """The record as it is, None for one that is gone; raises NotFound unless it may be seen."""
        asking = self._asking(principal, collection, request, None)
        present = self._read(asking, record_id, consistent=True)
        if present is None:
            if not principal.is_administrator or not can_hold(asking.collection, record_id):
                raise NotFound("record")
        elif asking.visible(asking.collection, present) is None:
            raise NotFound("record")
        return asking, present

    def _versions(
        self, asking: Asking, record_id: str, since: int, before: Place | None
    ) -> Iterable[Version]:
        size = 50
        while True:
            found = self.archive.versions(
                asking.collection, record_id, since=since, before=before, limit=size
            )
            yield from found
            if len(found) < size:
                return
            before = Place(found[-1].record.created, found[-1].record.version)

    def _past(
        self, asking: Asking, record_id: str, number: int, present: Record | None
    ) -> tuple[Version, dict[str, Any]]:
        """One version and what the caller sees of it; raises NotFound."""
        created = None if present is None else present.created
        if created is None:
            newest = self._newest(asking.collection, record_id)
            created = None if newest is None else newest.record.created
        found = None
        if created is not None and 0 < number < 10**10:
            place = Place(created, number)
            found = self.archive.version(asking.collection, record_id, place)
        document = None if found is None else self._shown(asking, found, present)
        if found is None or document is None:
            raise NotFound("version")
        return found, document

    def _newest(self, collection: Collection, record_id: str) -> Version | None:
        """The last version of a record that is gone."""
        found = self.archive.versions(collection, record_id, since=0, before=None, limit=1)
        buried = self.archive.buried(collection, record_id)
        every = [*found, *([buried] if buried else [])]
        return max(every, key=lambda one: (one.record.created, one.record.version), default=None)

    def _shown(
        self, asking: Asking, version: Version, present: Record | None
    ) -> dict[str, Any] | None:
        document = access.visible(
            asking.principal,
            asking.collection,
            version.record,
            now=asking.now,
            request=asking.request,
            read=asking.read,
        )
        if document is None or present is None or asking.principal.is_administrator:
            return document
        hidden = asking.collection.fields.keys() - asking.rights(present).readable
        return {name: value for name, value in document.items() if name not in hidden}

    def _documents(
        self, asking: Asking, shown: Sequence[tuple[Version, dict[str, Any]]]
    ) -> tuple[dict[str, Any], ...]:
        names = {name for version, _ in shown for name in (version.record.by, version.remover)}
        people = self._names(asking, {name for name in names if name is not None})
        documents = []
        for version, document in shown:
            record = version.record
            described: dict[str, Any] = {
                "version": record.version,
                "updated": rfc3339(record.updated),
                "by": people.get(record.by or ""),
                "ended": rfc3339(version.ended) if version.ended else None,
                "deleted": version.removed,
            }
            if version.removed:
                described["deleted_by"] = people.get(version.remover or "")
            documents.append({**described, "record": document})
        return tuple(documents)

    def _names(self, asking: Asking, scopes: set[str]) -> dict[str, str]:
        """What the caller is told of who wrote: users that they may see, and no more of others."""
        told: dict[str, str] = {}
        users: dict[str, str] = {}
        for scope in scopes:
            kind, _, record_id = scope.partition(":")
            if kind not in _PEOPLE:
                told[scope] = scope if asking.principal.is_administrator else kind
            elif asking.principal.is_administrator or record_id == asking.principal.id:
                told[scope] = record_id
            else:
                users[scope] = record_id
        if users:
            seen = self._relations.documents(asking, "users", list(users.values()))
            told |= {scope: one for scope, one in users.items() if one in seen}
        return told


def _cursor(place: Place | None) -> str | None:
    return None if place is None else _sealed(f"{place.created}.{place.version}")


def _place(cursor: str) -> Place:
    found = _PLACE.fullmatch(_opened(cursor))
    if found is None:
        raise _invalid()
    return Place(int(found[1]), int(found[2]))


def _sealed(text: str) -> str:
    """A place among what the caller sees anyway: nothing in it is hidden, so it is only packed."""
    return urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _opened(cursor: str) -> str:
    try:
        text = urlsafe_b64decode(cursor[:512].encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise _invalid() from error
    if not text.isascii() or not text.isprintable() or not text or len(cursor) > 512:
        raise _invalid()
    return text


def _invalid() -> BadRequest:
    return BadRequest("The cursor is not one of this list.", code="invalid_cursor")
