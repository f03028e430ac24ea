"""What a browser's cookie does for our own pages, and for nobody else's."""

from __future__ import annotations

import json

import pytest

from tests.e2e.browser.conftest import Elsewhere, Tab
from tests.e2e.running import PASSWORD, Running, User

POST = {"title": "Written by another page"}


@pytest.fixture(scope="module")
def ann(house: Running) -> User:
    return house.sign_up("ann@example.org", name="Ann")


def signed_in(tab: Tab, house: Running, ann: User) -> None:
    """Ann signs in on a page of ours, by cookie."""
    tab.page.goto(f"{house.url}/auth/verify")
    body = json.dumps({"email": ann.email, "password": PASSWORD})
    answer = tab.send("/auth/sign-in", body, covey_session="cookie")
    assert answer["status"] == 200, answer
    assert set(json.loads(answer["text"])) == {"user", "expires_in"}


def still_signed_in(tab: Tab, house: Running, ann: User) -> None:
    """Nothing happened to Ann: her session holds, and nothing was written in her name."""
    tab.page.goto(f"{house.url}/auth/verify")
    me = tab.fetch("/auth/me")
    assert me["status"] == 200, me
    assert json.loads(me["text"])["user"]["id"] == ann.id
    assert (
        ann.http.get("/records/posts", params={"filter": "author == auth.id"}).json()["items"] == []
    )


def test_the_cookie_is_out_of_reach_of_scripts(tab: Tab, house: Running, ann: User) -> None:
    signed_in(tab, house, ann)
    assert tab.page.evaluate("document.cookie") == ""
    answer = tab.fetch("/auth/me")
    assert json.loads(answer["text"])["user"]["id"] == ann.id
    assert answer["headers"]["cache-control"] == "no-store"
    assert "set-cookie" not in answer["headers"]
    (cookie,) = tab.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["path"] == "/"
    stored = tab.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert stored == "[{},{}]"


def test_our_own_pages_write_and_sign_out_by_it(tab: Tab, house: Running, ann: User) -> None:
    signed_in(tab, house, ann)
    made = tab.send("/records/posts", json.dumps({"title": "Mine"}))
    assert made["status"] == 201
    id = json.loads(made["text"])["id"]
    assert tab.fetch(f"/records/posts/{id}", method="DELETE")["status"] == 204
    assert tab.fetch("/auth/sign-out", method="POST")["status"] == 204
    assert tab.context.cookies() == []
    assert tab.fetch("/auth/me")["status"] == 401


def test_two_tabs_that_renew_at_once_stay_signed_in(tab: Tab, house: Running, ann: User) -> None:
    signed_in(tab, house, ann)
    other = tab.context.new_page()
    other.goto(f"{house.url}/auth/verify")
    script = """async () => Promise.all(Array.from({ length: 10 }, async () =>
                  (await fetch("/auth/refresh", { method: "POST" })).status))"""
    assert tab.page.evaluate(script) + other.evaluate(script) == [200] * 20
    assert tab.fetch("/auth/me")["status"] == 200


def test_a_cookie_that_no_longer_holds_is_forgotten(tab: Tab, house: Running, ann: User) -> None:
    signed_in(tab, house, ann)
    assert ann.http.delete("/auth/sessions").status_code == 204
    assert tab.fetch("/auth/me")["status"] == 401
    assert tab.context.cookies() == []


FORMS = {
    "a form that signs out": ("/auth/sign-out", "application/x-www-form-urlencoded", "a", ""),
    "a form that writes": ("/records/posts", "text/plain", '{"title":"x","y":"', '"}'),
    "a form without fields": ("/auth/sign-out", "", "", ""),
}


