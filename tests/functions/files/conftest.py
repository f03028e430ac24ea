from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from covey.collections.document import load
from covey.config import settings
from covey.wiring import services
from tests.functions.files.house import PROFILES, SECRET, Files


@pytest.fixture
def files(api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("FILES_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("FILES_BUCKET", "files")
    monkeypatch.setenv("FILES_SECRET", SECRET)
    settings.cache_clear()
    services.cache_clear()
    services().catalog.save(load(PROFILES))
    yield Files(api, tmp_path)
    settings.cache_clear()
