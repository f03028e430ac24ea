"""Collections as Python's types: whatever they are called, the module is right and the same."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from mypy import api

from covey.collections.document import load
from infra.cli.command import main
from infra.cli.python_types.module import module

ROOT = Path(__file__).resolve().parents[4]
GATES = {
    "name": "gates",
    "ids": "custom",
    "description": 'Where "planes" stand.\nAt \\ the airport. """',
    "fields": {
        "code": {"type": "text", "required": True, "description": "What the sign says."},
        "kind": {"type": "choice", "choices": ["pier", 'a "b"', "c\\d"], "required": True},
        "width": {"type": "number"},
        "opens": {"type": "datetime"},
        "since": {"type": "date"},
        "place": {"type": "geo"},
        "photos": {"type": "url", "list": True},
        "extra": {"type": "json"},
        "secret": {"type": "text", "required": True, "read": "false"},
        "state": {"type": "choice", "choices": ["open"], "required": True, "default": "open"},
    },
}
AWKWARD = {
    "name": "classes",
    "description": "Names that no class body takes.",
    "fields": {
        "class": {"type": "text", "required": True, "description": "A keyword."},
        "str": {"type": "integer"},
        "list": {"type": "text", "list": True},
    },
}
USE = """
import asyncio
import datetime
from decimal import Decimal

from generated import Gate, GatePatch, GateValues, records

gates = records("gates").as_("guest")
gate = gates.get("A1")
code: str = gate["code"]
width: int | Decimal | None = gate.get("width")
opens: str | None = gate.get("opens")
values: GateValues = {"id": "A2", "code": "A2", "kind": "pier", "secret": "x", "width": 1.5}
values["opens"] = datetime.datetime.now(datetime.UTC)
made: Gate = gates.create(values)
patch: GatePatch = {"width": {"$inc": 2}, "photos": {"$append": ["https://a.example"]}}
made = gates.update("A2", patch)
made = gates.update("A2", {"place": {"lat": 1, "lon": 2.5}, "extra": {"x": [1]}, "opens": None})
names: list[str] = [one["code"] for one in gates.list(filter="width > 1")]


async def all_at_once() -> list[Gate]:
    return list(await asyncio.gather(*(gates.aio.get(one) for one in names)))


odd = records("classes").as_function().get("x")
word: str = odd["class"]
"""
WRONG = {
    'gates.create({"id": "A", "code": "A", "kind": "dock", "secret": "x"})': "typeddict-item",
    'gates.create({"id": "A", "code": "A", "kind": "pier"})': "typeddict-item",
    'gates.update("A", {"colour": "red"})': "typeddict-unknown-key",
    'gates.update("A", {"code": None})': "typeddict-item",
    'gates.update("A", {"width": {"$dec": 1}})': "dict-item",
    'gate["width"].strip()': "union-attr",
    'records("gaets")': "call-overload",
    'records("gates").get("A")': "attr-defined",
    'records("gates").as_(None)': "arg-type",
}


def text(*documents: dict[str, Any]) -> str:
    return module([load(document) for document in documents])


def loaded(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "generated", "exec", dont_inherit=True), names)
    return names


def test_a_type_checker_takes_what_is_right_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "generated.py").write_text(text(GATES, AWKWARD))
    lines = [*USE.splitlines(), *WRONG]
    (tmp_path / "use.py").write_text("\n".join(lines))
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", ".mypy_cache"]
    said, _, _ = api.run([
        *options, "--follow-imports", "silent", "--hide-error-context", "--no-error-summary",
        str(tmp_path / "generated.py"), str(tmp_path / "use.py"),
    ])  # fmt: skip
    errors = [line for line in said.splitlines() if ": error: " in line]
    found = [(int(one.split(":")[1]), one.rsplit("[", 1)[1].rstrip("]")) for one in errors]
    first = len(lines) - len(WRONG) + 1
    assert list(dict.fromkeys(found)) == list(enumerate(WRONG.values(), first)), said


