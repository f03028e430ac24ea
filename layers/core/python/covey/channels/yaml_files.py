"""A folder of channels as YAML files; every fault names its file, line and part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from covey.channels.document import Far, load, name_of
from covey.channels.model import Channel
from covey.collections.yaml_files import FilesInvalid, read
from covey.errors import Invalid

FOLDER = "channels"


def load_folder(
    folder: Path, far: Far, previous: Mapping[str, Channel] | None = None
) -> dict[str, Channel]:
    """The channels of a folder by name; raises FilesInvalid with every fault.

    ``rooms/{room}`` stands in ``rooms.yaml``.
    """
    channels, faults = {}, []
    for document, source in read(folder, name_of, FOLDER):
        try:
            made = load(document, far, previous=(previous or {}).get(source.path.stem))
        except Invalid as invalid:
            faults += [source.fault(error.field, error.message) for error in invalid.errors]
            continue
        channels[made.name] = made
    if faults:
        raise FilesInvalid(faults)
    return channels
