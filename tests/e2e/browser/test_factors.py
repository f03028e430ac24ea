"""Passkeys and links in a browser: its own WebAuthn, with an authenticator in software."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.browser.conftest import Tab
from tests.e2e.running import PASSWORD, Running, until

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
CREATE = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}"""
GET = """async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  try { return (await navigator.credentials.get({ publicKey })).toJSON(); }
  catch (failure) { return { failed: failure.name }; }
}"""


def of_localhost(house: Running) -> str:
    """The house by the name that browsers take for the domain of a passkey."""
    return house.url.replace("127.0.0.1", "localhost")


def posted(house: Running, path: str, body: Any = None, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.post(house.url + path, json=body or {}, headers=headers, timeout=20)


def with_authenticator(tab: Tab) -> tuple[Any, str]:
    session = tab.context.new_cdp_session(tab.page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return session, made["authenticatorId"]


@pytest.mark.slow
def test_a_browser_adds_a_passkey_and_signs_in_by_it(tab: Tab, house: Running) -> None:
    house.sign_up("pat@example.org")
    signed_in = posted(house, "/auth/sign-in", {"email": "pat@example.org", "password": PASSWORD})
    token = signed_in.json()["access_token"]
    session, device = with_authenticator(tab)
    tab.page.goto(f"{of_localhost(house)}/auth/reset")
    offered = posted(house, "/auth/passkeys/options", token=token)
    made = tab.page.evaluate(CREATE, offered.json())
    kept = posted(house, "/auth/passkeys", {"credential": made, "name": "Laptop"}, token)
    assert kept.status_code == 201, kept.text
    asked = posted(house, "/auth/passkeys/sign-in/options").json()
    credential = tab.page.evaluate(GET, asked)
    entered = posted(house, "/auth/passkeys/sign-in", {"credential": credential})
    assert entered.status_code == 200, entered.text
    assert entered.json()["user"]["email"] == "pat@example.org"
    again = posted(house, "/auth/passkeys/sign-in", {"credential": credential})
    assert (again.status_code, again.json()["code"]) == (401, "invalid_credentials")
    # Who cannot be verified, by a fingerprint say, gets no assertion out of the browser.
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    refused = tab.page.evaluate(GET, posted(house, "/auth/passkeys/sign-in/options").json())
    assert refused == {"failed": "NotAllowedError"}


def link_for(administrator: httpx.Client, email: str) -> str:
    def written() -> str:
        for letter in administrator.get("/admin/outbox").json()["items"]:
            if letter["kind"] == "magic" and letter["to"] == email:
                text = administrator.get(f"/admin/outbox/{letter['id']}").json()["text"]
                return re.findall(r"/auth/magic#token=\S+", text)[0]
        return ""

    return until(written, f"a link for {email}")


LISTEN = """([flow]) => {
  window.entered = null;
  const channel = new BroadcastChannel("covey-sign-in");
  channel.onmessage = async ({ data }) => {
    if (!data.token) return;
    const answer = await fetch("/auth/magic", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ flow, token: data.token }),
    });
    window.entered = await answer.json();
    channel.postMessage({ taken: answer.ok });
  };
}"""


@pytest.mark.slow
def test_a_link_is_handed_to_the_page_that_asked_for_it(
    tab: Tab, house: Running, administrator: httpx.Client
) -> None:
    email = "mag@example.org"
    house.sign_up(email)
    flow = posted(house, "/auth/magic/request", {"email": email}).json()["flow"]
    link = link_for(administrator, email)
    other = tab.context.new_page()
    other.goto(house.url + link)
    assert other.url == f"{house.url}/auth/magic", "the secret is out of the address bar"
    other.get_by_role("button").click()
    nobody = other.get_by_role("alert").filter(has_text="in which you asked for it")
    expect(nobody).to_be_visible(timeout=20_000)
    tab.page.goto(f"{house.url}/auth/reset")
    tab.page.evaluate(LISTEN, [flow])
    other.get_by_role("button").click()
    done = other.get_by_role("status").filter(has_text="You are signed in where you asked")
    expect(done).to_be_visible(timeout=20_000)
    entered = tab.page.evaluate("window.entered")
    assert entered["user"]["email"] == email
    assert not [one for one in tab.said if "Security Policy" in one]
