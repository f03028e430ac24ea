"""/admin/pipeline: lag, and dead letters to inspect, re-drive and drop."""

from __future__ import annotations

from typing import Any

import pytest

from covey.wiring import services
from functions.changes.apply import handler
from tests.functions.changes.test_apply import Kept, Lambda, broken_and_sound, created

LETTERS = "/admin/pipeline/dead-letters"


@pytest.fixture
def root(api: Any) -> str:
    return str(api.token("root", "admin"))


@pytest.fixture
def broken(api: Any) -> Kept:
    """A consumer that has not taken b, of a, b and c."""
    kept, _ = broken_and_sound(api)
    records = [created(api, title, number) for number, title in enumerate("abc")]
    handler({"Records": records}, Lambda())
    return kept


def test_each_consumer_says_how_far_it_is(api: Any, root: str, broken: Kept) -> None:
    answer = api("GET", "/admin/pipeline", token=root)
    assert answer.status == 200, answer
    states = {one["name"]: one for one in answer.json["consumers"]}
    assert list(states) == ["broken", "sound", "reading"]
    told = states["sound"]
    assert (told["batches"], told["changes"], told["failures"]) == (1, 3, 0)
    assert 0 <= told["lag_ms"] <= told["worst_ms"] < 60_000
    assert told["newest"] is not None
    told = states["broken"]
    assert (told["changes"], told["buried"], told["dead_letters"]) == (2, 1, 1)


def test_a_letter_is_listed_and_inspected(api: Any, root: str, broken: Kept) -> None:
    [one] = api("GET", LETTERS, token=root).json["items"]
    assert (one["consumer"], one["collection"], one["error"]) == (
        "broken",
        "posts",
        "ValueError: poison",
    )
    read = api("GET", f"{LETTERS}/{one['id']}", token=root).json
    assert read["change"]["before"] is None
    assert read["change"]["after"]["title"] == "b"
    assert "Traceback" in read["trace"]
    assert api("GET", f"{LETTERS}?consumer=sound", token=root).json["items"] == []


def test_a_letter_is_re_driven(api: Any, root: str, broken: Kept) -> None:
    [one] = api("GET", LETTERS, token=root).json["items"]
    broken.mend()
    answer = api("POST", f"{LETTERS}/{one['id']}/redrive", token=root)
    assert (answer.status, answer.json) == (202, {"ordered": True})
    assert broken.seen == {"a", "b", "c"}
    assert api("GET", f"{LETTERS}/{one['id']}", token=root).status == 404


def test_one_that_fails_again_stays_with_its_reason(api: Any, root: str, broken: Kept) -> None:
    [one] = api("GET", LETTERS, token=root).json["items"]
    api("POST", f"{LETTERS}/redrive", body={"consumer": "broken"}, token=root)
    [again] = api("GET", LETTERS, token=root).json["items"]
    assert (again["id"], again["attempts"]) == (one["id"], 1)
    broken.mend()
    api("POST", f"{LETTERS}/redrive", body={"consumer": "broken"}, token=root)
    assert api("GET", LETTERS, token=root).json["items"] == []


def test_a_letter_is_dropped(api: Any, root: str, broken: Kept) -> None:
    [one] = api("GET", LETTERS, token=root).json["items"]
    assert api("DELETE", f"{LETTERS}/{one['id']}", token=root).status == 204
    assert api("DELETE", f"{LETTERS}/{one['id']}", token=root).status == 404
    assert services().dead_letters.count("broken", 9) == 0
    assert broken.seen == {"a", "c"}


def test_pages_hold_each_letter_once(api: Any, root: str) -> None:
    broken_and_sound(api)
    handler({"Records": [created(api, "b", number) for number in range(5)]}, Lambda())
    seen, before = [], ""
    for _ in range(9):
        page = api("GET", f"{LETTERS}?limit=2&before={before}", token=root).json
        seen += [one["sequence"] for one in page["items"]]
        before = page["next"] or ""
        if not before:
            break
    assert seen == ["4", "3", "2", "1", "0"]


BAD = {
    "no such letter": ("GET", "/x", None, 404),
    "an id of another shape": ("GET", "/1.2.3.search", None, 404),
    "to re-drive what is not there": ("POST", "/1.2.3.search/redrive", None, 404),
    "no consumer": ("POST", "/redrive", {}, 422),
    "an unknown consumer": ("POST", "/redrive", {"consumer": "!account"}, 422),
    "another type": ("POST", "/redrive", {"consumer": ["search"]}, 422),
    "too many": ("GET", "?limit=101", None, 400),
    "a list of what is no name": ("GET", "?consumer=" + "x" * 3000, None, 400),
    "a place that is none": ("GET", "?before=" + "x" * 3000, None, 400),
    "an unknown consumer's list": ("GET", "?consumer=none", None, 200),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_bad_input_is_refused(api: Any, root: str, case: tuple[str, str, Any, int]) -> None:
    method, path, body, status = case
    assert api(method, f"{LETTERS}{path}", body=body, token=root).status == status


def test_nobody_else_sees_any_of_it(api: Any, broken: Kept) -> None:
    [letter] = services().dead_letters.newest("broken", "", 9)
    ways = [
        ("GET", "/admin/pipeline"),
        ("GET", LETTERS),
        ("GET", f"{LETTERS}/{letter.id}"),
        ("DELETE", f"{LETTERS}/{letter.id}"),
        ("POST", f"{LETTERS}/{letter.id}/redrive"),
        ("POST", f"{LETTERS}/redrive"),
    ]
    for method, path in ways:
        assert api(method, path, body=None).status == 401
        body = {"consumer": "broken"} if path.endswith("s/redrive") else None
        assert api(method, path, body=body, token=api.token("ann")).status == 403
    assert services().dead_letters.count("broken", 9) == 1
