from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.collections.model import Collection
from covey.errors import NotFound
from covey.records.ids import IdMaker, created_of
from covey.records.model import Change, ChangeKind, Record
from covey.store import keys
from covey.store.layout import layout_of
from covey.store.stream import change_from_stream
from tests.layers.core.store.samples import collection

POSTS = collection("author, -created")
ID = IdMaker().make()
FIRST = Record(ID, created_of(ID), 5, 1, {"title": "a", "extra": [1, None]})
SECOND = replace(FIRST, version=2, updated=6, values={"title": "b"})


class Posts:
    def get(self, name: str) -> Collection:
        if name != "posts":
            raise NotFound("collection")
        return POSTS


def image(before: Record | None, after: Record | None) -> dict[str, Any]:
    pk, sk = keys.record(POSTS, ID)
    data: dict[str, Any] = {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": "7"}
    if before is not None:
        data["OldImage"] = layout_of(POSTS).item(before)
    if after is not None:
        data["NewImage"] = layout_of(POSTS).item(after)
    return {"eventID": "1", "dynamodb": data}


@pytest.mark.parametrize(
    ("before", "after", "kind", "version"),
    [
        (None, FIRST, ChangeKind.CREATED, 1),
        (FIRST, SECOND, ChangeKind.UPDATED, 2),
        (SECOND, None, ChangeKind.DELETED, 2),
    ],
)
def test_images_tell_what_was_written(
    before: Record | None, after: Record | None, kind: ChangeKind, version: int
) -> None:
    change = change_from_stream(image(before, after), Posts())
    assert change == Change("posts", ID, version, kind, before, after, "7")


@pytest.mark.parametrize("pk", ["!catalog", "!session.a.b", "!once.x", "gone.0", "nodot"])
def test_what_is_no_record_is_no_change(pk: str) -> None:
    data = image(None, FIRST)
    data["dynamodb"]["Keys"]["pk"] = {"S": pk}
    assert change_from_stream(data, Posts()) is None


def test_a_write_that_moves_no_version_is_no_change() -> None:
    assert change_from_stream(image(FIRST, FIRST), Posts()) is None
    assert change_from_stream(image(None, None), Posts()) is None
