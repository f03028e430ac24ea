"""The reference names every type, option and code that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covey.collections.field_document import known_keys
from covey.collections.yaml_files import load_folder
from covey.fields import REGISTRY

ROOT = Path(__file__).parents[4]
REFERENCE = (ROOT / "docs/reference/fields.md").read_text(encoding="utf-8")
SOURCES = ROOT / "layers/core/python/covey/fields"


def section(name: str) -> str:
    return REFERENCE.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


@pytest.mark.parametrize("name", REGISTRY)
def test_every_option_of_a_type_is_described_in_its_section(name: str) -> None:
    assert section(name)
    for option in REGISTRY[name].options:
        assert f"`{option}`" in section(name)


def test_every_key_of_a_field_is_described() -> None:
    for kind in REGISTRY.values():
        for key in known_keys(kind, many=kind.scalar):
            assert f"`{key}`" in REFERENCE
    assert "`expires: true`" in section("datetime")


def test_every_code_is_described() -> None:
    codes: set[str] = set()
    for path in SOURCES.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        codes |= set(re.findall(r'FieldFault\(\s*"(\w+)"', text))
        codes |= set(re.findall(r'_add\([^"]*?"(\w+)", f?"', text))
    assert {"required", "unknown_field", "read_only", "too_large", "invalid_url"} <= codes
    assert {code for code in codes if f"`{code}`" not in REFERENCE} == set()


def test_the_guide_s_examples_load(tmp_path: Path) -> None:
    guide = (ROOT / "docs/guide/collections.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    whole = [block for block in blocks if re.search(r"^name: ", block, re.MULTILINE)]
    for block in whole:
        found = re.search(r"^name: (\w+)", block, re.MULTILINE)
        assert found
        (tmp_path / f"{found[1]}.yaml").write_text(block, encoding="utf-8")
    assert set(load_folder(tmp_path)) == {"posts", "users"}
