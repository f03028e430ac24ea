"""The function over the table's stream, with the consumers of the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection
from covey.pipeline.run import Pipeline
from covey.records.model import Change
from covey.store.layout import layout_of
from covey.wiring import services
from functions.changes.apply import handler


class Kept:
    """A consumer that cannot take one title."""

    def __init__(self, name: str, poison: str = "") -> None:
        self.name = name
        self.seen: set[str] = set()
        self._poison = poison

    def wants(self, collection: Collection) -> bool:
        return True

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        titles = [change.after.values["title"] for change in changes if change.after]
        if self._poison in titles:
            raise ValueError("poison")
        self.seen.update(titles)


def created(api: Any, title: str, sequence: int) -> dict[str, Any]:
    """A post, and what the stream says of it."""
    made = api("POST", "/records/posts", body={"title": title}, token=api.token("ada")).json
    collection = services().catalog.get("posts")
    record = services().record_store.get(collection, made["id"], consistent=True)
    assert record is not None
    item = layout_of(collection).item(record)
    keys = {"pk": item["pk"], "sk": item["sk"]}
    return {"dynamodb": {"Keys": keys, "NewImage": item, "SequenceNumber": str(sequence)}}


def test_a_poison_change_is_handed_back_alone_and_the_others_applied_it(api: Any) -> None:
    sound, broken = Kept("sound"), Kept("broken", poison="b")
    services().__dict__["pipeline"] = Pipeline(services().catalog, [broken, sound])
    records = [created(api, title, number) for number, title in enumerate("abc")]
    answer = handler({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert sound.seen == {"a", "b", "c"}
    assert broken.seen == {"a"}
    assert handler({"Records": records[2:]}, None) == {"batchItemFailures": []}
    assert broken.seen == {"a", "c"}


def test_the_functions_own_pipeline_takes_what_is_no_record(api: Any) -> None:
    other = {"Keys": {"pk": {"S": "!job.1"}, "sk": {"S": "."}}, "SequenceNumber": "1"}
    answer = handler({"Records": [{"dynamodb": other}]}, None)
    assert answer == {"batchItemFailures": []}
