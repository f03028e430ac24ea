"""One batch through all consumers, each for itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from covey.collections.model import Collection
from covey.errors import NotFound
from covey.pipeline.run import Pipeline, PipelineFailedError
from covey.records.model import Change, ChangeKind

COLLECTIONS = {name: Collection(name, {}) for name in ("posts", "notes")}


class Catalog:
    def get(self, name: str) -> Collection:
        if name not in COLLECTIONS:
            raise NotFound("No such collection.")
        return COLLECTIONS[name]


class Kept:
    """A consumer that cannot take some ids."""

    def __init__(self, name: str, wanted: str = "posts notes", poison: str = "") -> None:
        self.name = name
        self.applied: list[str] = []
        self._wanted = wanted.split()
        self._poison = poison

    def wants(self, collection: Collection) -> bool:
        return collection.name in self._wanted

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        if self._poison in [change.id for change in changes]:
            raise ValueError("poison")
        self.applied += [f"{collection.name}/{change.id}" for change in changes]


def changes(*names: str) -> list[Change]:
    made = []
    for sequence, name in enumerate(names):
        collection, _, record = name.partition("/")
        made.append(Change(collection, record, 1, ChangeKind.CREATED, None, None, str(sequence)))
    return made


def test_each_consumer_gets_what_it_wants_in_order() -> None:
    both, one = Kept("both"), Kept("one", wanted="notes")
    Pipeline(Catalog(), [both, one]).apply(changes("posts/a", "notes/b", "posts/c", "posts/a"))
    assert both.applied == ["posts/a", "posts/c", "posts/a", "notes/b"]
    assert one.applied == ["notes/b"]


def test_a_consumer_that_fails_holds_up_no_other_and_is_named() -> None:
    first, broken, last = Kept("first"), Kept("broken", poison="b"), Kept("last")
    pipeline = Pipeline(Catalog(), [first, broken, last])
    with pytest.raises(PipelineFailedError) as raised:
        pipeline.apply(changes("posts/a", "posts/b", "notes/c"))
    assert raised.value.failed == ("broken of posts",)
    assert first.applied == last.applied == ["posts/a", "posts/b", "notes/c"]
    assert broken.applied == ["notes/c"]


def test_changes_of_a_collection_that_is_gone_mean_nothing() -> None:
    kept = Kept("kept")
    Pipeline(Catalog(), [kept]).apply(changes("gone/a", "posts/b"))
    assert kept.applied == ["posts/b"]


def test_a_quiet_pipeline_is_no_failure() -> None:
    Pipeline(Catalog(), []).apply(changes("posts/a"))
    Pipeline(Catalog(), [Kept("kept")]).apply([])
