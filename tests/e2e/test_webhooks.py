"""A webhook through a running gateway: stream, queue, retries by delay, signatures."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from covey.testing.receiver import Received, Receiver, Write, answering
from infra.cli.client import Client
from infra.cli.own_gateway import OwnGateway
from tests.e2e.running import until

pytestmark = pytest.mark.slow

NOTES = """
name: notes
fields:
  text: {type: text}
rules: {read: "true", create: "auth != null"}
"""


def test_a_change_arrives_and_what_failed_arrives_again(tmp_path: Path) -> None:
    folder = tmp_path / "collections"
    folder.mkdir()
    (folder / "notes.yaml").write_text(NOTES)
    failing = [answering(500)]

    def once(request: Received, write: Write) -> None:
        (failing.pop() if failing else answering(204))(request, write)

    arguments = ("--set", "WebhookReach=loopback")
    own = OwnGateway(folder, tmp_path / "data", *arguments)
    with ExitStack() as stack:
        well, flaky = stack.enter_context(Receiver()), stack.enter_context(Receiver(once))
        root = stack.enter_context(closing(stack.enter_context(own).administrator()))
        made = {
            one.url: root.call("POST", "/webhooks", {"url": one.url, "collections": ["notes"]})
            for one in (well, flaky)
        }
        for number in range(5):
            root.call("POST", "/records/notes", {"text": f"note {number}"})
        until(lambda: len(well.received) == 5, "all arrived at the one that is well")
        until(lambda: len(flaky.received) == 6, "the one that failed came again")
        for receiver in (well, flaky):
            webhook = made[receiver.url]
            for got in receiver.received:
                event = Webhook(webhook["secret"]).verify(got.body, dict(got.headers))
                assert event["type"] == "covey.record.created"
            assert len({got.headers["webhook-id"] for got in receiver.received}) == 5
            log = f"/webhooks/{webhook['id']}/deliveries?status=delivered"
            until(partial(_has_five, root, log), "all are delivered")


def _has_five(root: Client, path: str) -> bool:
    return len(root.call("GET", path)["items"]) == 5
