"""A folder of schedules as YAML files; every fault names its file, line and part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from covey.collections.yaml_files import FilesInvalid, read
from covey.errors import Invalid
from covey.schedules.document import load
from covey.tasks.registry import Registry

FOLDER = "schedules"


def load_folder(folder: Path, tasks: Callable[[], Registry]) -> list[dict[str, Any]]:
    """The documents of a folder, by file name; raises FilesInvalid with every fault of all."""
    documents, faults = [], []
    for document, source in read(folder, shown=FOLDER):
        try:
            load(document, tasks)
        except Invalid as invalid:
            faults += [source.fault(error.field, error.message) for error in invalid.errors]
        documents.append(document)
    if faults:
        raise FilesInvalid(faults)
    return documents
