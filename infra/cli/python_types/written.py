"""Where the types come from, and where they go."""

from __future__ import annotations

from pathlib import Path

from infra.cli.python_types.module import module


class TypesError(RuntimeError):
    """The types cannot be written, or are not what they should be; the message says why."""


def of_folder(folder: Path) -> str:
    """The module for the collection files of a folder."""
    from covey.collections.yaml_files import FilesInvalid, load_folder

    try:
        return module(load_folder(folder).values())
    except FilesInvalid as invalid:
        raise TypesError(f"the collections have faults:\n{invalid}") from invalid


def of_catalog() -> str:
    """The module for the collections of this process's table."""
    from covey.wiring import services

    return module(services().catalog.all())


def write(text: str, path: Path) -> None:
    """Keep the module, unless it is there already."""
    if _kept(path) != text:
        path.write_text(text, encoding="utf-8")


def compare(text: str, path: Path) -> None:
    """Raise TypesError unless the module is there and says what it should."""
    if _kept(path) != text:
        raise TypesError(f"{path} is not up to date: run `covey types -o {path}`")


def _kept(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
