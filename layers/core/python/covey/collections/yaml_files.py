"""A folder of collections as YAML files; every fault names its file, line and field.

Only the command line and the gateway read files, so only this module knows YAML. The files are
read by YAML 1.2's core schema with exact numbers: ``yes`` and ``2026-01-31`` are text, ``0.1`` is
0.1. Anchors, tags and keys that occur twice are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from covey.collections.document import load_all
from covey.collections.model import Collection
from covey.errors import FieldError, Invalid

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 1_000_000
MAX_DEPTH = 40
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]{1,400}|[0-9]{1,400}(\.[0-9]{0,400})?)([eE][-+]?[0-9]{1,4})?")
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= {"true": True, "True": True, "TRUE": True}
_CONSTANTS |= {"false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class FileFault:
    """One fault: ``posts.yaml:7: fields.title.max: must be an integer``."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}: {where}{self.message}"


class FilesInvalid(Invalid):
    """Files with faults; as text, a line each."""

    def __init__(self, faults: list[FileFault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line)))
        errors = [FieldError(f"{f.file}:{f.line}: {f.field}", "invalid", f.message) for f in faults]
        super().__init__(str(self), code="invalid_collection", errors=errors)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(slots=True)
class Source:
    """Where a document was read from: the file, and the line of each dotted path.

    `folder` goes before the file's name in faults, where the name alone does not tell.
    """

    path: Path
    lines: dict[str, int] = field(default_factory=dict)
    folder: str = ""

    @property
    def name(self) -> str:
        """What the file is called in faults."""
        return f"{self.folder}/{self.path.name}" if self.folder else self.path.name

    def line(self, path: str) -> int:
        """The line of a path, or of the nearest part around it that is written."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 1)

    def fault(self, path: str, message: str) -> FileFault:
        """A fault of this file."""
        return FileFault(self.name, self.line(path), path, message)


def read(
    folder: Path,
    of_name: Callable[[str], str] = str,
    shown: str = "",
) -> list[tuple[dict[str, Any], Source]]:
    """The documents of a folder by file name, none where there is no folder.

    `of_name` is what a file must be called for the document's `name`; `shown` is the folder's
    name in faults. Raises FilesInvalid for what is no YAML, or is not what the file is named for.
    """
    read_files, faults = [], []
    for path in _files(folder):
        source = Source(path, folder=shown)
        try:
            document = _Document(source).read()
        except _UnreadableError as error:
            faults.append(error.fault)
            continue
        name = document.get("name")
        if not isinstance(name, str) or of_name(name) != path.stem:
            message = "must be given" if name is None else "must be the name of the file"
            faults.append(source.fault("name", f"{message}: {path.stem}"))
        read_files.append((document, source))
    if faults:
        raise FilesInvalid(faults)
    return read_files


def load_folder(
    folder: Path, previous: Mapping[str, Collection] | None = None
) -> dict[str, Collection]:
    """The collections of a folder by name, with `users`; raises FilesInvalid with every fault."""
    files = read(folder)
    sources = {source.path.stem: source for _, source in files}
    try:
        return load_all([document for document, _ in files], previous)
    except Invalid as invalid:
        faults = []
        for error in invalid.errors:
            name, _, path = error.field.partition(".")
            faults.append(sources[name].fault(path, error.message))
        raise FilesInvalid(faults) from None


def _files(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in found if p.suffix in SUFFIXES and not p.name.startswith("."))


class _UnreadableError(Exception):
    def __init__(self, fault: FileFault) -> None:
        self.fault = fault


class _Loader(yaml.BaseLoader):
    """Nodes only; refuses aliases, which could make a short file long, and deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused("aliases are not taken", event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refused("it nests too deep", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _refused(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, event.start_mark)


class _Document:
    """One file: text to nodes to values, with the line of each."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self) -> dict[str, Any]:
        """The mapping that the file holds; raises _UnreadableError."""
        node = self._compose(self._text())
        value = None if node is None else self._value(node, "")
        if not isinstance(value, dict):
            raise self._fault(1, "", "must be a mapping that begins with name:")
        return value

    def _fault(self, line: int, path: str, message: str) -> _UnreadableError:
        return _UnreadableError(FileFault(self._source.name, line, path, message))

    def _text(self) -> str:
        with self._source.path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise self._fault(1, "", f"is larger than {MAX_BYTES} bytes")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self._fault(line, "", "is not UTF-8") from None

    def _compose(self, text: str) -> yaml.Node | None:
        loader = _Loader("")
        try:
            loader = _Loader(text)
            node: yaml.Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self._fault(line, "", f"is not YAML: {error.problem or error.context}") from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            code = ord(text[error.position])
            message = f"holds a character that YAML does not take: U+{code:04X}"
            raise self._fault(line, "", message) from None
        finally:
            loader.dispose()
        return node

    def _value(self, node: yaml.Node, path: str) -> Any:
        self._check_tag(node, path)
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, path))
        if isinstance(node, yaml.SequenceNode):
            return list(self._items(node, path))
        quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
        return node.value if quoted else _plain(node.value)

    def _check_tag(self, node: yaml.Node, path: str) -> None:
        if node.tag.rpartition(":")[2] not in ("str", "seq", "map"):
            raise self._fault(_line(node), path, f"has a tag that is not taken: {node.tag}")

    def _items(self, node: yaml.SequenceNode, path: str) -> Iterator[Any]:
        for index, item in enumerate(node.value):
            inner = f"{path}.{index}" if path else str(index)
            self._source.lines[inner] = _line(item)
            yield self._value(item, inner)

    def _entries(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = _line(key)
            if not isinstance(key, yaml.ScalarNode):
                raise self._fault(line, path, "has a key that is not a name")
            name = key.value
            inner = f"{path}.{name}" if path else name
            if name in seen:
                message = f"is written twice, first on line {seen[name]}"
                raise self._fault(line, inner, message)
            seen[name] = self._source.lines[inner] = line
            yield name, self._value(value, inner)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _plain(text: str) -> Any:
    """A scalar without quotes, by the core schema of YAML 1.2, 10.3."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _NUMBER.fullmatch(text) else text
