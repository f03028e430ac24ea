from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from covey.collections.yaml_files import FilesInvalid, load_folder, read
from covey.errors import Invalid

POSTS = """\
# What people write.
name: posts
fields:
  title: {type: text, required: true, max: 200}
  state:
    type: choice
    choices: [yes, no, "on"]
    default: no
  price: {type: number, default: 0.10}
  day: {type: date, default: 2026-01-31}
rules:
  read: "true"
  create: auth != null
  update: title == 'x' &&
    auth != null
indexes:
  - [state, -created]
"""


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.yaml").write_bytes(data)
    return folder


def faults(folder: Path) -> list[str]:
    with pytest.raises(FilesInvalid) as caught:
        load_folder(folder)
    assert isinstance(caught.value, Invalid)
    return str(caught.value).splitlines()


def test_a_folder_of_files_becomes_collections(tmp_path: Path) -> None:
    write(tmp_path, posts=POSTS, users="name: users\nfields: {nick: {type: text}}\n")
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / ".hidden.yaml").write_text("[")
    loaded = load_folder(tmp_path)
    assert set(loaded) == {"posts", "users"}
    assert "nick" in loaded["users"].fields and "email" in loaded["users"].fields
    assert loaded["posts"].rules.update is not None


def test_scalars_are_read_exactly_and_only_true_and_false_are_bools(tmp_path: Path) -> None:
    ((document, source),) = read(write(tmp_path, posts=POSTS))
    fields: Any = document["fields"]
    assert fields["state"]["choices"] == ["yes", "no", "on"]
    assert fields["price"]["default"] == Decimal("0.10")
    assert fields["day"]["default"] == "2026-01-31"
    assert fields["title"]["required"] is True
    assert fields["title"]["max"] == 200
    assert source.line("fields.state.default") == 8
    assert source.line("fields.state.nothing.at.all") == 5


def test_no_folder_is_no_collections_but_users(tmp_path: Path) -> None:
    assert read(tmp_path / "missing") == []
    assert set(load_folder(tmp_path / "missing")) == {"users"}


def test_every_fault_of_every_file_names_its_line(tmp_path: Path) -> None:
    posts = POSTS.replace("max: 200", "mxa: 200").replace("auth != null\n", "atuh != null\n", 1)
    write(
        tmp_path,
        posts=posts,
        notes="name: notes\nfields:\n  about:\n    type: text\n    max: many\n",
        users="name: users\nfields:\n  email:\n    type: text\n",
    )
    found = faults(tmp_path)
    assert found[0] == "notes.yaml:5: fields.about.max: must be an integer"
    assert found[1].startswith("posts.yaml:4: fields.title.mxa: is not known here - did you mean")
    assert found[2].startswith("posts.yaml:13: rules.create: is no rule: ")
    assert found[3].startswith("users.yaml:4: fields.email.type: is built in")
    assert len(found) == 4


def test_a_relation_to_nothing_names_its_line(tmp_path: Path) -> None:
    text = "name: notes\nfields:\n  about: {type: relation,\n    to: thing}\n"
    assert faults(write(tmp_path, notes=text)) == [
        "notes.yaml:4: fields.about.to: names no collection: thing"
    ]


UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "a key twice": (
        "name: a\nfields:\n  b: {type: text}\n  b: {type: bool}\n",
        "a.yaml:4: fields.b: is written twice, first on line 3",
    ),
    "a key twice in one line": (
        "name: a\nfields: {b: {type: text, type: bool}}\n",
        "a.yaml:2: fields.b.type: is written twice, first on line 2",
    ),
    "bad indentation": ("name: a\n fields: {}\n", "a.yaml:2: is not YAML: "),
    "an open bracket": ("name: a\nfields: {\n", "a.yaml:3: is not YAML: "),
    "a tab": ("name: a\nfields:\n\tb: 1\n", "a.yaml:3: is not YAML: "),
    "an alias": ("name: a\nx: &x [1]\ny: *x\n", "a.yaml:3: is not YAML: aliases are not taken"),
    "a tag": ("name: a\nx: !!python/object:os.system 1\n", "a.yaml:2: x: has a tag"),
    "a number by tag": ("name: a\nx: !!int '1'\n", "a.yaml:2: x: has a tag"),
    "two documents": ("name: a\n---\nname: b\n", "a.yaml:2: is not YAML: "),
    "a list": ("- name: a\n", "a.yaml:1: must be a mapping"),
    "nothing": ("", "a.yaml:1: must be a mapping"),
    "a list as key": ("name: a\n? [b]\n: c\n", "a.yaml:2: has a key that is not a name"),
    "deep nesting": ("name: a\nx: " + "[" * 500, "a.yaml:2: is not YAML: it nests too deep"),
    "another encoding": (b"name: a\nx: \xff\n", "a.yaml:2: is not UTF-8"),
    "a control character": ("name: a\nx: \x07\n", "a.yaml:2: holds a character"),
    "a large file": ("name: a\n" + "# x\n" * 300_000, "a.yaml:1: is larger than"),
    "another name": ("fields: {}\nname: b\n", "a.yaml:2: name: must be the name of the file: a"),
    "no name": ("fields: {}\n", "a.yaml:1: name: must be given: a"),
    "a merge key": ("name: a\n<<: {x: 1}\n", "a.yaml:2: <<: is not known here"),
}


@pytest.mark.parametrize(("text", "wanted"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_collection_says_where(tmp_path: Path, text: str | bytes, wanted: str) -> None:
    found = faults(write(tmp_path, a=text))
    assert len(found) == 1
    assert found[0].startswith(wanted)


def test_faults_of_several_unreadable_files_are_told_together(tmp_path: Path) -> None:
    assert len(faults(write(tmp_path, a="[", b="- 1"))) == 2


def test_the_same_collection_in_two_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, a="name: a\n")
    (tmp_path / "a.yml").write_text("name: a\n")
    assert [line.partition(": ")[2] for line in faults(tmp_path)] == ["is there twice"]
