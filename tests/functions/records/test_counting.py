"""`count` on lists: what the caller may see, and nothing of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from covey.collections.document import load
from covey.config import settings
from covey.jobs.schedules import nightly
from covey.wiring import services

OPEN = {
    "name": "open",
    "fields": {
        "kind": {"type": "text"},
        "rank": {"type": "integer"},
        "ends": {"type": "datetime", "expires": True},
        "hidden": {"type": "text", "read": "false"},
    },
    "rules": {"read": "true", "create": "true"},
    "indexes": [["kind", "-created"]],
}


@pytest.fixture
def api(api: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    services().catalog.save(load(OPEN))
    monkeypatch.setenv("READ_BUDGET", "10")
    settings.cache_clear()
    services.cache_clear()
    yield api


def fill(api: Any, count: int, **values: Any) -> None:
    body = {"operations": [{"method": "create", "collection": "open", "body": values}] * count}
    assert api("POST", "/batch", body=body).status == 200


def counted(api: Any, parameters: str, **more: Any) -> tuple[int, str]:
    answer = api("GET", f"/records/open?limit=2&{parameters}", **more)
    assert answer.status == 200, answer
    return answer.json["count"], answer.json["count_kind"]


def test_a_count_is_answered_where_it_is_asked_for(api: Any) -> None:
    assert api("GET", "/records/open").json == {"items": [], "next": None, "prev": None}
    assert counted(api, "count=exact") == (0, "exact")
    fill(api, 5, kind="a")
    assert counted(api, "count=exact") == (5, "exact")
    assert counted(api, "count=estimated") == (5, "exact")
    page = api("GET", "/records/open?limit=2&count=exact")
    assert "count=exact" in page.headers["Link"]
    following = api("GET", f"/records/open?limit=2&count=exact&cursor={page.json['next']}")
    assert following.json["count"] == 5


@pytest.mark.parametrize("value", ["", "true", "EXACT", "exact,estimated"])
def test_another_word_is_refused(api: Any, value: str) -> None:
    answer = api("GET", f"/records/open?count={value}")
    assert (answer.status, answer.code) == (400, "invalid_count")


def test_a_page_that_is_all_costs_no_second_look(api: Any) -> None:
    fill(api, 2)
    plain = api("GET", "/records/open").headers["Covey-Cost"]
    assert api("GET", "/records/open?count=exact").headers["Covey-Cost"] == plain


def test_beyond_the_budget_an_exact_count_is_refused_with_a_hint(api: Any) -> None:
    fill(api, 11, kind="a")
    fill(api, 4, kind="b")
    answer = api("GET", "/records/open?limit=2&count=exact")
    assert (answer.status, answer.code) == (400, "count_budget")
    assert "count=estimated" in answer.json["detail"]
    assert counted(api, "count=exact&filter=kind%20%3D%3D%20%22b%22") == (4, "exact")


def test_an_estimate_says_what_it_is_worth(api: Any) -> None:
    fill(api, 20, rank=1)
    fill(api, 20, rank=2)
    number, kind = counted(api, "count=estimated")
    assert (10 <= number <= 40, kind) == (True, "at_least")
    nightly(services().jobs, services().statistics, "night")
    services().last_counts._until = 0
    assert counted(api, "count=estimated") == (40, "estimated")
    fill(api, 1, rank=3, kind="a")
    assert counted(api, "count=estimated") == (40, "estimated")
    # The newest ten are the sample: nine of them have rank 2.
    assert counted(api, "count=estimated&filter=rank%20%3D%3D%202") == (36, "estimated")
    fill(api, 15, kind="a")
    number, kind = counted(api, "count=estimated&filter=kind%20%3D%3D%20%22a%22")
    assert (10 <= number <= 16, kind) == (True, "at_least")


def test_what_is_hidden_is_not_counted_nor_guessed_at(api: Any) -> None:
    ada, ben = api.token("ada"), api.token("ben")
    for number in range(12):
        mine = number % 3 == 0
        api("POST", "/records/posts", body={"title": "t"}, token=ada if mine else ben)
    nightly(services().jobs, services().statistics, "night")
    path = "/records/posts?limit=1&filter=author%20%3D%3D%20auth.id&sort=-created"
    for parameter in ("exact", "estimated"):
        own = api("GET", f"{path}&count={parameter}", token=ada).json
        assert (own["count"], own["count_kind"]) == (4, "exact")
    guessed = api("GET", "/records/posts?limit=1&count=estimated", token=ada).json
    assert guessed["count_kind"] == "at_least"
    assert guessed["count"] <= 4
    root = api.token("root", "admin")
    assert api("GET", "/records/posts?limit=1&count=estimated", token=root).json["count"] == 12
    guest = api("GET", "/records/posts?limit=1&count=exact&filter=published&sort=-views")
    assert (guest.json["count"], guest.json["count_kind"]) == (0, "exact")
    assert api("GET", "/records/ledger?count=exact", token=ada).status == 404


def test_a_hidden_field_cannot_be_counted_by(api: Any) -> None:
    answer = api("GET", "/records/open?count=exact&filter=hidden%20%3D%3D%20%22x%22")
    assert (answer.status, answer.code) == (400, "invalid_filter")


def test_what_has_expired_is_not_counted(api: Any) -> None:
    fill(api, 3, ends="2001-01-01T00:00:00Z")
    fill(api, 4, ends="2999-01-01T00:00:00Z")
    assert counted(api, "count=exact") == (4, "exact")
