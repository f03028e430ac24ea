"""The examples of docs/guide/hooks.md, tried in their order as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from covey.collections.yaml_files import load_folder
from covey.hooks import Refused
from covey.hooks.declaring import DECLARED, After, Before
from covey.hooks.telling import wanted_by
from covey.records.model import Change, ChangeKind, Record
from covey.wiring import services

ROOT = Path(__file__).resolve().parents[4]
GUIDE = ROOT / "docs" / "guide" / "hooks.md"


class Declared:
    """The hooks of the guide."""

    def before(self, collection: str, action: str) -> list[Before]:
        found = [hook for hook in DECLARED if isinstance(hook, Before)]
        return [hook for hook in found if hook.meets(collection, action)]


def test_the_guide_is_right(table: str) -> None:
    services.cache_clear()
    for collection in load_folder(ROOT / "collections").values():
        services().catalog.save(collection)
    services().__dict__["hooks"] = Declared()
    kept, DECLARED[:] = list(DECLARED), []
    try:
        blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
        names: dict[str, Any] = {"__name__": "team.hooks"}
        for block in blocks:
            exec(compile(block, str(GUIDE), "exec"), names)
        posts = names["records"]("posts").as_function()
        made = posts.create({"title": "  News "})
        assert made["title"] == "News"
        with pytest.raises(Refused, match="title is not wanted here"):
            posts.update(made["id"], {"title": "A casino"})
        posts.delete(made["id"])
        (announce,) = [hook for hook in DECLARED if isinstance(hook, After)]
        wanted = wanted_by(announce)
        draft = Record("p1", 1, 1, 1, {"title": "a", "published": False})
        shown = Record("p1", 1, 2, 2, {"title": "a", "published": True})
        there = services().catalog.get("posts")
        updated = Change("posts", "p1", 2, ChangeKind.UPDATED, draft, shown, "2")
        assert wanted.meets(there, updated)
        again = Change("posts", "p1", 3, ChangeKind.UPDATED, shown, shown, "3")
        assert not wanted.meets(there, again)
    finally:
        DECLARED[:] = kept
        services.cache_clear()
