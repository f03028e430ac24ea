"""A record deleted through a running gateway, and what refers to it, also over a crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running, until

PEOPLE = """\
name: people
fields:
  name: {type: text}
  friend: {type: relation, to: people, on_delete: clear}
rules: {read: "true", create: "true", update: "true", delete: "true"}
"""
POSTS = """\
name: posts
fields:
  author: {type: relation, to: people, on_delete: cascade}
  answers: {type: relation, to: posts, on_delete: cascade}
rules: {read: "true", create: "true"}
"""
BADGES = """\
name: badges
fields:
  owner: {type: relation, to: people, on_delete: restrict}
rules: {read: "true", create: "true", delete: "true"}
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Running]:
    collections = tmp_path / "collections"
    collections.mkdir()
    for text in (PEOPLE, POSTS, BADGES):
        (collections / f"{text.split()[1]}.yaml").write_text(text)
    running = Running(tmp_path, collections=collections).start()
    yield running
    running.close()


def test_a_deletion_reaches_all_that_refers_to_it_over_a_crash(own: Running) -> None:
    with own.client() as http:

        def make(into: str, **body: str) -> str:
            answer = http.post(f"/records/{into}", json=body)
            assert answer.status_code == 201, answer.text
            return str(answer.json()["id"])

        ann = make("people", name="Ann")
        ben = make("people", name="Ben", friend=ann)
        badge = make("badges", owner=ann)
        posts = [make("posts", author=ann) for _ in range(40)]
        posts += [make("posts", answers=one) for one in posts[:10]]
        held = http.delete(f"/records/people/{ann}")
        assert (held.status_code, held.json()["code"]) == (409, "restricted")
        assert http.delete(f"/records/badges/{badge}").status_code == 204
        assert http.delete(f"/records/people/{ann}").status_code == 204
    own.crash()
    own.start()
    with own.client() as http:

        def done() -> bool:
            left = http.get("/records/posts?limit=1").json()["items"]
            return not left and "friend" not in http.get(f"/records/people/{ben}").json()

        until(done, "all that referred to it")
