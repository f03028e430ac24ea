"""The function over the table's stream, with the consumers of the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covey.collections.model import Collection
from covey.errors import Unavailable
from covey.records.model import Change
from covey.store.layout import layout_of
from covey.testing.events import queue_event
from covey.wiring import services
from functions.changes.apply import handler


class Kept:
    """A consumer that cannot take one title."""

    def __init__(self, name: str, poison: str = "") -> None:
        self.name = name
        self.seen: set[str] = set()
        self.away = False
        self._poison = poison

    def mend(self) -> None:
        self._poison = ""

    def wants(self, collection: Collection) -> bool:
        return True

    def apply(self, collection: Collection, changes: Sequence[Change]) -> None:
        if self.away:
            raise Unavailable
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


class Lambda:
    """The context of an invocation that has time."""

    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def broken_and_sound(api: Any) -> tuple[Kept, Kept]:
    """A pipeline of two, of which one cannot take what is called b."""
    sound, broken = Kept("sound"), Kept("broken", poison="b")
    pipeline = services().pipeline
    pipeline.consumers = {"broken": broken, "sound": sound}
    return broken, sound


def test_a_poison_change_is_kept_with_its_reason_and_its_neighbours_are_applied(api: Any) -> None:
    broken, sound = broken_and_sound(api)
    records = [created(api, title, number) for number, title in enumerate("abc")]
    assert handler({"Records": records}, Lambda()) == {"batchItemFailures": []}
    assert sound.seen == {"a", "b", "c"}
    assert broken.seen == {"a", "c"}
    [letter] = services().dead_letters.newest("broken", "", 9)
    assert (letter.collection, letter.sequence, letter.error) == (
        "posts",
        "1",
        "ValueError: poison",
    )


def test_it_is_applied_once_more_by_the_consumer_that_failed_also_late(api: Any) -> None:
    broken, sound = broken_and_sound(api)
    one = created(api, "b", 1)
    handler({"Records": [one]}, Lambda())
    api("PATCH", f"/records/posts/{one['dynamodb']['Keys']['sk']['S']}", body={"title": "later"})
    sound.seen.clear()
    [letter] = services().dead_letters.newest("broken", "", 9)
    broken.mend()
    order = queue_event({"letter": letter.id})
    assert handler(order, Lambda()) == {"batchItemFailures": []}
    assert (broken.seen, sound.seen) == ({"b"}, set())
    assert not services().dead_letters.newest("broken", "", 9)
    assert handler(order, Lambda()) == {"batchItemFailures": []}


def test_a_record_that_cannot_be_read_is_kept_and_its_neighbours_are_applied(api: Any) -> None:
    _, sound = broken_and_sound(api)
    lies, one = created(api, "lies", 1), created(api, "a", 2)
    lies["dynamodb"]["NewImage"]["v"] = {"S": "many"}
    assert handler({"Records": [lies, one]}, Lambda()) == {"batchItemFailures": []}
    assert sound.seen == {"a"}
    [letter] = services().dead_letters.newest("reading", "", 9)
    assert letter.record == lies["dynamodb"]["Keys"]["sk"]["S"]


def test_a_consumer_that_is_away_is_told_again(api: Any) -> None:
    broken, sound = broken_and_sound(api)
    records = [created(api, title, number) for number, title in enumerate("ac")]
    broken.away = True
    again = {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert handler({"Records": records}, Lambda()) == again
    assert sound.seen == {"a", "c"}
    broken.away = False
    assert handler({"Records": records}, Lambda()) == {"batchItemFailures": []}


def test_the_functions_own_pipeline_takes_what_is_no_record(api: Any) -> None:
    other = {"Keys": {"pk": {"S": "!job.1"}, "sk": {"S": "."}}, "SequenceNumber": "1"}
    answer = handler({"Records": [{"dynamodb": other}]}, Lambda())
    assert answer == {"batchItemFailures": []}
