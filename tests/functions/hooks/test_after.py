"""The function that calls after hooks, and hooks of users who sign up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from covey import records
from covey.hooks import Refused, Write, after, before
from covey.hooks.declaring import DECLARED, After, Before
from covey.pipeline.record_change import RecordChange
from covey.testing.events import change_event, queue_event
from covey.wiring import services
from functions.hooks.after import handler


class Declared:
    """The hooks that a test declares."""

    def before(self, collection: str, action: str) -> list[Before]:
        declared = [hook for hook in DECLARED if isinstance(hook, Before)]
        return [hook for hook in declared if hook.meets(collection, action)]

    def after(self) -> list[After]:
        return [hook for hook in DECLARED if isinstance(hook, After)]


@pytest.fixture
def house(api: Any) -> Iterator[Any]:
    kept, DECLARED[:] = list(DECLARED), []
    services().__dict__["hooks"] = Declared()
    yield api
    DECLARED[:] = kept


def told(hook: str, *bodies: dict[str, Any]) -> dict[str, Any]:
    return queue_event(*({**body, "hook": hook} for body in bodies))


def body(**record: Any) -> dict[str, Any]:
    from covey import json

    event = change_event("posts", "created", {"id": "p1", "version": 1, **record})
    return dict(json.decode(event["Records"][0]["body"].encode()))


def test_a_hook_gets_its_change_and_writes_as_the_function(house: Any) -> None:
    @after("posts", "create")
    def note(change: RecordChange) -> None:
        assert isinstance(change.record["price"], Decimal)
        records("notes").as_function().create({"id": "n-" + change.id, "text": change.key})

    name = f"{note.__module__}.{note.__qualname__}"
    answer = handler(told(name, body(price=Decimal("1.10"))), None)  # type: ignore[arg-type]  # needs no context
    assert answer == {"batchItemFailures": []}
    found = records("notes").as_function().get("n-p1")
    assert found["text"] == "posts/p1/1"


def test_what_a_hook_cannot_take_is_handed_back_alone(house: Any) -> None:
    seen: list[str] = []

    @after("posts")
    def choke(change: RecordChange) -> None:
        if change.record.get("title") == "poison":
            raise RuntimeError("poison")
        seen.append(change.record["title"])

    name = f"{choke.__module__}.{choke.__qualname__}"
    event = told(name, body(title="poison"), body(title="sound"))
    assert handler(event, None) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}  # type: ignore[arg-type]  # as above
    assert seen == ["sound"]


def test_a_hook_of_users_sees_who_signs_up_and_may_refuse(house: Any) -> None:
    @before("users", "create")
    def of_the_firm(write: Write) -> None:
        if not write.values["email"].endswith("@example.test"):
            raise Refused("is not of the firm", field="email", code="not_ours")
        write.values["name"] = write.values["email"].partition("@")[0]

    password = "purple monkey dishwasher"
    stranger = {"email": "eve@example.org", "password": password}
    answer = house("POST", "/auth/sign-up", body=stranger)
    assert (answer.status, answer.code) == (422, "not_ours")
    member = {"email": "ann@example.test", "password": password}
    answer = house("POST", "/auth/sign-up", body=member)
    assert answer.status == 201, answer.text
    assert answer.json["user"]["name"] == "ann"


def test_a_fault_of_a_hook_answers_with_a_problem(house: Any) -> None:
    @before("posts", "create")
    def fail(write: Write) -> None:
        raise RuntimeError("a secret of the house")

    token = house.token("ann")
    answer = house("POST", "/records/posts", body={"title": "a"}, token=token)
    assert (answer.status, answer.code) == (500, "hooks_failed")
    assert "secret" not in answer.text
    assert house("GET", "/records/posts", token=token).json["items"] == []
