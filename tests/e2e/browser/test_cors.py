"""Pages of listed origins call with tokens; others get nothing."""

from __future__ import annotations

import json

import pytest

from tests.e2e.browser.conftest import Elsewhere, Tab
from tests.e2e.running import Running, User


@pytest.fixture(scope="module")
def ben(house: Running) -> User:
    return house.sign_up("ben@example.org", name="Ben")


def test_a_listed_origin_reads_and_writes_with_a_token(
    tab: Tab, house: Running, ben: User, friend: Elsewhere
) -> None:
    tab.page.goto(friend.same_site)
    bearer = f"Bearer {ben.token}"
    made = tab.send(
        f"{house.url}/records/posts",
        json.dumps({"title": "By a friend"}),
        authorization=bearer,
        idempotency_key="once",
    )
    assert made["status"] == 201
    post = json.loads(made["text"])
    changed = tab.fetch(
        f"{house.url}/records/posts/{post['id']}",
        method="PATCH",
        body='{"title": "Again"}',
        headers={
            "Authorization": bearer,
            "Content-Type": "application/merge-patch+json",
            "If-Match": made["headers"]["etag"],
        },
    )
    assert changed["status"] == 200
    assert changed["headers"]["etag"] == '"2"', "a header that pages may read"
    assert {"x-request-id", "covey-cost", "server-timing"} <= changed["headers"].keys()


def test_it_reads_refusals_too_also_those_of_the_gateway(
    tab: Tab, house: Running, friend: Elsewhere
) -> None:
    tab.page.goto(friend.same_site)
    for path, options, code in (
        ("/records/nothing", {}, "not_found"),
        ("/auth/me", {"headers": {"Authorization": "Bearer x"}}, "invalid_token"),
        ("/nowhere/at/all", {}, "not_found"),
        ("/health", {"method": "POST", "body": "x" * 11_000_000}, "gateway_refused"),
    ):
        answer = tab.fetch(f"{house.url}{path}", **options)
        assert json.loads(answer["text"])["code"] == code, (path, answer)


@pytest.mark.parametrize("site", ["same_site", "other_site"])
def test_any_other_origin_reads_nothing(
    tab: Tab, house: Running, ben: User, stranger: Elsewhere, site: str
) -> None:
    tab.page.goto(getattr(stranger, site))
    bearer = {"Authorization": f"Bearer {ben.token}"}
    for path, options in (
        ("/", {}),
        ("/records/posts", {}),
        ("/records/posts", {"headers": bearer}),
        ("/records/posts", {"method": "POST", "body": "{}", "headers": bearer}),
        ("/auth/me", {"headers": bearer}),
        ("/.well-known/jwks.json", {}),
    ):
        assert tab.fetch(f"{house.url}{path}", **options) == {"failed": "TypeError"}, path


def test_a_page_of_no_origin_reads_nothing(tab: Tab, house: Running, friend: Elsewhere) -> None:
    """A sandboxed frame, even of a listed origin, has the origin null."""
    friend.pages["/sandbox"] = f"""<!doctype html>
      <iframe sandbox="allow-scripts" srcdoc="<script>
        fetch('{house.url}/').then(() => parent.postMessage('read', '*'),
                                   () => parent.postMessage('refused', '*'))
      </script>"></iframe>
      <script>onmessage = (event) => window.told = event.data</script>"""
    tab.page.goto(f"{friend.same_site}/sandbox")
    tab.page.wait_for_function("window.told")
    assert tab.page.evaluate("told") == "refused"
