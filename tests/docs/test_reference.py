"""Promises of the reference: every code and every setting is in it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from covey import errors
from covey.config import Settings
from covey.version import VERSION
from infra.gateway import refusals

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "layers/core/python/covey", ROOT / "functions"]
CODE = re.compile(r"[a-z][a-z0-9_]*")
# Where the code stands in calls that do not name it: FieldError(field, code, message), …
POSITIONS = {
    "FieldError": 1,
    "FieldFault": 0,
    "_Fault": 1,
    "add": 1,
    "fault": 1,
    "_refusal": 0,
    "Refused": 0,
}


def documented() -> set[str]:
    """Codes in the first column of the tables of errors.md."""
    text = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([a-z0-9_]+)`", row)}


def raised() -> dict[str, str]:
    """Codes that the source can answer, and where."""
    found = {kind.default_code: kind.__name__ for kind in family(errors.CoveyError)}
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            if "testing" not in path.parts:
                for code, line in codes(path):
                    found[code] = f"{path.relative_to(ROOT)}:{line}"
    kinds = [kind for kind in vars(refusals).values() if isinstance(kind, refusals.Kind)]
    return found | {kind.code: kind.name for kind in kinds}


def family(kind: type[errors.CoveyError]) -> Iterator[type[errors.CoveyError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def codes(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        said = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        position = POSITIONS.get(name)
        if position is not None and len(node.args) > position:
            said.append(node.args[position])
        for part in said:
            for leaf in ast.walk(part):
                whole = isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                if whole and CODE.fullmatch(str(leaf.value)) and "_" in str(leaf.value):
                    yield str(leaf.value), node.lineno


def test_every_code_that_is_raised_is_documented() -> None:
    known = documented()
    missing = {code: where for code, where in raised().items() if code not in known}
    missing.pop("invalid_", None)  # the beginning of invalid_sort and its kind
    assert not missing


def test_no_code_is_documented_that_the_source_does_not_hold() -> None:
    text = "".join(
        path.read_text("utf-8")
        for folder in [
            *(*SOURCES, ROOT / "layers/images/python"),
            *(ROOT / "infra/gateway", ROOT / "template.yaml"),
        ]
        for path in ([folder] if folder.is_file() else folder.rglob("*.py"))
    )
    made = {
        f"invalid_{name}"
        for name in (
            *("fields", "expand", "filter", "sort", "limit", "explain", "count"),
            *("highlight", "mode", "q"),
        )
    }
    assert {code for code in documented() if f'"{code}"' not in text} <= made


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? *\|", text, re.MULTILINE))
    for setting in fields(Settings):
        assert rows.get(setting.name.upper()) == str(setting.default)


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == VERSION
