"""examples/teams: collections that grant, by members and invitations."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from covey.collections.document import load_all
from covey.wiring import services
from tests.functions.conftest import USERS, Answer, Api

FOLDER = Path(__file__).parents[2] / "examples/teams/collections"
UNTIL = "2999-01-01T00:00:00Z"
RACERS = 20


class Teams:
    """Olga's team, and people who are not in it yet."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.tokens = {name: api.token(name) for name in ("olga", "mia", "ned")}
        self.team = self.call("olga", "POST", "/records/teams", name="Red").json["id"]
        made = self.call("olga", "POST", "/records/documents", team=self.team, title="Plan")
        self.document = f"/records/documents/{made.json['id']}"

    def call(self, who: str, method: str, target: str, **body: Any) -> Answer:
        return self.api(method, target, token=self.tokens[who], body=body or None)

    def invite(self, **more: Any) -> str:
        secret = secrets.token_hex(24)
        asked = {"id": secret, "team": self.team, "until": UNTIL, **more}
        made = self.call("olga", "POST", "/records/invitations", **asked)
        assert made.status == 201, made
        return secret

    def accept(self, who: str, secret: str, **more: Any) -> Answer:
        asked = {"id": f"{self.team}:{who}", "team": self.team, "role": "reader", **more}
        return self.call(who, "POST", "/records/members", invitation=secret, **asked)


@pytest.fixture
def teams(api: Api) -> Iterator[Teams]:
    there = {one.name: one for one in services().catalog.all()}
    documents = [yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))]
    for one in load_all([USERS, *documents], there).values():
        if one != there.get(one.name):
            services().catalog.save(one)
    yield Teams(api)


def test_an_invitation_lets_in_and_being_removed_holds_with_the_next_request(teams: Teams) -> None:
    assert teams.call("mia", "GET", teams.document).status == 404
    secret = teams.invite()
    assert teams.accept("mia", secret).status == 201
    listed = f"/records/documents?filter=team%20%3D%3D%20%22{teams.team}%22"
    assert teams.call("mia", "GET", teams.document).status == 200
    assert len(teams.call("mia", "GET", listed).json["items"]) == 1
    assert teams.call("mia", "PATCH", teams.document, title="x").status == 403
    member = f"/records/members/{teams.team}:mia"
    assert teams.call("mia", "PATCH", member, role="editor").status == 403
    assert teams.call("olga", "PATCH", member, role="editor").status == 200
    assert teams.call("mia", "PATCH", teams.document, title="x").status == 200
    assert teams.call("olga", "PATCH", member, active=False).status == 200
    assert teams.call("mia", "GET", teams.document).status == 404
    assert teams.call("mia", "PATCH", teams.document, title="y").status == 404
    assert teams.call("mia", "GET", listed).json["items"] == []
    assert teams.call("mia", "GET", f"/records/teams/{teams.team}").status == 404
    again = teams.accept("mia", secret), teams.call("mia", "PATCH", member, active=True)
    assert [one.status for one in again] == [409, 403]
    assert teams.call("mia", "DELETE", member).status == 403


def test_nobody_comes_in_without_an_invitation_of_theirs(teams: Teams) -> None:
    other = teams.call("ned", "POST", "/records/teams", name="Blue").json["id"]
    theirs = secrets.token_hex(24)
    blue = {"id": theirs, "team": other, "until": UNTIL}
    assert teams.call("ned", "POST", "/records/invitations", **blue).status == 201
    for_mia, reading = teams.invite(email="mia@example.test"), teams.invite()
    refused = [
        teams.accept("ned", "none"),
        teams.accept("ned", theirs),
        teams.accept("ned", for_mia),
        teams.accept("ned", reading, role="editor"),
        teams.accept("ned", reading, id=f"{teams.team}:mia"),
        teams.accept("ned", reading, user="mia"),
        teams.call("ned", "POST", "/records/invitations", **{**blue, "team": teams.team}),
        teams.call("olga", "POST", "/records/invitations", **{**blue, "team": teams.team}),
    ]
    assert [one.status for one in refused[:6]] == [403] * 6, refused
    assert refused[6].status in (403, 409, 422)
    assert refused[7].status in (409, 422)
    assert teams.call("ned", "GET", teams.document).status == 404
    assert teams.call("ned", "GET", "/records/invitations").json["items"] == [
        one
        for one in teams.call("ned", "GET", "/records/invitations").json["items"]
        if one["team"] == other
    ]
    assert teams.accept("mia", for_mia).status == 201


def test_of_many_who_take_one_invitation_at_once_one_comes_in(teams: Teams) -> None:
    secret = teams.invite()
    racers = [f"racer{number}" for number in range(RACERS)]
    teams.tokens |= {name: teams.api.token(name) for name in racers}
    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(lambda name: teams.accept(name, secret), racers))
    statuses = [answer.status for answer in answers]
    assert statuses.count(201) == 1, statuses
    assert set(statuses) == {201, 409}
    inside = [name for name in racers if teams.call(name, "GET", teams.document).status == 200]
    assert inside == [racers[statuses.index(201)]]
