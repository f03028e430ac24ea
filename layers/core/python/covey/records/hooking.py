"""A write through the team's hooks, once the rules let the caller do it and it is valid.

A hook is code of the deployment, not of the caller: no rule is asked about what it makes of the
record, and fields that the caller may not write are open to it. But what it leaves must be a valid
record, and the system's own fields are not among the values.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from covey.collections.model import Collection
from covey.errors import CoveyError
from covey.fields import expires_at, validate_record
from covey.hooks.running import hooks_failed, run
from covey.hooks.write import Action, Write
from covey.identity.principal import Principal
from covey.records.model import Record
from covey.records.patch import same
from covey.records.plain import document

if TYPE_CHECKING:
    from covey.hooks.declaring import Before

_log = logging.getLogger(__name__)


class Hooks(Protocol):
    """Where hooks are found; `covey.hooks.loading.TeamHooks`."""

    def before(self, collection: str, action: str) -> Sequence[Before]:
        """Those of such a write, in their order."""
        ...


class NoHooks:
    """A house without hooks."""

    def before(self, collection: str, action: str) -> Sequence[Before]:
        """None."""
        return ()


def hooked(
    hooks: Hooks,
    collection: Collection,
    action: Action,
    record: Record,
    *,
    who: Principal,
    old: Record | None = None,
    request: Mapping[str, Any] | None = None,
) -> Record:
    """The record as the hooks of this write leave it.

    `record` is what is going to be written, or deleted. Raises what `covey.hooks.running.run`
    does, and CoveyError ``hooks_failed`` for values that the collection cannot hold.
    """
    found = hooks.before(collection.name, action)
    if not found:
        return record
    values = deepcopy(dict(record.values))
    shown = None if old is None else deepcopy(old.document())
    write = Write(collection.name, action, record.id, who, values, shown, dict(request or {}))
    run(found, write)
    if action == "delete":
        return record
    return _taken(collection, record, write)


def _taken(collection: Collection, record: Record, write: Write) -> Record:
    """The record with what the hooks changed."""
    names = [*record.values, *(name for name in write.values if name not in record.values)]
    try:
        given = document({name: write.values.get(name) for name in names if name in write.values})
        changed = {
            name: given.get(name)
            for name in names
            if not same(record.values.get(name), given.get(name))
        }
        if not changed:
            return record
        values = validate_record(collection, changed, before=record, partial=True)
    except (CoveyError, TypeError, ValueError) as error:
        _log.exception("hooks of %s left a record that cannot be", collection.name)
        raise hooks_failed() from error
    return replace(record, values=values, expires=expires_at(collection, values))
