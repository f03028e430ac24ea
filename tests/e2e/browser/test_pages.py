"""Covey's pages in a browser: what they do, and what cannot be done to them."""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.e2e.browser.conftest import ROOT_EMAIL, Elsewhere, Tab
from tests.e2e.running import PASSWORD, Running, until

PAGES = ("/auth/bootstrap", "/auth/verify", "/auth/reset", "/auth/change-email", "/docs")
NEW = "an entirely new battery"


def link_for(administrator: httpx.Client, house: Running, email: str, kind: str = "reset") -> str:
    """The link of the newest letter to this address, once it was written."""

    def written() -> str:
        for letter in administrator.get("/admin/outbox").json()["items"]:
            if letter["to"] == email and letter["kind"] == kind:
                text = administrator.get(f"/admin/outbox/{letter['id']}").json()["text"]
                return re.findall(rf"{re.escape(house.url)}/auth/{kind}#\S+", text)[0]
        return ""

    return until(written, f"a letter to {email}")


def test_the_first_administrator_was_made_by_a_page(administrator: httpx.Client) -> None:
    assert administrator.get("/auth/me").json()["user"]["email"] == ROOT_EMAIL


def test_the_used_link_says_that_it_does_nothing_any_more(
    tab: Tab, house: Running, administrator: httpx.Client
) -> None:
    tab.page.goto(f"{house.url}/auth/bootstrap#token={house.token}")
    tab.page.get_by_label("E-mail").fill("second@example.org")
    tab.page.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.page.get_by_role("button").click()
    expect(tab.page.get_by_role("alert").first).to_contain_text("made already")


def test_a_password_is_reset_by_the_letter(
    tab: Tab, house: Running, administrator: httpx.Client
) -> None:
    email = "carol@example.org"
    house.sign_up(email)
    with house.client() as guest:
        assert guest.post("/auth/reset/request", json={"email": email}).status_code == 202
    link = link_for(administrator, house, email)
    page = tab.page
    page.goto(link)
    expect(page.get_by_role("heading").first).to_have_text("Set a new password")
    assert page.url == f"{house.url}/auth/reset", "the secret is out of the address bar"
    page.get_by_label("New password").fill("password")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert").filter(has_text="Password")).to_be_visible()
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()
    assert house.sign_in(email, NEW).email == email
    page.goto("about:blank")
    page.goto(link)
    page.get_by_label("New password").fill("yet another battery")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert").first).to_contain_text("This link was used")
    assert house.sign_in(email, NEW).email == email


def test_the_owner_of_an_address_keeps_or_clears_what_is_there(
    tab: Tab, house: Running, administrator: httpx.Client
) -> None:
    page = tab.page
    for email, label, given in (
        ("dora@example.org", "Password", PASSWORD),
        ("emil@example.org", "New password", NEW),
    ):
        house.sign_up(email)
        page.goto("about:blank")
        page.goto(link_for(administrator, house, email, "verify"))
        page.get_by_role("button", name="Confirm").click()
        field = page.get_by_label("Password", exact=True)
        field.fill("a wrong battery")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_text("This is not the password.")).to_be_visible()
        if label != "Password":
            page.get_by_role("button", name="I did not choose one, or forgot it").click()
        page.get_by_label(label, exact=True).fill(given)
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", name="Your address is confirmed")).to_be_visible()
        assert house.sign_in(email, given).email == email


@pytest.mark.parametrize("path", PAGES)
def test_a_page_runs_its_own_script_and_no_other(tab: Tab, house: Running, path: str) -> None:
    injected = (
        "<script>window.pwned = 'inline'</script>"
        "<script src='data:text/javascript,window.pwned=1'></script>"
        "<img src=x onerror=\"window.pwned = 'handler'\">"
        "<a id=trap href=\"javascript:window.pwned='link'\">x</a>"
        "<style>main { display: none }</style>"
        "<base href='https://evil.example/'>"
    )

    def inject(route: Route) -> None:
        answer = route.fetch()
        # After the body, as by a hole in what makes the page; its headers stay.
        route.fulfill(response=answer, body=answer.text().replace("</html>", injected))

    tab.page.route("**/*", inject)
    tab.page.goto(f"{house.url}{path}")
    tab.page.evaluate("document.getElementById('trap').click()")
    tab.page.wait_for_timeout(100)
    assert tab.page.evaluate("window.pwned") is None
    assert tab.page.evaluate("document.baseURI").startswith(house.url)
    expect(tab.page.get_by_role("heading").first).to_be_visible()
    assert sum("Content Security Policy" in one for one in tab.said) >= 4, tab.said


@pytest.mark.parametrize("path", PAGES)
def test_a_page_as_it_is_complains_of_nothing(tab: Tab, house: Running, path: str) -> None:
    tab.page.goto(f"{house.url}{path}#token=x")
    expect(tab.page.get_by_role("heading").first).to_be_visible()
    assert [one for one in tab.said if "[DOM]" not in one] == [], "all but advice"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("site", ["same_site", "other_site"])
def test_no_page_is_framed(
    tab: Tab, house: Running, stranger: Elsewhere, path: str, site: str
) -> None:
    stranger.pages["/frame"] = f"<!doctype html><iframe src='{house.url}{path}'></iframe>"
    tab.page.goto(f"{getattr(stranger, site)}/frame", wait_until="load")
    until(lambda: any("frame-ancestors 'none'" in one for one in tab.said), "refused", 10)
    (frame,) = tab.page.main_frame.child_frames
    assert house.url not in frame.content(), "Chromium's own page stands there"


def test_a_page_that_opens_ours_has_no_hold_on_it(
    tab: Tab, house: Running, stranger: Elsewhere
) -> None:
    tab.page.goto(stranger.same_site)
    with tab.context.expect_page() as opening:
        tab.page.evaluate(f"window.w = open('{house.url}/auth/verify')")
    opened = opening.value
    opened.get_by_role("heading").first.wait_for()
    assert opened.evaluate("window.opener") is None
    until(lambda: tab.page.evaluate("w.closed"), "severed", 10)


SCRIPT = "<script>window.pwned=1</script>"


@pytest.mark.parametrize(
    "path",
    [f"/{quote(SCRIPT)}", f"/records/{quote(SCRIPT)}", f"/docs?{quote(SCRIPT)}=1", "/auth/%ff"],
)
def test_a_refusal_is_no_page(tab: Tab, house: Running, path: str) -> None:
    answer = tab.page.goto(f"{house.url}{path}")
    assert answer is not None
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert tab.page.evaluate("window.pwned") is None
