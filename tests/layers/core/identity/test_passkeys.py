"""Passkeys, with a software authenticator, in memory and over the data engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.errors import CoveyError
from covey.identity.passkeys import MAX_PASSKEYS, party_of
from covey.identity.ports import Account
from covey.identity.principal import Kind, Principal
from tests.layers.core.identity.device import PRESENT, Device, raw, text
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

ROOT = Principal(Kind.ADMINISTRATOR, "root")


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(CoveyError) as caught:
        call()
    return caught.value.code, caught.value.detail


def caller(world: World) -> Principal:
    return world.caller(f"Bearer {world.ann().access_token}")


def added(world: World, who: Principal, name: str = "Phone") -> Device:
    device = Device()
    world.passkeys.add(who, device.create(world.passkeys.offer(who)), name)
    return device


def test_a_passkey_is_added_listed_used_and_removed(world: World) -> None:
    ann = caller(world)
    device = added(world, ann)
    (kept,) = world.passkeys.of(ann)
    assert (kept.name, kept.count, kept.used) == ("Phone", 0, 0)
    assert kept.id == text(device.soft.credential_id)
    entered = world.passkeys.sign_in(device.get(world.passkeys.ask()))
    assert entered.user["id"] == ann.id
    assert world.caller(f"Bearer {entered.access_token}").id == ann.id
    (kept,) = world.passkeys.of(ann)
    assert (kept.count, kept.used) == (1, int(world.now))
    assert "passkey" in [one.means for one in world.sessions.of(ann.id)]
    assert [one.kind for one in world.mailer.sent][-1] == "factor_changed"
    world.passkeys.remove(ann, kept.id)
    assert not world.passkeys.of(ann)
    assert refused(lambda: world.passkeys.remove(ann, kept.id))[0] == "not_found"
    assert refused(lambda: world.passkeys.sign_in(device.get(world.passkeys.ask())))
    kinds = {event.kind for event in world.audit.newest(20)}
    assert {"passkey_added", "passkey_removed", "signed_in", "sign_in_failed"} <= kinds


def test_several_passkeys_are_kept_side_by_side(world: World) -> None:
    ann = caller(world)
    devices = [added(world, ann, f"Key {number}") for number in range(3)]
    assert sorted(one.name for one in world.passkeys.of(ann)) == ["Key 0", "Key 1", "Key 2"]
    offered = world.passkeys.offer(ann)
    assert len(offered["excludeCredentials"]) == 3
    for device in devices:
        assert world.passkeys.sign_in(device.get(world.passkeys.ask())).user["id"] == ann.id


def _other_origin(device: Device) -> None:
    device.origin = "https://evil.test"


def _other_party(device: Device) -> None:
    device.soft.rp_id = "evil.test"


def _not_verified(device: Device) -> None:
    device.flags = PRESENT


def _absent(device: Device) -> None:
    device.flags = 0


def _other_user(device: Device) -> None:
    device.soft.user_handle = b"nobody"


def _long_user(device: Device) -> None:
    device.soft.user_handle = b"x" * 4000


def _odd_user(device: Device) -> None:
    device.soft.user_handle = b"\x00\xff/=.!"


def _no_user(device: Device) -> None:
    device.soft.user_handle = b""


def _other_key(device: Device) -> None:
    other = Device()
    other.soft.cred_init("example.test", b"x")
    device.soft.private_key = other.soft.private_key


def _other_credential(device: Device) -> None:
    device.soft.credential_id = b"\0" * 32


@pytest.mark.parametrize(
    "tamper",
    [
        _other_origin,
        _other_party,
        _not_verified,
        _absent,
        _other_user,
        _no_user,
        _long_user,
        _odd_user,
        _other_key,
        _other_credential,
    ],
)
def test_what_does_not_hold_is_refused_in_one_way(
    world: World, tamper: Callable[[Device], None]
) -> None:
    device = added(world, caller(world))
    tamper(device)
    outcome = refused(lambda: world.passkeys.sign_in(device.get(world.passkeys.ask())))
    assert outcome == ("invalid_credentials", "This passkey does not hold here.")


def test_an_assertion_is_good_once_and_for_its_challenge(world: World) -> None:
    device = added(world, caller(world))
    asserted = device.get(world.passkeys.ask())
    assert world.passkeys.sign_in(asserted)
    assert refused(lambda: world.passkeys.sign_in(asserted))[0] == "invalid_credentials"
    made_up = device.get({"challenge": text(b"c" * 32)})
    assert refused(lambda: world.passkeys.sign_in(made_up))[0] == "invalid_credentials"
    late = device.get(world.passkeys.ask())
    world.now += 300
    assert refused(lambda: world.passkeys.sign_in(late))[0] == "invalid_credentials"


def test_of_twenty_that_use_one_assertion_one_is_signed_in(world: World) -> None:
    device = added(world, caller(world))
    asserted = device.get(world.passkeys.ask())
    done, failed = at_once(20, lambda _: world.passkeys.sign_in(asserted))
    assert len(done) == 1
    assert {one.code for one in failed} == {"invalid_credentials"}


def test_of_twenty_that_keep_one_credential_one_does(world: World) -> None:
    ann = caller(world)
    made = Device().create(world.passkeys.offer(ann))
    done, _ = at_once(20, lambda _: world.passkeys.add(ann, made, "Phone"))
    assert len(done) == len(world.passkeys.of(ann)) == 1


def test_a_count_that_does_not_rise_is_refused_and_noted(world: World) -> None:
    device = added(world, caller(world))
    assert world.passkeys.sign_in(device.get(world.passkeys.ask()))
    assert world.passkeys.sign_in(device.get(world.passkeys.ask()))
    device.soft.sign_count = 0
    copied = device.get(world.passkeys.ask())
    assert refused(lambda: world.passkeys.sign_in(copied))[0] == "invalid_credentials"
    assert "passkey_count_regressed" in [event.kind for event in world.audit.newest(3)]
    device.soft.sign_count = 10
    assert world.passkeys.sign_in(device.get(world.passkeys.ask()))


def test_passkeys_that_do_not_count_are_taken_until_they_do(world: World) -> None:
    device = added(world, caller(world))
    device.counts = False
    for _ in range(3):
        assert world.passkeys.sign_in(device.get(world.passkeys.ask()))
    device.soft.sign_count = 4
    assert world.passkeys.sign_in(device.get(world.passkeys.ask()))
    device.soft.sign_count = 0
    assert refused(lambda: world.passkeys.sign_in(device.get(world.passkeys.ask())))


def test_disabled_and_deleted_users_are_refused(world: World) -> None:
    ann = caller(world)
    device = added(world, ann)
    world.administration.disable(ROOT, ann.id)
    assert refused(lambda: world.passkeys.sign_in(device.get(world.passkeys.ask())))
    world.administration.enable(ROOT, ann.id)
    assert world.passkeys.sign_in(device.get(world.passkeys.ask()))
    world.forget_factors(ann.id)
    world.accounts_kept.remove(ann.id)
    assert refused(lambda: world.passkeys.sign_in(device.get(world.passkeys.ask())))


def test_a_challenge_to_add_is_its_users_and_good_for_nothing_else(world: World) -> None:
    ann = caller(world)
    device = Device()
    made = device.create(world.passkeys.offer(ann))
    bob = world.accounts.sign_up({"email": "bob@example.test"}, PASSWORD)
    assert bob is not None
    other = world.caller(f"Bearer {bob.access_token}")
    assert refused(lambda: world.passkeys.add(other, made, "x"))[0] == "invalid_credentials"
    assert refused(lambda: world.passkeys.add(ann, made, "x")), "spent by the other"
    crossed = device.get(world.passkeys.offer(ann))
    assert refused(lambda: world.passkeys.sign_in(crossed))
    again = device.create({**world.passkeys.offer(ann), **_challenge(world.passkeys.ask())})
    assert refused(lambda: world.passkeys.add(ann, again, "x"))


def _challenge(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"challenge": options["challenge"]}


@pytest.mark.parametrize("tamper", [_other_origin, _not_verified])
def test_what_is_added_is_checked_too(world: World, tamper: Callable[[Device], None]) -> None:
    ann = caller(world)
    device = Device()
    tamper(device)
    made = device.create(world.passkeys.offer(ann))
    assert refused(lambda: world.passkeys.add(ann, made, "x"))[0] == "invalid_credentials"
    assert not world.passkeys.of(ann)


@pytest.mark.parametrize("name", ["", "a" * 81, "two\nlines", "\x00"])
def test_names_are_short_and_plain(world: World, name: str) -> None:
    ann = caller(world)
    made = Device().create(world.passkeys.offer(ann))
    assert refused(lambda: world.passkeys.add(ann, made, name))[0] == "validation_failed"
    assert world.passkeys.add(ann, made, "Fräulein 📱"), "a bad name does not spend the challenge"


def test_a_proof_is_asked_for_once_the_session_is_old(world: World) -> None:
    ann = caller(world)
    device = added(world, ann)
    kept = text(device.soft.credential_id)
    world.now += 601
    assert refused(lambda: world.passkeys.offer(ann))[0] == "proof_required"
    assert refused(lambda: world.passkeys.offer(ann, "wrong password"))[0] == "invalid_credentials"
    assert refused(lambda: world.passkeys.remove(ann, kept))[0] == "proof_required"
    assert world.passkeys.offer(ann, PASSWORD)
    world.passkeys.remove(ann, kept, PASSWORD)


def test_who_acts_in_anothers_name_adds_nothing(world: World) -> None:
    ann = replace(caller(world), actor="root")
    assert refused(lambda: world.passkeys.offer(ann))[0] == "impersonating"
    assert world.passkeys.of(ann) == ()
    guest = Principal(Kind.GUEST)
    assert refused(lambda: world.passkeys.offer(guest))[0] == "unauthenticated"
    assert refused(lambda: world.passkeys.of(guest))[0] == "unauthenticated"


def test_there_is_an_end_to_passkeys() -> None:
    world = World()
    ann = caller(world)
    for number in range(MAX_PASSKEYS):
        added(world, ann, f"{number}")
    assert refused(lambda: world.passkeys.offer(ann))[0] == "too_many_passkeys"


def test_an_id_that_fits_no_passkey_is_told() -> None:
    world = World()
    ann = caller(world)
    account = world.accounts_kept.get(ann.id)
    assert account is not None
    long = "é" * 33
    world.accounts_kept.add(replace(account, user=long))
    session, _ = world.sessions.open(Account(long, "", 0))
    outcome = refused(lambda: world.passkeys.offer(replace(ann, id=long, session=session.id)))
    assert outcome[0] == "validation_failed"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
HOSTILE = st.sampled_from(
    [text(b"\xff" * 40), text(b"{}"), text(b"[]"), text(b"\xa1" * 2000), "a", "=", "\x00", "é"]
)


@pytest.fixture(scope="module")
def registered() -> tuple[World, Principal, Device]:
    world = World()
    ann = caller(world)
    return world, ann, added(world, ann)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_hostile_credentials_are_refused_whatever_they_are(
    registered: tuple[World, Principal, Device], data: st.DataObject
) -> None:
    world, ann, device = registered
    world.attempts_kept.counts.clear()  # type: ignore[attr-defined]
    for extra in world.passkeys.of(ann)[1:]:
        world.factors_kept.remove_passkey(ann.id, extra.id)
    # Drawn before anything random is made, so that examples can be made again.
    adding, inner, swap = (data.draw(st.booleans()) for _ in range(3))
    which, place, bit, left = (data.draw(st.integers(0, 10**6)) for _ in range(4))
    value = data.draw(ANY | HOSTILE)
    whole = device.get(world.passkeys.ask())
    if adding:
        whole = Device().create(world.passkeys.offer(ann))
    part = whole["response"] if inner else whole
    name = sorted(part)[which % len(part)]
    if swap or name == "type" or not isinstance(part[name], str):
        part[name] = value
    else:
        octets = bytearray(raw(part[name]))
        octets[place % len(octets)] ^= 1 << bit % 8
        part[name] = text(bytes(octets[: left % (2 * len(octets))]))
    try:
        world.passkeys.add(ann, whole, "x") if adding else world.passkeys.sign_in(whole)
    except CoveyError as exc:
        assert exc.status in (401, 409)


def test_client_data_that_is_odd_json_is_refused() -> None:
    world = World()
    device = added(world, caller(world))
    for said in ("[" * 100_000, json.dumps({"challenge": ["x"]}), "NaN", "\ud800"):
        asserted = device.get(world.passkeys.ask())
        asserted["response"]["clientDataJSON"] = text(said.encode("utf-8", "surrogatepass"))
        assert refused(lambda: world.passkeys.sign_in(asserted))[0] == "invalid_credentials"  # noqa: B023


@pytest.mark.parametrize(
    ("url", "domain", "origins", "expected"),
    [
        ("https://a.test", "", "", ("a.test", ("https://a.test",))),
        ("https://a.test/x/", "", "", ("a.test", ("https://a.test",))),
        (
            "http://127.0.0.1:8000",
            "",
            "",
            ("localhost", ("http://127.0.0.1:8000", "http://localhost:8000")),
        ),
        (
            "https://api.a.test",
            "a.test",
            "https://a.test, https://www.a.test/",
            ("a.test", ("https://a.test", "https://www.a.test")),
        ),
    ],
)
def test_the_party_is_of_the_configuration(
    url: str, domain: str, origins: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    party = party_of(url, domain, origins, "Acme")
    assert (party.id, party.origins) == expected


def test_the_address_is_the_name_that_the_authenticator_shows(world: World) -> None:
    options = world.passkeys.offer(caller(world))
    assert options["user"]["name"] == EMAIL
    assert options["rp"] == {"name": "Acme", "id": "example.test"}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert (
        "allowCredentials" not in world.passkeys.ask()
        or not world.passkeys.ask()["allowCredentials"]
    )
