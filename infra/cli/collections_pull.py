"""The catalog → the collection files, which keep their comments, order and form where they can.

A file that says what the catalog says stays as it is, byte for byte. In another only what
differs is written: a part that means the same keeps its words.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruamel.yaml import YAML

    from covey.collections.model import Collection

WIDTH = 100
_BLOCKS = ("fields", "rules", "aggregates")  # a line for each of their parts
_LISTS = ("indexes", "unique")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was, or would be, written: file names; ``faults`` are lines of unreadable files."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether the files said all of it already, and no more."""
        return not (self.added or self.changed or self.extra)


def pull(folder: Path, *, check: bool = False) -> Pulled:
    """Make the files of ``folder`` say what the catalog says; with ``check`` only compare.

    A file of a collection that the catalog does not have stays, and is named as ``extra``.
    `users` gets a file where it has been changed.
    """
    from covey.collections import yaml_files
    from covey.collections.users import NAME, collection
    from covey.wiring import services

    catalog = services().catalog
    catalog.refresh()
    try:
        files = {source.path.stem: (doc, source.path) for doc, source in yaml_files.read(folder)}
    except yaml_files.FilesInvalid as invalid:
        return Pulled(faults=str(invalid).splitlines())
    pulled = Pulled()
    names = set()
    for one in catalog.all():
        names.add(one.name)
        written, path = files.get(one.name, (None, folder / f"{one.name}.yaml"))
        if written is None and one.name == NAME and one == collection():
            continue
        text = _new(one) if written is None else _merged(one, written, path)
        if text is None:
            continue
        (pulled.added if written is None else pulled.changed).append(path.name)
        if not check:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    pulled.extra.extend(sorted(path.name for n, (_, path) in files.items() if n not in names))
    return pulled


def _wanted(collection: Collection) -> dict[str, Any]:
    from covey.collections.document import dump

    return dump(collection)


def _meaning(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says, in the words of the catalog; as it is written where it is not valid."""
    from covey.collections.document import dump, load
    from covey.errors import Invalid

    try:
        return dump(load(document))
    except Invalid:
        return dict(document)


def _merged(collection: Collection, written: dict[str, Any], path: Path) -> str | None:
    """The text of a file with what differs changed; None where nothing does."""
    wanted, meant = _wanted(collection), _meaning(written)
    if _plain(wanted) == _plain(meant):
        return None
    yaml = _yaml()
    tree = yaml.load(path.read_text(encoding="utf-8"))
    _take_back(tree, wanted)
    _bring(tree, wanted, meant, depth=0)
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue()


def _take_back(tree: Any, wanted: Mapping[str, Any]) -> None:
    """Drop the short words of fields, `hidden` and `unique`, that are no longer true."""
    claims = wanted.get("unique", [])
    for name, said in (tree.get("fields") or {}).items():
        if said.get("hidden") and wanted["fields"].get(name, {}).get("read") != "false":
            del said["hidden"]
        if said.get("unique") and [name] not in claims:
            del said["unique"]


def _bring(tree: Any, wanted: Mapping[str, Any], meant: Mapping[str, Any], depth: int) -> None:
    """Change a mapping in place, and nothing in it that means what is wanted."""
    for key in [key for key in tree if key not in wanted]:
        if key in meant or key == "was":
            del tree[key]
    for key, value in wanted.items():
        if key in meant and _plain(meant[key]) == _plain(value):
            continue
        before = tree.get(key)
        both = isinstance(before, dict) and isinstance(value, Mapping)
        if both and isinstance(meant.get(key), Mapping):
            _bring(before, value, meant[key], depth + 1)
        elif isinstance(before, list) and isinstance(value, list):
            _bring_list(before, value)
        else:
            tree[key] = _styled(value, depth + 1, key)


def _bring_list(before: list[Any], wanted: list[Any]) -> None:
    """Keep the items that stay, with their comments where the order is the same."""
    plain = [_plain(item) for item in wanted]
    for position in reversed(range(len(before))):
        if _plain(before[position]) not in plain:
            del before[position]
    if [_plain(item) for item in before] != plain[: len(before)]:
        before[:] = [_styled(item, 2) for item in wanted]
    before.extend(_styled(item, 2) for item in wanted[len(before) :])


def _new(collection: Collection) -> str:
    """The text of a new file, as one would write it by hand."""
    yaml = _yaml()
    out = io.StringIO()
    yaml.dump(_styled(_wanted(collection), 0), out)
    return out.getvalue()


def _styled(value: Any, depth: int, key: str = "") -> Any:
    """A value as it is to look: blocks down to the parts of a collection, lines below."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        mapping = CommentedMap(
            (name, _styled(part, depth + 1, name)) for name, part in value.items()
        )
        if depth > 0 and not (depth == 1 and key in _BLOCKS) and len(str(_plain(value))) < WIDTH:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list | tuple):
        items = CommentedSeq(_styled(part, depth + 1) for part in value)
        if not (depth == 1 and key in _LISTS):
            items.fa.set_flow_style()
        return items
    return value


def _plain(value: Any) -> Any:
    """Values to compare: a field's order means nothing, a number's form neither."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value if value is None or isinstance(value, bool) else str(value)
    return Decimal(str(value)).normalize()


def _yaml() -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(Decimal, _decimal)
    return yaml


def _decimal(representer: Any, value: Decimal) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:float", str(value))
