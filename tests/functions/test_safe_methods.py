"""GET and HEAD change nothing: links, images and other people's pages may start them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from covey.http import Operation
from covey.wiring import services
from tests.functions.test_web_headers import operations, target_of

OWN = "http://127.0.0.1:8000"
# A job is begun, which the page of a link must not do in its visitor's name.
EXPORT = "/records/{collection}/export"
# It leads the browser to a provider, and keeps what the way back is checked by.
BEGINNINGS = ("/auth/oauth/",)


def items() -> dict[tuple[str, str], Any]:
    """The whole table."""
    found: dict[tuple[str, str], Any] = {}
    start: dict[str, Any] = {}
    while True:
        request = {"TableName": services().settings.table_name, "ConsistentRead": True, **start}
        answer = services().transport.call("Scan", request)
        for item in answer["Items"]:
            found[item["pk"]["S"], item["sk"]["S"]] = item
        if "LastEvaluatedKey" not in answer:
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


@pytest.fixture
def cookie(api: Any) -> str:
    """The session of an administrator, in a browser."""
    api.token("root", "admin")
    account = services().account_store.get("root")
    assert account is not None
    _, token = services().sessions.open(account)
    value, _ = services().browser_sessions.adopt(token)
    return f"covey-8000={value}"


def reads() -> Iterator[tuple[str, Operation]]:
    for package, operation in operations():
        exempt = operation.path == EXPORT or operation.path.startswith(BEGINNINGS)
        if operation.method == "GET" and not exempt:
            yield package, operation


def test_no_read_changes_anything(api: Any, cookie: str) -> None:
    made = api(
        "POST", "/records/posts", body={"title": "A"}, headers={"Cookie": cookie, "Origin": OWN}
    )
    assert made.status == 201
    before = items()
    assert before
    for package, operation in reads():
        handler = importlib.import_module(f"{package}.handler").handler
        for method in ("GET", "HEAD"):
            for id in (made.json["id"], "nobody"):
                target = re.sub(r"nobody", id, target_of(operation))
                handler(api.event(method, target, headers={"Cookie": cookie}), None)
                after = items()
                assert after == before, f"{method} {target}"


LINKS = {
    "a link of a sister site": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
    "typed by hand": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "nobody knows": {},
}


@pytest.mark.parametrize("headers", LINKS.values(), ids=LINKS.keys())
def test_a_link_begins_no_export(api: Any, cookie: str, headers: dict[str, str]) -> None:
    before = items()
    refused = api("GET", "/records/posts/export", headers={"Cookie": cookie, **headers})
    assert (refused.status, refused.code) == (403, "cross_site")
    assert items() == before
