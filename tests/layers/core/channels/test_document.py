"""Channels as documents: what is taken, what is refused and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.channels.document import dump, load, restore
from covey.channels.model import MAX_ADDRESS, Channel, room_of
from covey.channels.yaml_files import load_folder
from covey.collections.yaml_files import FilesInvalid
from covey.errors import Invalid
from covey.expressions import Type

MEMBERS = {"id": Type.TEXT, "active": Type.BOOL, "since": Type.TIMESTAMP}
ROOMS = {
    "name": "rooms/{room}",
    "description": "A room of the chat.",
    "rules": {
        "subscribe": 'record("members", room + ":" + auth.id).active',
        "publish": "auth != null",
    },
    "message": {"schema": {"type": "object", "required": ["text"]}, "max": 4_000},
}


def far(name: str) -> Mapping[str, Type]:
    return {"members": MEMBERS}[name]


def faults(document: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        load(document, far)
    assert caught.value.code == "invalid_channel"
    return {error.field: error.message for error in caught.value.errors}


def test_a_document_says_the_same_after_it_was_read_and_kept() -> None:
    channel = load(ROOMS, far)
    assert (channel.name, channel.parameters, channel.version) == ("rooms", ("room",), 1)
    assert dump(channel) == ROOMS
    assert restore(dump(channel), 1) == channel
    assert load(dump(channel), far, previous=channel) == channel
    other = load({**ROOMS, "description": "Another."}, far, previous=channel)
    assert other.version == 2


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": None}, "name", "must be given"),
        ({"name": 7}, "name", "must be given"),
        ({"name": "{room}"}, "name", "must begin with a name"),
        ({"name": "Rooms/{room}"}, "name", "must begin with a name"),
        ({"name": "rooms//{room}"}, "name", "neither a word"),
        ({"name": "rooms/{room}x"}, "name", "neither a word"),
        ({"name": "rooms/{}"}, "name", "no name"),
        ({"name": "rooms/{auth}"}, "name", "a meaning in rules"),
        ({"name": "rooms/{a}/{a}"}, "name", "twice"),
        ({"name": "rooms/a/b/c/d/e"}, "name", "at most 5"),
        ({"rule": {}}, "rule", "did you mean"),
        ({"rules": []}, "rules", "must be rules"),
        ({"rules": {"listen": "true"}}, "rules.listen", "is not known"),
        ({"rules": {"subscribe": "romm == 'x'"}}, "rules.subscribe", "did you mean room"),
        ({"rules": {"subscribe": "room"}}, "rules.subscribe", "bool is needed"),
        ({"rules": {"subscribe": "title == 'x'"}}, "rules.subscribe", "no title"),
        ({"rules": {"publish": "record('teams', room).open"}}, "rules.publish", "no collection"),
        ({"rules": {"publish": "record('members', room).on"}}, "rules.publish", "in members"),
        ({"rules": {"publish": "1 == 2"}}, "rules.publish", "can never hold"),
        (
            {"rules": {"publish": "record('members', room).since > '2026-01-01'"}},
            "rules.publish",
            "of which type",
        ),
        ({"message": {"max": 0}}, "message.max", "an integer from 1"),
        ({"message": {"max": True}}, "message.max", "an integer from 1"),
        ({"message": {"max": 10**9}}, "message.max", "an integer from 1"),
        ({"message": {"schema": "text"}}, "message.schema", "must be a JSON Schema"),
        ({"message": {"schema": {"$ref": "http://x.example"}}}, "message.schema", "cannot follow"),
        ({"message": {"size": 1}}, "message.size", "is not known"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_place(
    change: dict[str, Any], field: str, message: str
) -> None:
    told = faults({**ROOMS, **change})
    assert message in told[field]


def test_a_kept_channel_that_is_not_taken_any_more_is_closed_and_can_be_mended() -> None:
    closed = restore({**ROOMS, "rules": {"subscribe": "("}}, 3)
    assert (closed.name, closed.rules, closed.version) == ("rooms", {}, 3)
    assert load(ROOMS, far, previous=closed).version == 4


@pytest.mark.parametrize("page", ["docs/guide/channels.md", "examples/chat/channels/rooms.yaml"])
def test_the_guides_examples_are_taken(page: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / page).read_text("utf-8")
    if page.endswith(".md"):
        text = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "rooms.yaml").write_text(text)
    loaded = load_folder(tmp_path, lambda name: {"active": Type.BOOL, "role": Type.TEXT})
    assert set(loaded["rooms"].rules) == {"subscribe", "publish", "presence"}


def test_a_rule_that_nobody_passes_may_be_said() -> None:
    channel = load({**ROOMS, "rules": {"publish": False}}, far)
    assert channel.rules["publish"].text == "false"


def test_files_are_called_as_their_channels_and_faults_have_lines(tmp_path: Path) -> None:
    (tmp_path / "rooms.yaml").write_text("name: rooms/{room}\nrules:\n  subscribe: auth != null\n")
    assert set(load_folder(tmp_path, far)) == {"rooms"}
    (tmp_path / "halls.yaml").write_text("name: rooms/{room}\n")
    with pytest.raises(FilesInvalid, match=r"channels/halls.yaml:1: name: must be the name"):
        load_folder(tmp_path, far)
    (tmp_path / "halls.yaml").write_text("name: halls/{hall}\nrules:\n  publish: hal == '1'\n")
    with pytest.raises(FilesInvalid, match=r"channels/halls.yaml:3: rules.publish: is no rule"):
        load_folder(tmp_path, far)


@pytest.mark.parametrize(
    ("path", "address", "values"),
    [
        ("rooms/{room}", "rooms/42", {"room": "42"}),
        ("rooms/{room}", "rooms/a b:é", {"room": "a b:é"}),
        ("rooms/{room}", "rooms", None),
        ("rooms/{room}", "rooms/", None),
        ("rooms/{room}", "rooms/1/2", None),
        ("rooms/{room}", "rooms/a\nb", None),
        ("rooms/{room}", "rooms/\ud800", None),
        ("rooms/{room}", "rooms/" + "x" * 257, None),
        ("rooms/{room}", "Rooms/42", None),
        ("lobby", "lobby", {}),
        ("teams/{team}/rooms/{room}", "teams/a/rooms/b", {"team": "a", "room": "b"}),
        ("teams/{team}/rooms/{room}", "teams/a/halls/b", None),
    ],
)
def test_an_address_is_of_a_channel_or_not(
    path: str, address: str, values: dict[str, str] | None
) -> None:
    found = room_of(load({"name": path}), address)
    assert (None if found is None else found.values) == values


@given(address=st.text(max_size=600))
def test_every_address_that_is_taken_fits_a_key(address: str) -> None:
    found = room_of(Channel("a", ("{a}", "{b}")), address)
    if found is not None:
        assert len(address.encode()) <= MAX_ADDRESS
        assert "/".join(found.values.values()) == address
