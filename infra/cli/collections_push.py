"""The collections of a folder → the catalog: what differs, in words, and then applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was, or would be, done; ``refused`` names changes that were not made, and why."""

    changes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def push(folder: Path, *, dry_run: bool = False, confirmed: bool = False) -> Pushed:
    """Make the catalog say what the files of ``folder`` say.

    A collection with no file stays: its records would be lost. Changes that lose data are done
    only when ``confirmed``, and those that want the records written anew only while there are
    none; else that collection is left as it is.
    """
    from covey.collections.apply import Plan, apply
    from covey.collections.changes import diff
    from covey.collections.yaml_files import FilesInvalid, load_folder
    from covey.errors import Conflict
    from covey.records.emptiness import is_empty
    from covey.wiring import services

    catalog = services().catalog
    catalog.refresh()
    before = {collection.name: collection for collection in catalog.all()}
    try:
        wanted = load_folder(folder, before)
    except FilesInvalid as invalid:
        return Pushed(faults=str(invalid).splitlines())
    pushed = Pushed()
    for name, collection in sorted(wanted.items()):
        changes = diff(before.get(name), collection)
        planned = Plan(before.get(name), collection, tuple(changes))
        if not dry_run:
            try:
                apply(
                    catalog,
                    planned,
                    is_empty=partial(is_empty, services().record_store),
                    confirmed=confirmed,
                )
            except Conflict as conflict:
                pushed.refused.append(f"{name}: {conflict.detail}")
                continue
        pushed.changes.extend(str(change) for change in changes)
    return pushed
