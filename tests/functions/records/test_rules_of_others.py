"""Rules that read other records, over the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from covey.collections.document import load
from covey.wiring import services

TEAMS: dict[str, Any] = {
    "name": "teams",
    "ids": "custom",
    "fields": {"owner": {"type": "text", "hidden": True}},
}
PLANS: dict[str, Any] = {
    "name": "plans",
    "ids": "custom",
    "fields": {"team": {"type": "relation", "to": "teams"}, "text": {"type": "text"}},
    "rules": dict.fromkeys(("read", "update", "delete"), "team.owner == auth.id"),
}


@pytest.fixture
def plans(api: Any) -> Any:
    """Ten plans of each of two teams, one of ann's and one of ben's."""
    for document in (TEAMS, PLANS):
        services().catalog.save(load(document))
    root = api.token("root", "admin")
    for team, owner in (("red", "ann"), ("blue", "ben")):
        api("PUT", f"/records/teams/{team}", body={"owner": owner}, token=root)
        for number in range(10):
            body = {"team": team}
            made = api("PUT", f"/records/plans/{team}{number}", body=body, token=root)
            assert made.status == 201, made
    return api


def test_a_page_is_read_with_one_batch(plans: Any) -> None:
    page = plans("GET", "/records/plans?limit=5", token=plans.token("ann"))
    assert {item["team"] for item in page.json["items"]} == {"red"}
    assert len(page.json["items"]) == 5
    both = plans("GET", "/records/plans", token=plans.token("ben"))
    assert len(both.json["items"]) == 10
    # 20 records of some 100 B are half a unit in 4 KB; the two teams are a unit each.
    rru = float(both.headers["Covey-Cost"].split("rru=")[1].split(",")[0])
    assert rru <= 5


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_hidden_costs_what_is_missing_costs(plans: Any, method: str) -> None:
    token = plans.token("ann")
    body = {"text": "x"} if method == "PATCH" else None
    answers = [
        plans(method, f"/records/plans/{one}", body=body, token=token) for one in ("blue1", "none")
    ]
    assert [answer.status for answer in answers] == [404, 404]
    hidden, missing = (answer.headers["Covey-Cost"] for answer in answers)
    assert hidden == missing
    assert plans(method, "/records/plans/red1", body=body, token=token).status in (200, 204)


def test_a_change_of_the_team_is_seen_at_once(plans: Any) -> None:
    ann, root = plans.token("ann"), plans.token("root", "admin")
    assert plans("GET", "/records/plans/red1", token=ann).status == 200
    plans("PATCH", "/records/teams/red", body={"owner": "ben"}, token=root)
    assert plans("GET", "/records/plans/red1", token=ann).status == 404
    assert plans("GET", "/records/plans", token=ann).json["items"] == []
    assert plans("PATCH", "/records/plans/red1", body={"text": "x"}, token=ann).status == 404