def test_what_a_record_has_is_told_from_what_it_may_lack() -> None:
    names = loaded(text(GATES))
    gate, values, patch = names["Gate"], names["GateValues"], names["GatePatch"]
    system = {"id", "created", "updated", "version"}
    assert gate.__required_keys__ == system | {"code", "kind", "state"}
    assert values.__required_keys__ == {"code", "kind", "secret"}
    assert values.__optional_keys__ >= {"id", "state", "width"}
    assert not patch.__required_keys__
    assert typing.get_type_hints(gate)["kind"] == typing.Literal["pier", 'a "b"', "c\\d"]
    assert "A record of `gates`." in gate.__doc__
    assert 'Where "planes" stand.' in gate.__doc__


def test_order_of_collections_changes_nothing_and_long_lines_are_broken() -> None:
    many = {"name": "m", "fields": {"c": {"type": "choice", "choices": [f"choice {n}" for n in
            range(40)]}}}  # fmt: skip
    one, other = text(GATES, AWKWARD, many), text(many, AWKWARD, GATES)
    assert one == other
    assert max(len(line) for line in one.splitlines() if "choice 1" in line) <= 100


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("posts",), ("Post",)),
        (("categories", "addresses", "boxes"), ("Category", "Address", "Box")),
        (("news", "status", "order_items"), ("News", "Status", "OrderItem")),
        (("post", "posts"), ("Post", "Posts")),
        (("post_patch", "posts"), ("PostPatch", "Posts")),
        (("a_b", "a__b", "a___b"), ("AB3", "AB2", "AB")),
        (("nones", "trues", "s", "any", "literals"), ("Nones", "Trues", "S", "Any", "Literal")),
    ],
)
def test_each_collection_has_a_name_of_its_own(
    names: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    made = loaded(text(*({"name": name} for name in names)))
    for name, wanted in zip(names, classes, strict=True):
        assert made[wanted].__doc__ == f"A record of `{name}`."


@given(st.text(max_size=300), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_no_description_or_choice_breaks_the_module(description: str, choice: str) -> None:
    document = {
        "name": "things",
        "description": description.encode("utf-8", "ignore").decode(),
        "fields": {"a": {"type": "choice", "choices": [choice], "required": True}},
    }
    try:
        collection = load(document)
    except Exception:  # noqa: BLE001 - no collection, no types
        return
    hints = typing.get_type_hints(loaded(module([collection]))["Thing"])
    assert hints["a"] == typing.Literal[choice]  # type: ignore[valid-type]


def test_the_command_prints_writes_and_compares(tmp_path: Path) -> None:
    folder, target = tmp_path / "collections", tmp_path / "data.py"
    folder.mkdir()
    (folder / "posts.yaml").write_text("name: posts\nfields: {title: {type: text}}\n")
    given = ["types", "--collections", str(folder)]
    printed = CliRunner().invoke(main, given)
    assert "class Post(_t.TypedDict)" in printed.output
    assert "class User(_t.TypedDict)" in printed.output
    stale = CliRunner().invoke(main, [*given, "-o", str(target), "--check"])
    assert (stale.exit_code, "not up to date" in stale.output) == (1, True)
    assert CliRunner().invoke(main, [*given, "-o", str(target)]).exit_code == 0
    assert target.read_text() == printed.output
    assert CliRunner().invoke(main, [*given, "-o", str(target), "--check"]).exit_code == 0
    (folder / "posts.yaml").write_text("name: posts\nfields: {title: {type: nothing}}\n")
    faulty = CliRunner().invoke(main, given)
    assert (faulty.exit_code, "posts.yaml:2" in faulty.output) == (1, True)


def test_the_running_catalog_is_written_too(
    table: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from covey.wiring import services

    services.cache_clear()
    services().catalog.save(load(GATES))
    done = CliRunner().invoke(main, ["types", "--catalog", "--endpoint", engine])
    assert "class Gate(_t.TypedDict)" in done.output
    services.cache_clear()
