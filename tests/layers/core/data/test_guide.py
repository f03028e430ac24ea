"""The examples of docs/guide/python.md, tried in their order as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from covey.collections.yaml_files import load_folder
from covey.wiring import services
from tests.layers.core.data.conftest import new_user

ROOT = Path(__file__).resolve().parents[4]
GUIDE = ROOT / "docs" / "guide" / "python.md"


def test_the_guide_is_right(table: str) -> None:
    services.cache_clear()
    for collection in load_folder(ROOT / "collections").values():
        services().catalog.save(collection)
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    names: dict[str, Any] = {"anna": new_user("anna")}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    services.cache_clear()
