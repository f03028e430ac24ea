"""Sessions that a browser keeps in a cookie."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Unauthenticated
from covey.identity.browser_sessions import BrowserSessions, read
from covey.identity.ports import Session
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

LIFETIME = 7200
HOUR = 3600


@pytest.fixture
def browser(world: World) -> BrowserSessions:
    return BrowserSessions(
        world.sessions, world.sessions_kept, lifetime=LIFETIME, clock=world.clock
    )


@pytest.fixture
def token(world: World) -> str:
    made = world.accounts.sign_up({"email": EMAIL}, PASSWORD)
    assert made is not None
    return made.refresh_token


def kept(world: World, user: str) -> Session:
    (session,) = world.sessions_kept.of(user)
    return session


def test_a_cookie_names_its_user_until_it_runs_out(
    world: World, browser: BrowserSessions, token: str
) -> None:
    value, seconds = browser.adopt(token)
    assert seconds == LIFETIME
    caller = world.presence.of_cookie(value)
    assert caller.session == kept(world, caller.id).id
    assert caller.until == int(world.now) + LIFETIME
    world.now += LIFETIME
    with pytest.raises(Unauthenticated):
        world.presence.of_cookie(value)
    with pytest.raises(Unauthenticated):
        browser.renew(caller)


def test_what_ends_the_session_ends_the_cookie(
    world: World, browser: BrowserSessions, token: str
) -> None:
    value, _ = browser.adopt(token)
    caller = world.presence.of_cookie(value)
    world.sessions.end(caller.id, caller.session)
    with pytest.raises(Unauthenticated, match="invalid_token"):
        world.presence.of_cookie(value)
    with pytest.raises(Unauthenticated, match="invalid_token"):
        browser.renew(caller)
    assert not world.sessions_kept.of(caller.id), "renewing brings nothing back"


def test_of_twenty_that_adopt_one_token_one_gets_a_cookie(
    world: World, browser: BrowserSessions, token: str
) -> None:
    cookies, failures = at_once(20, lambda _: browser.adopt(token))
    assert len(cookies) <= 1
    assert len(cookies) + len(failures) == 20
    assert {failure.code for failure in failures} == {"invalid_token"}


def test_twenty_that_renew_at_once_all_stay(
    world: World, browser: BrowserSessions, token: str
) -> None:
    value, _ = browser.adopt(token)
    caller = world.presence.of_cookie(value)
    world.now += HOUR
    renewed, failures = at_once(20, lambda _: browser.renew(caller))
    assert not failures
    assert set(renewed) == {LIFETIME}
    assert world.presence.of_cookie(value).until == int(world.now) + LIFETIME


def test_a_session_is_written_once_an_hour(
    world: World, browser: BrowserSessions, token: str
) -> None:
    value, _ = browser.adopt(token)
    caller = world.presence.of_cookie(value)
    world.now += HOUR - 1
    assert browser.renew(caller) == LIFETIME - HOUR + 1
    world.now += 1
    assert browser.renew(caller) == LIFETIME
    assert kept(world, caller.id).used == int(world.now)


def test_neither_kind_of_secret_passes_for_the_other(
    world: World, browser: BrowserSessions, token: str
) -> None:
    user, session, secret = token.split(".")
    for part in (secret[:43], secret[-43:]):
        with pytest.raises(Unauthenticated, match="invalid_token"):
            world.presence.of_cookie(f"{user}.{session}.{part}")
    value, _ = browser.adopt(token)
    with pytest.raises(Unauthenticated, match="invalid_token"):
        world.sessions.find(value)
    forged = f"{user}.{session}.{'A' * 22}{value[-43:]}"
    with pytest.raises(Unauthenticated, match="invalid_token"):
        world.sessions.find(forged)
    assert world.presence.of_cookie(value), "a guess ended nothing"


def test_a_spent_token_that_is_used_again_ends_the_session(
    world: World, browser: BrowserSessions, token: str
) -> None:
    value, _ = browser.adopt(token)
    with pytest.raises(Unauthenticated):
        browser.adopt(token)
    with pytest.raises(Unauthenticated):
        world.presence.of_cookie(value)


def test_all_failures_are_told_alike(world: World, browser: BrowserSessions, token: str) -> None:
    value, _ = browser.adopt(token)
    user, session, secret = value.split(".")
    nobody = base64.urlsafe_b64encode(b"nobody-here-either").decode()
    forged = [
        f"{user}.{session}.{secret[::-1]}",
        f"{user}.{'A' * 22}.{secret}",
        f"{nobody}.{session}.{secret}",
        "x",
        "",
        "é",
    ]
    told = set()
    for one in forged:
        with pytest.raises(Unauthenticated) as refused:
            world.presence.of_cookie(one)
        told.add((refused.value.code, refused.value.detail))
    assert len(told) == 1


@given(st.one_of(st.text(max_size=120), st.from_regex(r"[\w=-]{0,60}(\.[\w-]{0,60}){2}")))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        cookie = read(text)
    except Unauthenticated as refused:
        assert refused.code == "invalid_token"
    else:
        assert text.split(".")[1] == cookie.session


@given(st.text(min_size=2, max_size=80).filter(lambda text: text.isprintable()))
def test_a_name_is_spelt_in_one_way(user: str) -> None:
    spelt = base64.urlsafe_b64encode(user.encode()).rstrip(b"=").decode()
    assert read(f"{spelt}.{'s' * 22}.{'x' * 43}").user == user
