"""Messages to any queue, as many at a time as SQS takes."""

from __future__ import annotations

from typing import Any

import pytest

from covey.aws.queues import SqsLetterbox
from covey.errors import Unavailable


class Sqs:
    """What of SQS's client is used."""

    def __init__(self, refuses: str = "") -> None:
        self.batches: list[list[str]] = []
        self._refuses = refuses

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert QueueUrl == "https://queue.example.test"
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        self.batches.append([entry["MessageBody"] for entry in Entries])
        failed = [
            one["Id"] for one in Entries if self._refuses and self._refuses in one["MessageBody"]
        ]
        return {"Failed": [{"Id": id, "Code": "InternalError"} for id in failed]} if failed else {}


@pytest.mark.parametrize(
    ("bodies", "sizes"),
    [
        ([], []),
        (["a"], [1]),
        (["a"] * 10, [10]),
        (["a"] * 25, [10, 10, 5]),
        (["x" * 400_000] * 3, [2, 1]),
        (["a", "x" * 999_999, "b"], [2, 1]),
        (["é" * 450_000, "é" * 450_000], [1, 1]),
    ],
)
def test_messages_go_in_their_order_in_batches_that_fit(
    bodies: list[str], sizes: list[int]
) -> None:
    client = Sqs()
    SqsLetterbox(client=client).post("https://queue.example.test", bodies)
    assert [len(batch) for batch in client.batches] == sizes
    assert [body for batch in client.batches for body in batch] == bodies
    assert all(sum(len(one.encode()) for one in batch) <= 1_048_576 for batch in client.batches)


def test_what_was_not_taken_is_told() -> None:
    with pytest.raises(Unavailable, match="1 messages were not queued: InternalError"):
        SqsLetterbox(client=Sqs("b")).post("https://queue.example.test", ["a", "b"])
