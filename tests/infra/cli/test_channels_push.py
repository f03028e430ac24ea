"""`covey push` and `covey diff` of channels, in a folder beside the collections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from covey.wiring import services
from infra.cli.command import main

NOTES = "name: notes\nfields:\n  kind: {type: text}\n"
ROOMS = "name: rooms/{room}\nrules:\n  subscribe: record('notes', room).kind == 'open'\n"


class House:
    def __init__(self, root: Path) -> None:
        self.collections, self.channels = root / "collections", root / "channels"
        self.collections.mkdir()
        self.channels.mkdir()
        (self.collections / "notes.yaml").write_text(NOTES)

    def declare(self, document: str) -> None:
        (self.channels / "rooms.yaml").write_text(document)

    def ask(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--collections", str(self.collections)])


@pytest.fixture
def house(table: str, tmp_path: Path) -> Iterator[House]:
    services.cache_clear()
    yield House(tmp_path)
    services.cache_clear()


def test_channels_are_pushed_with_the_collections_that_they_read(house: House) -> None:
    house.declare(ROOMS)
    diff = house.ask("diff")
    assert "would add channel rooms" in diff.output, diff.output
    assert services().channels.current("rooms") is None
    pushed = house.ask("push")
    assert "add channel rooms" in pushed.output, pushed.output
    assert "Nothing to change" in house.ask("push").output
    house.declare(ROOMS + "  publish: auth != null\n")
    assert "change channel rooms" in house.ask("push").output
    found = services().channels.current("rooms")
    assert found is not None
    assert (found.version, set(found.rules)) == (2, {"subscribe", "publish"})


def test_a_faulty_channel_is_told_with_its_line_and_nothing_is_pushed(house: House) -> None:
    house.declare(ROOMS.replace("kind", "kimd"))
    answer = house.ask("push")
    assert answer.exit_code == 1
    assert "channels/rooms.yaml:3: rules.subscribe: is no rule" in answer.output
    assert services().channels.current("rooms") is None
    services().catalog.refresh()
    assert [one.name for one in services().catalog.all()] == ["users"]


def test_a_channel_without_a_file_stays(house: House) -> None:
    house.declare(ROOMS)
    house.ask("push")
    (house.channels / "rooms.yaml").unlink()
    assert "Nothing to change" in house.ask("push").output
    assert services().channels.current("rooms") is not None
