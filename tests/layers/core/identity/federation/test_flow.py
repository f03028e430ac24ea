"""To the provider and back: what is refused on the way, and what is had once only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from covey.errors import (
    CoveyError,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from covey.identity.federation.flow import Wish
from covey.identity.federation.ports import Reply
from covey.identity.ports import Place
from tests.functions.auth.openid import s256
from tests.layers.core.identity.federation import scripted
from tests.layers.core.identity.federation.federated import BACK, Federated
from tests.layers.core.identity.world import at_once

TOKEN = f"{scripted.ISSUER}/token"


@pytest.fixture
def world() -> Federated:
    """In memory: the flow keeps nothing but challenges."""
    return Federated()


def brought(world: Federated, sent: Mapping[str, str], **more: str) -> dict[str, str]:
    world.answers(scripted.token(nonce=sent["nonce"]))
    return {"state": sent["state"], "code": "c0de", **more}


def refused(error: CoveyError) -> bool:
    return isinstance(error, Unauthenticated) and error.code == "sign_in_refused"


def test_back_and_forth_ends_in_a_code_that_stands_for_the_profile(world: Federated) -> None:
    sent, browser = world.leave(Wish(BACK, s256("v" * 43)))
    to = world.flow.come_back("acme", brought(world, sent), browser)
    code = to.removeprefix(f"{BACK}#code=")
    assert world.flow.arrival(code, "v" * 43).profile.email == "ann@example.test"


def test_the_secret_goes_by_the_header_and_the_verifier_fits(world: Federated) -> None:
    forms: list[Mapping[str, str]] = []
    sent, browser = world.leave()
    answer = brought(world, sent)
    tokens = world.web.answers[TOKEN]

    def token(form: Mapping[str, str]) -> Reply:
        forms.append(form)
        return tokens(form)

    world.web.answers[TOKEN] = token
    world.flow.come_back("acme", answer, browser)
    assert s256(forms[0]["code_verifier"]) == sent["code_challenge"]
    assert forms[0]["redirect_uri"] == sent["redirect_uri"]
    assert "client_secret" not in forms[0]


def test_the_email_may_be_told_by_userinfo_alone(world: Federated) -> None:
    sent, browser = world.leave()
    answer = brought(world, sent)
    world.answers(scripted.token(nonce=sent["nonce"], email=..., email_verified=...))
    info = {"sub": "ann", "email": "Ann@example.test", "email_verified": True}
    world.web.answers[f"{scripted.ISSUER}/userinfo"] = scripted.ok(info)
    to = world.flow.come_back("acme", answer, browser)
    assert world.flow.arrival(to.partition("=")[2]).profile.email == "Ann@example.test"
    sent, browser = world.leave()
    answer = brought(world, sent)
    world.answers(scripted.token(nonce=sent["nonce"], email=..., email_verified=...))
    world.web.answers[f"{scripted.ISSUER}/userinfo"] = scripted.ok({**info, "sub": "eve"})
    with pytest.raises(Unauthenticated):
        world.flow.come_back("acme", answer, browser)


def test_of_20_callbacks_with_one_state_one_succeeds(world: Federated) -> None:
    sent, browser = world.leave()
    answer = brought(world, sent)
    codes, failures = at_once(20, lambda _: world.flow.come_back("acme", answer, browser))
    assert len(codes) == 1
    assert all(refused(one) for one in failures)
    code = codes[0].partition("=")[2]
    arrivals, failures = at_once(20, lambda _: world.flow.arrival(code))
    assert len(arrivals) == 1
    assert all(refused(one) for one in failures)


ATTACKS: dict[str, Any] = {
    "no state": lambda sent, browser: ({"code": "c"}, browser),
    "a guessed state": lambda sent, browser: ({"state": "a" * 43, "code": "c"}, browser),
    "an altered state": lambda sent, browser: (
        {**sent, "state": sent["state"][:-1] + "!"},
        browser,
    ),
    "another browser": lambda sent, browser: (sent, "b" * 43),
    "no browser": lambda sent, browser: (sent, None),
    "an empty browser": lambda sent, browser: (sent, ""),
    "a browser beyond ASCII": lambda sent, browser: (sent, "\ud800"),
    "another issuer": lambda sent, browser: ({**sent, "iss": "https://evil.test"}, browser),
    "an empty issuer": lambda sent, browser: ({**sent, "iss": ""}, browser),
    "no code": lambda sent, browser: ({"state": sent["state"]}, browser),
    "an empty code": lambda sent, browser: ({**sent, "code": ""}, browser),
    "a code of control characters": lambda sent, browser: ({**sent, "code": "a\r\nb"}, browser),
    "a code beyond measure": lambda sent, browser: ({**sent, "code": "a" * 5000}, browser),
    "an error and another browser": lambda sent, browser: (
        {"state": sent["state"], "error": "access_denied"},
        "b" * 43,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_answers_that_are_not_this_browsers_own_are_refused(world: Federated, attack: Any) -> None:
    sent, browser = world.leave()
    answer, cookie = attack(brought(world, sent), browser)
    with pytest.raises(CoveyError) as failure:
        world.flow.come_back("acme", answer, cookie)
    assert refused(failure.value)


def test_a_state_of_one_provider_is_none_of_another(world: Federated) -> None:
    sent, browser = world.leave()
    with pytest.raises(CoveyError) as failure:
        world.flow.come_back("other", brought(world, sent), browser)
    assert refused(failure.value)


def test_a_code_that_was_swapped_brings_a_token_of_another_nonce(world: Federated) -> None:
    victim, _ = world.leave()
    mine, browser = world.leave()
    answer = {**brought(world, mine), "code": "theirs"}
    world.answers(scripted.token(nonce=victim["nonce"]))
    with pytest.raises(CoveyError) as failure:
        world.flow.come_back("acme", answer, browser)
    assert refused(failure.value)


def test_a_provider_that_names_itself_must_do_so(world: Federated) -> None:
    said = {**scripted.METADATA, "authorization_response_iss_parameter_supported": True}
    url = f"{scripted.ISSUER}/.well-known/openid-configuration"
    world.web.answers[url] = scripted.ok(said)
    sent, browser = world.leave()
    with pytest.raises(CoveyError) as failure:
        world.flow.come_back("acme", brought(world, sent), browser)
    assert refused(failure.value)
    sent, browser = world.leave()
    named = brought(world, sent, iss=scripted.ISSUER)
    assert world.flow.come_back("acme", named, browser).startswith(BACK)


@pytest.mark.parametrize("late", [0, 601])
def test_a_state_is_good_for_ten_minutes(world: Federated, late: int) -> None:
    sent, browser = world.leave()
    answer = brought(world, sent)
    world.now += late
    if not late:
        assert world.flow.come_back("acme", answer, browser)
        return
    with pytest.raises(Unauthenticated):
        world.flow.come_back("acme", answer, browser)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(400, b'{"error":"invalid_grant"}'), Unauthenticated),
        (Reply(401, b"no"), Unauthenticated),
        (Reply(200, b'{"error":"bad_verification_code"}'), Unauthenticated),
        (Reply(200, b"{}"), Unauthenticated),
        (Reply(200, b'{"id_token":7}'), Unauthenticated),
        (Reply(500, b"oops"), Unavailable),
        (Reply(302, b""), Unavailable),
        (Reply(200, b"<html>"), Unavailable),
        (Reply(200, b"[]"), Unavailable),
    ],
)
def test_what_the_token_endpoint_answers_else(
    world: Federated, reply: Reply, kind: type[CoveyError]
) -> None:
    sent, browser = world.leave()
    answer = brought(world, sent)
    world.web.answers[TOKEN] = lambda _: reply
    with pytest.raises(kind):
        world.flow.come_back("acme", answer, browser)


def test_wishes_that_are_not_granted(world: Federated) -> None:
    with pytest.raises(Invalid) as failure:
        world.flow.begin("acme", Wish("https://app.example.test.evil.test/done"))
    assert [one.code for one in failure.value.errors] == ["redirect_not_allowed"]
    for challenge in ("short", "a" * 44, "ü" * 43, "a" * 42 + "="):
        with pytest.raises(Invalid):
            world.flow.begin("acme", Wish(BACK, challenge))
    with pytest.raises(NotFound):
        world.flow.begin("unknown", Wish(BACK))
    with pytest.raises(NotFound):
        world.flow.come_back("unknown", {}, None)


def test_tickets_are_good_once_and_for_their_provider(world: Federated) -> None:
    url = world.flow.ticket("acme", Wish(BACK, user="ann"))
    assert url.startswith("https://api.example.test/auth/oauth/acme?ticket=")
    ticket = url.partition("ticket=")[2]
    departure = world.flow.begin_by_ticket("acme", ticket)
    assert departure.url.startswith(f"{scripted.ISSUER}/authorize?tenant=1&")
    with pytest.raises(Unauthenticated):
        world.flow.begin_by_ticket("acme", ticket)
    ticket = world.flow.ticket("acme", Wish(BACK)).partition("ticket=")[2]
    with pytest.raises(Unauthenticated):
        world.flow.begin_by_ticket("other", ticket)


def test_beginnings_are_counted_by_address(world: Federated) -> None:
    with pytest.raises(TooManyRequests):
        for _ in range(601):
            world.flow.ticket("acme", Wish(BACK), Place("203.0.113.9"))