@pytest.mark.parametrize("what", FORMS)
@pytest.mark.parametrize("site", ["same_site", "other_site"])
def test_a_form_of_another_origin_does_nothing(
    tab: Tab, house: Running, ann: User, stranger: Elsewhere, what: str, site: str
) -> None:
    signed_in(tab, house, ann)
    path, kind, name, value = FORMS[what]
    field = f"<input name='{name}' value='{value}'>" if name else ""
    stranger.pages["/form"] = (
        f"<!doctype html><form method=post action='{house.url}{path}' enctype='{kind}'>{field}"
        "</form><script>document.forms[0].submit()</script>"
    )
    with tab.page.expect_response(f"{house.url}{path}") as arriving:
        tab.page.goto(f"{getattr(stranger, site)}/form")
    answer = arriving.value
    sent = answer.request.all_headers()
    assert ("cookie" in sent) == (site == "same_site"), "SameSite knows no ports"
    refusals = {403, 415} if site == "same_site" else {401, 415}  # 415: not even looked at
    assert answer.status in refusals
    still_signed_in(tab, house, ann)


SCRIPTS = {
    "blindly": {"mode": "no-cors", "headers": {"Content-Type": "text/plain"}},
    "as JSON": {"headers": {"Content-Type": "application/json"}},
    "asking for a cookie": {
        "headers": {"Content-Type": "application/json", "Covey-Session": "cookie"}
    },
}


@pytest.mark.parametrize("what", SCRIPTS)
@pytest.mark.parametrize("site", ["same_site", "other_site"])
def test_a_script_of_another_origin_does_and_learns_nothing(
    tab: Tab, house: Running, ann: User, stranger: Elsewhere, what: str, site: str
) -> None:
    signed_in(tab, house, ann)
    tab.page.goto(getattr(stranger, site))
    options = {"method": "POST", "credentials": "include", **SCRIPTS[what]}
    for path, body in (("/records/posts", json.dumps(POST)), ("/auth/sign-out", "")):
        answer = tab.fetch(f"{house.url}{path}", body=body, **options)
        assert answer.get("failed") == "TypeError" or answer["type"] == "opaque", answer
        assert not answer.get("text")
    for mode in ("cors", "no-cors"):
        answer = tab.fetch(f"{house.url}/auth/me", credentials="include", mode=mode)
        assert answer == {"failed": "TypeError"}, "the answer is not even given opaquely"
    still_signed_in(tab, house, ann)


def test_a_listed_origin_has_no_use_of_the_cookie(
    tab: Tab, house: Running, ann: User, friend: Elsewhere
) -> None:
    signed_in(tab, house, ann)
    tab.page.goto(friend.same_site)
    answer = tab.fetch(f"{house.url}/auth/me", credentials="include")
    assert answer == {"failed": "TypeError"}
    body = json.dumps({"email": ann.email, "password": PASSWORD})
    headers = {"Content-Type": "application/json", "Covey-Session": "cookie"}
    answer = tab.fetch(f"{house.url}/auth/sign-in", method="POST", body=body, headers=headers)
    assert answer == {"failed": "TypeError"}
    still_signed_in(tab, house, ann)


@pytest.mark.parametrize("site", ["same_site", "other_site"])
def test_images_scripts_and_styles_of_another_origin_do_nothing(
    tab: Tab, house: Running, ann: User, stranger: Elsewhere, site: str
) -> None:
    signed_in(tab, house, ann)
    stranger.pages["/tags"] = f"""<!doctype html><script>window.log = []</script>
      <img src="{house.url}/auth/sign-out" onerror="log.push('img')" onload="log.push('LOADED')">
      <script src="{house.url}/auth/me" onerror="log.push('script')"
              onload="log.push('LOADED')"></script>
      <link rel=stylesheet href="{house.url}/records/posts" onerror="log.push('style')"
            onload="log.push('LOADED')">"""
    tab.page.goto(f"{getattr(stranger, site)}/tags")
    tab.page.wait_for_function("log.length === 3")
    assert sorted(tab.page.evaluate("log")) == ["img", "script", "style"]
    still_signed_in(tab, house, ann)


def test_a_link_from_elsewhere_leads_to_a_page_that_knows_its_visitor(
    tab: Tab, house: Running, ann: User, stranger: Elsewhere
) -> None:
    signed_in(tab, house, ann)
    stranger.pages["/link"] = f"<!doctype html><a href='{house.url}/auth/verify'>go</a>"
    tab.page.goto(f"{stranger.other_site}/link")
    tab.page.get_by_text("go").click()
    tab.page.get_by_role("heading").first.wait_for()
    assert tab.fetch("/auth/me")["status"] == 200, "its own requests carry the cookie"
