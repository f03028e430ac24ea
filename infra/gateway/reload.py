"""Watches the files that make the backend and says what a change of them asks for."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, awatch

_QUIET_MS = 40  # an editor writes a file in several steps
_LONGEST_MS = 250


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed. ``faults`` are syntax errors, for which the old code goes on."""

    code: bool
    template: bool
    collections: bool
    files: tuple[str, ...]
    faults: tuple[str, ...]


def watched(root: Path, template: Path, collections: Path) -> list[Path]:
    """The folders and files to watch, of those that exist."""
    folders = [root / "functions", root / "layers", *_declared(collections), template]
    return [path for path in folders if path.exists()]


def _declared(collections: Path) -> tuple[Path, ...]:
    """The folders of declarations: of collections, and what lies beside."""
    return collections, collections.parent / "schedules", collections.parent / "channels"


async def changes(root: Path, template: Path, collections: Path) -> AsyncIterator[Changed]:
    """Each burst of changes, as soon as it is over."""
    paths = watched(root, template, collections)
    async for burst in awatch(
        *paths, watch_filter=_matters, debounce=_LONGEST_MS, step=_QUIET_MS, recursive=True
    ):
        yield sort({Path(path) for _, path in burst}, root, template, collections)


def _matters(_change: Change, path: str) -> bool:
    return path.endswith((".py", ".yaml", ".yml", ".json", ".html")) and "__pycache__" not in path


def sort(paths: Iterable[Path], root: Path, template: Path, collections: Path) -> Changed:
    """What a set of changed paths means."""
    known = sorted(paths)
    folders = _declared(collections)
    data = [path for path in known if any(path.is_relative_to(folder) for folder in folders)]
    code = [path for path in known if path not in data and path != template]
    return Changed(
        code=bool(code),
        template=template in known,
        collections=bool(data),
        files=tuple(_shown(path, root) for path in known),
        faults=tuple(fault for path in code if (fault := _fault(path, root))),
    )


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _fault(path: Path, root: Path) -> str | None:
    if path.suffix != ".py" or not path.is_file():
        return None
    try:
        ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        return f"{_shown(path, root)}:{line}: {getattr(error, 'msg', None) or error}"
    return None
