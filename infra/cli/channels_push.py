"""The channels of a folder → the table: what differs, in words, and then applied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covey.channels.model import Channel
    from covey.collections.model import Collection


def read(beside: Path, collections: Mapping[str, Collection]) -> dict[str, Channel]:
    """The channels beside a folder of collections; `collections` are those that are to be.

    Raises FilesInvalid with every fault.
    """
    from covey.channels.catalog import far_of
    from covey.channels.yaml_files import FOLDER, load_folder
    from covey.wiring import services

    far = far_of(services().catalog, collections)
    previous = {one.name: one for one in services().channels.all()}
    return load_folder(beside.absolute().parent / FOLDER, far, previous)


def push(channels: Mapping[str, Channel], *, dry_run: bool) -> list[str]:
    """Keep the channels that differ; what was, or would be, done.

    A channel with no file stays, as others may have declared it: `DELETE /admin/channels/{name}`.
    Raises Conflict where another writer is at work.
    """
    from covey.wiring import services

    known = {one.name: one for one in services().channels.all()}
    changes = []
    for name, channel in sorted(channels.items()):
        before = known.get(name)
        if channel == before:
            continue
        changes.append(f"{'add' if before is None else 'change'} channel {name}")
        if not dry_run:
            services().channels.save(channel)
    return changes
