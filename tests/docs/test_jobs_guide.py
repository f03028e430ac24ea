"""What docs/guide/jobs.md shows is as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import covey
from covey.schedules.document import KEYS, load
from covey.tasks.registry import Registry

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "jobs.md"
TEXT = GUIDE.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_its_tasks_and_schedules_can_be_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    registry.task("report")(lambda to: None)
    monkeypatch.setattr(covey, "task", registry.task, raising=False)
    monkeypatch.setattr(covey, "schedule", registry.schedule, raising=False)
    monkeypatch.setattr(covey, "enqueue", lambda task, **given: task, raising=False)
    for block in blocks("python"):
        exec(compile(block, str(GUIDE), "exec"), {})
    assert {"thumbnail", "morning-report", "tidy-up"} <= set(registry.tasks)
    for planned in registry.schedules.values():
        load(planned.document, lambda: registry)
    for block in blocks("yaml"):
        load(yaml.safe_load(block), lambda: registry)


def test_every_key_of_a_schedule_is_in_its_table() -> None:
    table = TEXT[TEXT.index("| key | meaning |") :]
    named = set(re.findall(r"`(\w+)`", table[: table.index("\n\n")]))
    assert set(KEYS) - {"name"} <= named
