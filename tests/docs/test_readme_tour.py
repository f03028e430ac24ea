"""The README's tour, pasted line by line into bash, gives what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli.own_gateway import OwnGateway

ROOT = Path(__file__).resolve().parents[2]
STEP = re.compile(r"^```bash\n(.*?)^```\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARK = "-- the step ends here --"

pytestmark = pytest.mark.slow


def steps() -> list[tuple[str, str]]:
    """The tour's commands, each with what it says they print."""
    readme = (ROOT / "README.md").read_text("utf-8")
    return [(found[1], found[2]) for found in STEP.finditer(readme)]


def as_pattern(said: str) -> str:
    """What is said, where … stands for anything."""
    return ".*?".join(re.escape(part) for part in said.strip().split("…"))


def test_the_tour_shows_each_part():
    said = "".join(command for command, _ in steps())
    for part in ("sign-up", "filter=", "expand=", "explain=", "If-Match", "/realtime", "/import"):
        assert part in said
    assert len(steps()) == (ROOT / "README.md").read_text("utf-8").count("```bash")


@pytest.mark.skipif(not shutil.which("curl"), reason="the tour is of curl")
def test_the_tour_gives_what_it_says(tmp_path):
    with OwnGateway(ROOT / "collections", tmp_path / "data") as gateway:
        pasted = "".join(f"{command}echo '{MARK}'\n" for command, _ in steps())
        bash = subprocess.run(
            ["bash"],
            input=pasted.replace(".venv/bin/python", sys.executable),
            capture_output=True,
            text=True,
            timeout=100,
            cwd=tmp_path,
            env={**os.environ, "URL": gateway.url},
            check=True,
        )
    printed = bash.stdout.replace("\r", "").split(f"{MARK}\n")
    assert not bash.stderr
    other = [
        f"{command}→\n{got}"
        for (command, said), got in zip(steps(), printed, strict=False)
        if not re.fullmatch(as_pattern(said), got.strip(), re.DOTALL)
    ]
    assert not other, "\n".join(other)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]  # it cleans up
