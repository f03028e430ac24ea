"""Covey from the outside, from signing up to a scheduled run: one file against any base URL.

Without COVEY_URL it starts a gateway over the house's own template and collections. With it:

    COVEY_URL             where it answers, such as http://127.0.0.1:8000
    COVEY_SOCKET_URL      its socket, where that is elsewhere (on AWS it is)
    COVEY_ADMINISTRATOR   email:password, or COVEY_BOOTSTRAP, the one-time token; without either
                          the schedule's run is told by the record that it removes

The collection `posts` must be as collections/posts.yaml has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.running import Api, Listener, Running, User, listening, until

RUN = uuid4().hex[:8]  # so that a second run on the same data starts from nothing


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    if url := os.environ.get("COVEY_URL"):
        there = Api(url, os.environ.get("COVEY_SOCKET_URL", ""))
        yield there
        there.close()
        return
    running = Running(tmp_path_factory.mktemp("whole")).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def administrator(api: Api) -> User | None:
    if given := os.environ.get("COVEY_ADMINISTRATOR"):
        return api.sign_in(*given.split(":", 1))
    token = api.token if isinstance(api, Running) else os.environ.get("COVEY_BOOTSTRAP")
    return api.administrator(token) if token else None


@pytest.fixture(scope="module")
def ann(api: Api) -> User:
    return api.sign_up(f"ann-{RUN}@example.org", name="Ann")


@pytest.fixture(scope="module")
def ben(api: Api) -> User:
    return api.sign_up(f"ben-{RUN}@example.org", name="Ben")


@pytest.fixture(scope="module")
def guest(api: Api) -> httpx.Client:
    return api.client()


def post(who: User, title: str, **fields: Any) -> dict[str, Any]:
    answer = who.http.post("/records/posts", json={"title": f"{title} {RUN}", **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def titles(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["title"].removesuffix(f" {RUN}") for item in answer.json()["items"]]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.fixture(scope="module", autouse=True)
def expiring(ann: User) -> dict[str, Any]:
    """A record that expires at once: made first, so that the sweep runs while others are tested."""
    until_now = datetime.now(UTC) + timedelta(seconds=1)
    return post(ann, "brief", until=until_now.isoformat(), published=True)


@pytest.fixture(scope="module")
def draft(ann: User) -> dict[str, Any]:
    return post(ann, "draft", body="half a thought")


@pytest.fixture(scope="module")
def article(ann: User) -> dict[str, Any]:
    return post(ann, "article", published=True)


# ── records ───────────────────────────────────────────────────────────────────────────────────


def test_who_signs_up_is_signed_in(ann, api):
    me = ann.http.get("/auth/me").json()["user"]
    assert (me["id"], me["name"]) == (ann.id, "Ann")
    assert api.sign_in(ann.email).id == ann.id


def test_a_created_record_is_its_authors_and_reads_back(ann):
    answer = ann.http.post("/records/posts", json={"title": f"first {RUN}", "tags": ["a", "b"]})
    made = answer.json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/records/posts/{made['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (made["author"], made["published"], made["tags"]) == (ann.id, False, ["a", "b"])
    assert ann.http.get(answer.headers["location"]).json() == made


def test_a_list_by_index_takes_a_filter(ann):
    for number in range(4):
        post(ann, f"indexed {number}", published=number % 2 == 0)
    mine = f'author == "{ann.id}" && title.startsWith("indexed") && published'

    answer = ann.http.get("/records/posts", params={"filter": mine, "sort": "author,-created"})
    assert titles(answer) == ["indexed 2", "indexed 0"]
    plan = ann.http.get("/records/posts", params={"filter": mine, "explain": "true"})
    assert plan.status_code in {200, 403}


def test_pages_by_cursor_give_every_record_once_and_in_order(ann):
    made = [post(ann, f"paged {number}")["id"] for number in range(7)]
    query = {"filter": f'author == "{ann.id}" && title.startsWith("paged")', "limit": "3"}
    pages: list[list[str]] = []
    address: str | None = "/records/posts"
    parameters: dict[str, str] | None = query
    while address:
        answer = ann.http.get(address, params=parameters)
        pages.append([item["id"] for item in answer.json()["items"]])
        following = answer.links.get("next")
        assert (following is None) == (answer.json()["next"] is None)
        address, parameters = (following["url"] if following else None), None

    assert [len(page) for page in pages if page] == [3, 3, 1]
    assert [one for page in pages for one in page] == made[::-1]


def test_a_change_with_if_match_is_refused_when_stale(ann):
    made = post(ann, "matched")
    path = f"/records/posts/{made['id']}"
    first = ann.http.patch(path, json={"body": "one"}, headers={"If-Match": '"1"'})
    stale = ann.http.patch(path, json={"body": "two"}, headers={"If-Match": '"1"'})

    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert refusal(stale) == (412, "precondition_failed")
    assert ann.http.get(path).json()["body"] == "one"
    unchanged = ann.http.get(path, headers={"If-None-Match": '"2"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


# ── the socket ────────────────────────────────────────────────────────────────────────────────


def test_a_socket_tells_each_listener_what_they_may_see(api, ann, ben):
    loud = f'title.startsWith("loud") && title.endsWith("{RUN}")'
    with ann.socket(api.socket_url) as anns, ben.socket(api.socket_url) as bens:
        for listener in (anns, bens):
            asked = {"type": "subscribe", "id": "1", "collection": "posts", "filter": loud}
            assert listener.ask(asked)["type"] == "ready"
        hidden = post(ann, "loud draft")
        post(ann, "quiet", published=True)
        shown = post(ann, "loud news", published=True)
        published = ann.http.patch(f"/records/posts/{hidden['id']}", json={"published": True})
        assert published.status_code == 200
        ann.http.patch(f"/records/posts/{shown['id']}", json={"published": False})
        ann.http.delete(f"/records/posts/{hidden['id']}")

        assert told(anns, 5) == [
            ("created", hidden["id"], False),
            ("created", shown["id"], True),
            ("updated", hidden["id"], True),
            ("updated", shown["id"], False),
            ("deleted", hidden["id"], None),
        ]
        assert told(bens, 4) == [
            ("created", shown["id"], True),
            ("updated", hidden["id"], True),
            ("left", shown["id"], None),
            ("deleted", hidden["id"], None),
        ]


def told(listener: Listener, count: int) -> list[tuple[str, str, bool | None]]:
    heard = [listener.hear(60) for _ in range(count)]
    return [(one["kind"], one["record"]["id"], one["record"].get("published")) for one in heard]


def test_a_ticket_opens_one_socket(api, ben):
    ticket = ben.http.post("/realtime/tickets", json={}).json()["ticket"]
    address = f"{api.socket_url}?ticket={ticket}"
    with listening(address) as listener:
        assert listener.ask({"type": "ping"}) == {"type": "pong"}
    with pytest.raises(InvalidStatus) as refused, listening(address):
        pass
    assert refused.value.response.status_code in {401, 403}


# ── rules, on each path ───────────────────────────────────────────────────────────────────────


def test_a_rule_hides_from_a_get(ben, guest, draft):
    for who in (ben.http, guest):
        assert refusal(who.get(f"/records/posts/{draft['id']}")) == (404, "not_found")


def test_a_rule_hides_from_a_list(ann, ben, guest, draft, article):
    sought = f'author == "{ann.id}" && (title == "draft {RUN}" || title == "article {RUN}")'
    for who, seen in (
        (ann.http, ["article", "draft"]),
        (ben.http, ["article"]),
        (guest, ["article"]),
    ):
        assert titles(who.get("/records/posts", params={"filter": sought})) == seen


def test_a_rule_hides_from_a_filter(ann, ben, draft):
    sought = f'author == "{ann.id}" && published == false'
    assert titles(ben.http.get("/records/posts", params={"filter": sought})) == []
    unreadable = {"filter": f'email == "{ann.email}"'}
    assert refusal(ben.http.get("/records/users", params=unreadable)) == (400, "invalid_filter")
    assert refusal(ben.http.get("/records/users", params={"sort": "email"})) == (
        *(400, "invalid_sort"),
    )


def test_a_rule_hides_from_expand(ann, ben, guest, article):
    path = f"/records/posts/{article['id']}?expand=author"
    author = ben.http.get(path).json()["expand"]["author"]
    assert (author["name"], author.get("email")) == ("Ann", None)
    assert guest.get(path).json()["expand"]["author"] is None
    assert ann.http.get(path).json()["expand"]["author"]["email"] == ann.email


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_rule_refuses_a_write(method, ann, ben, guest, draft, article):
    body = None if method == "DELETE" else {"title": "mine now"}
    seen, unseen = f"/records/posts/{article['id']}", f"/records/posts/{draft['id']}"
    before = [ann.http.get(path).json() for path in (seen, unseen)]

    assert refusal(ben.http.request(method, seen, json=body)) == (403, "rule_denied")
    assert refusal(guest.request(method, seen, json=body)) == (401, "unauthenticated")
    unseen_by_ben = refusal(ben.http.request(method, unseen, json=body))
    assert unseen_by_ben in {(404, "not_found"), (422, "custom_ids_not_allowed")}
    absent = f"/records/posts/{'0' * 20}"
    assert unseen_by_ben == refusal(ben.http.request(method, absent, json=body))
    assert [ann.http.get(path).json() for path in (seen, unseen)] == before


def test_a_field_rule_refuses_a_write(ann, ben, article):
    stolen = ben.http.post("/records/posts", json={"title": "in her name", "author": ann.id})
    assert refusal(stolen) == (403, "field_write_denied")
    path = f"/records/posts/{article['id']}"
    assert refusal(ann.http.patch(path, json={"views": 999})) == (403, "field_write_denied")


def test_a_rule_refuses_an_import(ben, guest):
    assert refusal(guest.post("/records/posts/import", json={})) == (401, "unauthenticated")
    assert refusal(ben.http.post("/records/users/import", json={})) == (403, "rule_denied")


def test_a_rule_refuses_a_socket(api, ben):
    users = {"type": "subscribe", "id": "u", "collection": "users"}
    with listening(api.socket_url) as stranger:
        assert stranger.ask(users)["code"] == "not_found"
        assert stranger.ask({"type": "auth", "token": ben.token})["user"] == ben.id
        assert stranger.ask(users)["type"] == "ready"
        spying = {**users, "id": "s", "filter": 'email == "ann@example.org"'}
        assert stranger.ask(spying)["code"] == "invalid_filter"


# ── work in the background ────────────────────────────────────────────────────────────────────


def test_an_import_finishes_with_a_report_of_its_bad_rows(ann, ben):
    lines = ["title,published,views_typo,author", f"row one {RUN},true,,"]
    lines += [f"row two {RUN},perhaps,,", f"row three {RUN},no,,{ann.id}"]
    lines += [",true,,", f"row five {RUN},yes,,", "too,few", f"row one {RUN},true,,"]
    started = ben.http.post("/records/posts/import", json={"columns": {"views_typo": None}})
    assert started.status_code == 202, started.text
    job, upload = started.json()["job"], started.json()["upload"]
    assert (job["status"], started.headers["location"]) == ("waiting", f"/jobs/{job['id']}")

    sent = httpx.request(
        upload["method"], upload["url"], headers=upload["headers"], content="\n".join(lines)
    )
    assert sent.status_code == 200, sent.text
    done = until(lambda: _finished(ben, job["id"]), "finished")

    assert (done["status"], done["done"], done["failed"]) == ("done", 2, 5), done
    # Rows 1 and 7 say the same, and are written side by side: one of them comes first.
    (late,) = {one["row"] for one in done["report"] if one["code"] == "unique_violation"}
    assert late in {1, 7}
    assert {(one["row"], one["field"], one["code"]) for one in done["report"]} == {
        (2, "published", "invalid_cell"),
        (3, "author", "field_write_denied"),
        (4, "title", "required"),
        (6, "", "malformed_row"),
        (late, "author", "unique_violation"),
        (late, "title", "unique_violation"),
    }
    found = ben.http.get("/records/posts", params={"filter": f'author == "{ben.id}"'})
    assert {"row one", "row five"} <= set(titles(found))
    assert refusal(ann.http.get(f"/jobs/{job['id']}")) == (404, "not_found")


def _finished(who: User, job: str) -> dict[str, Any] | None:
    told: dict[str, Any] = who.http.get(f"/jobs/{job}").json()
    return told if told["status"] in {"done", "failed"} else None


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_scheduled_sweep_removes_what_has_expired(ann, ben, administrator, expiring):
    path = f"/records/posts/{expiring['id']}"
    until(lambda: ann.http.get(path).status_code == 404, "expired")
    # Its unique title is free again only when the sweep has removed the record itself.
    again = {"title": expiring["title"]}

    def free() -> bool:
        return ann.http.post("/records/posts", json=again).status_code == 201

    until(free, "swept", 180)
    if administrator is None:
        return

    def swept() -> list[dict[str, Any]]:
        jobs = administrator.http.get("/jobs", params={"system": "true"}).json()["items"]
        return [one for one in jobs if one["kind"] == "sweep" and one["status"] == "done"]

    runs = until(swept, "told of")
    assert len({run["detail"]["slot"] for run in runs}) == len(runs), "once per slot"
    assert sum(run["result"]["deleted"] for run in runs) >= 1
    assert refusal(ben.http.get("/jobs", params={"system": "true"})) == (404, "not_found")
