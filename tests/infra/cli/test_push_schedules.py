"""`covey push` with schedules beside the collections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from covey.identity.principal import SYSTEM
from covey.tasks.registry import Registry
from covey.wiring import services
from infra.cli.command import main

NIGHTLY = """\
name: nightly
task: report
cron: 30 2 * * *
zone: Europe/Zurich
"""


class House:
    def __init__(self, root: Path) -> None:
        self.collections, self.folder = root / "collections", root / "schedules"
        self.collections.mkdir()
        self.folder.mkdir()

    def say(self, name: str, text: str) -> None:
        (self.folder / f"{name}.yaml").write_text(text)

    def ask(self, command: str) -> Result:
        return CliRunner().invoke(main, [command, "--collections", str(self.collections)])

    def there(self) -> dict[str, str]:
        return {one.name: one.source for one in services().schedules.all(SYSTEM)}


@pytest.fixture
def house(tmp_path: Path, table: str) -> Iterator[House]:
    services.cache_clear()
    registry = Registry()
    registry.task("report")(lambda: None)
    services().__dict__["task_registry"] = registry
    yield House(tmp_path)
    services.cache_clear()


def test_files_are_pushed_changed_and_removed_and_a_diff_says_so_first(house: House) -> None:
    house.say("nightly", NIGHTLY)
    assert "would add schedule nightly" in house.ask("diff").output
    assert house.there() == {}
    assert "add schedule nightly" in house.ask("push").output
    assert house.there() == {"nightly": "file"}
    assert "Nothing to change." in house.ask("push").output
    house.say("nightly", NIGHTLY + "overlap: queue\n")
    assert "change schedule nightly" in house.ask("push").output
    (house.folder / "nightly.yaml").unlink()
    assert "remove schedule nightly" in house.ask("push").output
    assert house.there() == {}


def test_what_somebody_paused_stays_so_unless_the_file_says_otherwise(house: House) -> None:
    house.say("nightly", NIGHTLY)
    house.ask("push")
    services().schedules.patch(SYSTEM, "nightly", {"enabled": False})
    house.say("nightly", NIGHTLY + "description: every night\n")
    house.ask("push")
    assert not services().schedules.get(SYSTEM, "nightly").enabled
    house.say("nightly", NIGHTLY + "enabled: true\n")
    house.ask("push")
    assert services().schedules.get(SYSTEM, "nightly").enabled


def test_a_schedule_of_the_api_is_taken_over_and_others_are_left(house: House) -> None:
    for name in ("nightly", "other"):
        services().schedules.put(SYSTEM, name, {"task": "report", "every": "1 hour"})
    house.say("nightly", NIGHTLY)
    house.ask("push")
    assert house.there() == {"nightly": "file", "other": "api"}


def test_every_fault_has_its_place_and_nothing_is_done(house: House) -> None:
    house.say("good", "name: good\ntask: report\nevery: 1 hour\n")
    house.say("bad", "name: bad\ntask: repotr\ncron: 61 * * * *\nzone: Mars\n")
    house.say("other", "name: another\ntask: report\nevery: 1 hour\n")
    found = house.ask("push")
    assert found.exit_code == 1
    for line in ("schedules/other.yaml:1: name: must be the name of the file",):
        assert line in found.output
    (house.folder / "other.yaml").unlink()
    found = house.ask("push").output
    assert "schedules/bad.yaml:2: task: is not registered - did you mean 'report'?" in found
    assert "schedules/bad.yaml:3: cron: '61' is no minute: there are 0 to 59" in found
    assert "schedules/bad.yaml:4: zone: is no time zone, such as Europe/Zurich" in found
    assert house.there() == {}
