"""`covey pull`: the files from the catalog, with their comments where nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from covey.collections import apply, dump
from covey.collections.yaml_files import load_folder
from covey.wiring import services
from infra.cli.command import main

POSTS = """\
# What people write.
name: posts

fields:
  title:     {type: text, required: true, max: 2e2}   # shown in lists
  body:      {type: text}
  # who wrote it
  author:
    type: relation
    to: users
    default: auth.id
  price: {type: number, min: 0.10}

rules:
  read: 'auth != null'
  write: null
indexes:
  - [author, -created]   # my posts
  - [title]
"""


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "posts.yaml"

    def ask(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--collections", str(self.folder)])

    def change(self, **parts: object) -> None:
        catalog = services().catalog
        document = dump(catalog.get("posts")) | parts
        planned = apply.plan(catalog, document)
        apply.apply(catalog, planned, is_empty=lambda _: True, builder=None, confirmed=True)


@pytest.fixture
def house(table: str, tmp_path: Path) -> Iterator[House]:
    services.cache_clear()
    made = House(tmp_path)
    made.file.write_text(POSTS.replace("  write: null\n", ""))
    assert made.ask("push").exit_code == 0
    yield made
    services.cache_clear()


def test_files_that_say_the_same_stay_as_they_are(house: House) -> None:
    before = house.file.read_bytes()
    answer = house.ask("pull", "--check")
    assert (answer.exit_code, answer.output) == (0, "The files say what the catalog says.\n")
    assert house.ask("pull").exit_code == 0
    assert house.file.read_bytes() == before
    assert [path.name for path in house.folder.iterdir()] == ["posts.yaml"]


def test_only_what_differs_is_written(house: House) -> None:
    fields = dump(services().catalog.get("posts"))["fields"]
    fields["body"] = {"type": "text", "max": 9}
    fields["state"] = {"type": "choice", "choices": ["no", "2"], "default": "no"}
    del fields["price"]
    house.change(fields=fields, indexes=[["author", "-created"], ["state", "-created"]])
    before = house.file.read_text()
    answer = house.ask("pull", "--check")
    assert (answer.exit_code, answer.output) == (1, "would change posts.yaml\n")
    assert house.file.read_text() == before
    assert house.ask("pull").output == "change posts.yaml\n"
    text = house.file.read_text()
    for kept in (
        "# What people write.",
        "# shown in lists",
        "max: 2e2",
        "  # who wrote it\n  author:\n    type: relation\n",
        "read: 'auth != null'",
        "  - [author, -created]   # my posts",
    ):
        assert kept in text
    assert "state: {type: choice, choices: [no, '2'], default: no}" in text
    assert "price" not in text
    assert house.ask("pull", "--check").exit_code == 0
    assert house.ask("diff").output == "Nothing to change.\n"


def test_what_has_no_file_gets_one(house: House) -> None:
    house.file.unlink()
    assert house.ask("pull").output == "add posts.yaml\n"
    assert "  title: {type: text, required: true, max: 200}\n" in house.file.read_text()
    loaded = load_folder(house.folder, {"posts": services().catalog.get("posts")})
    assert loaded["posts"] == services().catalog.get("posts")


def test_what_the_catalog_does_not_have_is_named_and_kept(house: House) -> None:
    (house.folder / "tags.yaml").write_text("name: tags\n")
    answer = house.ask("pull")
    assert "tags.yaml describes a collection that the catalog does not have" in answer.output
    assert (house.folder / "tags.yaml").exists()


def test_a_file_that_is_no_yaml_is_told_and_nothing_is_written(house: House) -> None:
    house.file.write_text("name: [")
    answer = house.ask("pull")
    assert answer.exit_code == 1
    assert "posts.yaml:1" in answer.output
    assert house.file.read_text() == "name: ["


def test_short_words_stay_while_they_are_true(house: House) -> None:
    house.file.write_text(
        "name: posts\nfields:\n  pin: {type: text, hidden: true}\n"
        "  slug: {type: text, unique: true}\n"
    )
    assert house.ask("push", "--yes").exit_code == 0
    assert house.ask("pull", "--check").exit_code == 0
    fields = dump(services().catalog.get("posts"))["fields"]
    house.change(fields={**fields, "pin": {**fields["pin"], "max": 4}})
    assert house.ask("pull").exit_code == 0
    assert "pin: {type: text, hidden: true, max: 4}" in house.file.read_text()
    house.change(fields={**fields, "pin": {"type": "text", "read": "true"}}, unique=[])
    assert house.ask("pull").exit_code == 0
    text = house.file.read_text()
    assert "pin: {type: text, read: 'true'}" in text
    assert "slug: {type: text}" in text
    assert house.ask("pull", "--check").exit_code == 0
