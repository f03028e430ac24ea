"""Authenticator apps and recovery codes, in memory and over the data engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyotp
import pytest

from covey.errors import CoveyError
from covey.identity import recovery, totp
from covey.identity.accounts import SignedIn
from covey.identity.flows import CODE
from covey.identity.ports import Place
from covey.identity.principal import Kind, Principal
from covey.identity.sealing import BrokenSeal, Seal
from covey.identity.second_factor import Awaiting
from tests.layers.core.identity.device import Device
from tests.layers.core.identity.test_codes import ask
from tests.layers.core.identity.world import EMAIL, PASSWORD, World, at_once

ROOT = Principal(Kind.ADMINISTRATOR, "root")


@dataclass
class Ann:
    """A user with an app; `old` is her first session, `codes` her recovery codes."""

    world: World
    id: str
    old: Principal
    app: pyotp.TOTP
    codes: list[str]

    def code(self, steps: int = 0) -> str:
        return str(self.app.at(int(self.world.now) + 30 * steps))

    def later(self) -> str:
        """A code of a step that was not used yet."""
        self.world.now += 60
        return self.code()

    def began(self) -> Awaiting:
        awaiting = self.world.accounts.sign_in(EMAIL, PASSWORD)
        assert isinstance(awaiting, Awaiting)
        return awaiting


@pytest.fixture
def ann(world: World) -> Ann:
    signed_in = world.ann()
    caller = world.caller(f"Bearer {signed_in.access_token}")
    offered = world.authenticator.offer(caller, "")
    app = pyotp.TOTP(offered.secret)
    codes = world.authenticator.confirm(caller, app.at(int(world.now)))
    return Ann(world, caller.id, caller, app, list(codes))


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(CoveyError) as caught:
        call()
    return caught.value.code


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.audit.newest(30)]


def test_a_first_factor_alone_opens_no_session(ann: Ann) -> None:
    before = len(ann.world.sessions.of(ann.id))
    awaiting = ann.began()
    assert awaiting.factors == ("totp", "recovery")
    assert kinds(ann.world)[0] == "second_factor_asked"
    assert len(ann.world.sessions.of(ann.id)) == before
    signed_in = ann.world.accounts.finish(awaiting.flow, ann.later())
    assert signed_in.user["id"] == ann.id
    assert "password+totp" in [one.means for one in ann.world.sessions.of(ann.id)]


def test_codes_by_mail_are_first_factors_too(ann: Ann) -> None:
    ann.world.verify()
    awaiting = ann.world.codes.redeem(CODE, *ask(ann.world, CODE))
    assert isinstance(awaiting, Awaiting)
    assert ann.world.accounts.finish(awaiting.flow, ann.later())
    assert "code+totp" in [one.means for one in ann.world.sessions.of(ann.id)]


def test_a_passkey_is_both(ann: Ann) -> None:
    device = Device()
    offered = ann.world.passkeys.offer(ann.old, code=ann.later())
    ann.world.passkeys.add(ann.old, device.create(offered), "Phone")
    assert isinstance(ann.world.passkeys.sign_in(device.get(ann.world.passkeys.ask())), SignedIn)
    assert ann.began().factors == ("totp", "recovery", "passkey")


def test_a_passkey_answers_for_the_app(ann: Ann) -> None:
    world, device = ann.world, Device()
    world.passkeys.add(
        ann.old, device.create(world.passkeys.offer(ann.old, code=ann.later())), "Phone"
    )
    flow = ann.began().flow
    spent = device.get(world.passkeys.ask())
    assert world.passkeys.finish(flow, spent).user["id"] == ann.id
    assert "password+passkey" in [one.means for one in world.sessions.of(ann.id)]
    assert refused(lambda: world.passkeys.finish(flow, device.get(world.passkeys.ask()))) == (
        "invalid_token"
    )
    again = ann.began().flow
    assert refused(lambda: world.passkeys.finish(again, spent)) == "invalid_credentials"
    assert kinds(world)[0] == "second_factor_failed"
    assert world.passkeys.finish(again, device.get(world.passkeys.ask()))


def test_somebody_elses_passkey_answers_for_nothing(ann: Ann) -> None:
    world, device = ann.world, Device()
    bob = world.accounts.sign_up({"email": "bob@example.test"}, PASSWORD)
    assert bob is not None
    caller = world.caller(f"Bearer {bob.access_token}")
    world.passkeys.add(caller, device.create(world.passkeys.offer(caller)), "Phone")
    flow = ann.began().flow
    codes = [
        refused(lambda: world.passkeys.finish(flow, device.get(world.passkeys.ask())))
        for _ in range(6)
    ]
    assert codes == ["invalid_credentials"] * 5 + ["invalid_token"]
    assert ann.id not in [one.user for one in world.sessions.of(caller.id)]


@pytest.mark.parametrize(
    ("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_holds_one_step_around(ann: Ann, steps: int, taken: bool) -> None:
    ann.world.now += 300
    flow = ann.began().flow
    if taken:
        assert ann.world.accounts.finish(flow, ann.code(steps))
    else:
        assert refused(lambda: ann.world.accounts.finish(flow, ann.code(steps))) == (
            "invalid_credentials"
        )


def test_a_code_is_good_once_and_none_before_it_is(ann: Ann) -> None:
    code = ann.later()
    earlier = ann.code(-1)
    assert ann.world.accounts.finish(ann.began().flow, f"{code[:3]} {code[3:]}")
    for used in (code, earlier):
        flow = ann.began().flow
        assert refused(lambda: ann.world.accounts.finish(flow, used)) == "invalid_credentials"  # noqa: B023
        assert ann.world.accounts.finish(flow, ann.codes.pop()), "another code of the same flow"


def test_the_code_that_confirmed_is_spent(ann: Ann) -> None:
    flow = ann.began().flow
    assert refused(lambda: ann.world.accounts.finish(flow, ann.code())) == "invalid_credentials"


def test_each_recovery_code_is_good_once(ann: Ann) -> None:
    first = ann.codes[0]
    typed = first.upper().replace("-", " ").replace("0", "O").replace("1", "l")
    assert ann.world.accounts.finish(ann.began().flow, typed)
    flow = ann.began().flow
    assert refused(lambda: ann.world.accounts.finish(flow, first)) == "invalid_credentials"
    assert ann.world.authenticator.status(ann.old)["recovery_codes"] == 9
    assert "recovery_code_used" in kinds(ann.world)
    for code in ann.codes[1:]:
        assert ann.world.accounts.finish(ann.began().flow, code)
    assert ann.began().factors == ("totp",)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "٠١٢٣٤٥",
        "１２３４５６",
        "\x00" * 6,
        "-123456",
        "12e456",
        "\ud800",
        "0" * 100_000,
        "0000-0000-0000-0000",
        "é" * 16,
        " " * 64,
    ],
)
def test_what_is_no_code_is_refused_as_a_wrong_one(ann: Ann, code: str) -> None:
    flow = ann.began().flow
    assert refused(lambda: ann.world.accounts.finish(flow, code)) == "invalid_credentials"
    assert "second_factor_failed" in kinds(ann.world)


@pytest.mark.parametrize("flow", ["", "x" * 43, "\x00" * 43, "é" * 43, "x" * 100_000, "\ud800"])
def test_what_is_no_flow_is_refused(ann: Ann, flow: str) -> None:
    assert refused(lambda: ann.world.accounts.finish(flow, ann.later())) == "invalid_token"


def test_a_flow_ends_after_five_guesses_and_ten_minutes(ann: Ann) -> None:
    flow = ann.began().flow
    for _ in range(5):
        assert refused(lambda: ann.world.accounts.finish(flow, "000000")) == "invalid_credentials"
    assert refused(lambda: ann.world.accounts.finish(flow, ann.later())) == "invalid_token"
    flow = ann.began().flow
    ann.world.now += 600
    assert refused(lambda: ann.world.accounts.finish(flow, ann.later())) == "invalid_token"


def test_guesses_over_many_flows_are_throttled(ann: Ann) -> None:
    for _ in range(2):
        flow = ann.began().flow
        for _ in range(5):
            refused(lambda: ann.world.accounts.finish(flow, "000000", Place("192.0.2.1")))  # noqa: B023
    flow = ann.began().flow
    assert refused(lambda: ann.world.accounts.finish(flow, ann.code(1))) == "rate_limited"
    assert "second_factor_throttled" in kinds(ann.world)
    ann.world.now += 3600
    assert ann.world.accounts.finish(ann.began().flow, ann.later())


def test_of_twenty_at_once_one_enters_by_one_code(ann: Ann) -> None:
    code = ann.later()
    flows = [ann.began().flow for _ in range(20)]
    done, failed = at_once(20, lambda number: ann.world.accounts.finish(flows[number], code))
    assert len(done) == 1
    assert {one.code for one in failed} <= {"invalid_credentials", "rate_limited"}


def test_of_twenty_at_once_one_enters_by_one_recovery_code(ann: Ann) -> None:
    flows = [ann.began().flow for _ in range(20)]
    done, failed = at_once(
        20, lambda number: ann.world.accounts.finish(flows[number], ann.codes[0])
    )
    assert len(done) == 1
    assert {one.code for one in failed} <= {"invalid_credentials", "rate_limited"}


def test_of_twenty_at_once_one_enters_by_one_flow(ann: Ann) -> None:
    flow = ann.began().flow
    done, failed = at_once(
        20, lambda number: ann.world.accounts.finish(flow, ann.codes[number % 10])
    )
    assert len(done) == 1
    assert {one.code for one in failed} <= {"invalid_token", "invalid_credentials"}


def test_of_twenty_at_once_one_confirms(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    offered = world.authenticator.offer(caller, "")
    code = pyotp.TOTP(offered.secret).at(int(world.now))
    done, failed = at_once(20, lambda _: world.authenticator.confirm(caller, code))
    assert len(done) == 1
    assert {one.code for one in failed} <= {"conflict", "totp_not_offered", "rate_limited"}
    assert world.authenticator.status(caller)["recovery_codes"] == 10
    awaiting = world.accounts.sign_in(EMAIL, PASSWORD)
    assert isinstance(awaiting, Awaiting)
    assert world.accounts.finish(awaiting.flow, done[0][0]), "the codes of the one that won hold"


def test_disabled_users_and_changed_passwords_end_what_is_under_way(ann: Ann) -> None:
    ann.world.verify()
    flow = ann.began().flow
    ann.world.administration.disable(ROOT, ann.id)
    assert refused(lambda: ann.world.accounts.finish(flow, ann.later())) == "invalid_token"
    ann.world.administration.enable(ROOT, ann.id)
    flow = ann.began().flow
    ann.world.credentials.ask_reset(EMAIL)
    ann.world.credentials.reset(ann.world.link("reset"), "another horse entirely")
    assert refused(lambda: ann.world.accounts.finish(flow, ann.later())) == "invalid_token"
    assert refused(lambda: ann.world.accounts.sign_in(EMAIL, PASSWORD)) == "invalid_credentials"
    again = ann.world.accounts.sign_in(EMAIL, "another horse entirely")
    assert isinstance(again, Awaiting), "a letter does not replace the second factor"


def test_an_offer_counts_for_nothing_until_it_is_confirmed(world: World) -> None:
    caller = world.caller(f"Bearer {world.ann().access_token}")
    first = world.authenticator.offer(caller, "")
    second = world.authenticator.offer(caller, "")
    assert world.sign_in()
    assert not world.authenticator.status(caller)["totp"]
    stale = pyotp.TOTP(first.secret).at(int(world.now))
    assert refused(lambda: world.authenticator.confirm(caller, stale)) == "invalid_credentials"
    assert world.authenticator.confirm(caller, pyotp.TOTP(second.secret).at(int(world.now)))
    assert refused(lambda: world.authenticator.confirm(caller, stale)) == "totp_not_offered"


def test_a_new_app_does_not_take_the_place_of_a_confirmed_one(ann: Ann) -> None:
    outcome = refused(lambda: ann.world.authenticator.offer(ann.old, PASSWORD))
    assert outcome == "proof_required", "the first session has passed no second factor"
    strong = ann.world.accounts.finish(ann.began().flow, ann.later())
    caller = ann.world.caller(f"Bearer {strong.access_token}")
    assert refused(lambda: ann.world.authenticator.offer(caller, "")) == "totp_enabled"


def test_beside_an_app_neither_password_nor_an_old_session_is_proof(ann: Ann) -> None:
    """A stolen session with a stolen password adds no passkey to stay."""
    offer = ann.world.passkeys.offer
    assert refused(lambda: offer(ann.old)) == "proof_required"
    assert refused(lambda: offer(ann.old, PASSWORD)) == "proof_required"
    changed = ann.world.credentials.change(ann.old, PASSWORD, "another horse entirely")
    thief = ann.world.caller(f"Bearer {changed.access_token}")
    assert refused(lambda: offer(thief, "another horse entirely")) == "proof_required"
    assert refused(lambda: offer(thief, code="000000")) == "invalid_credentials"
    assert offer(thief, code=ann.later())


def test_an_app_is_removed_with_a_code_alone(ann: Ann) -> None:
    remove = ann.world.authenticator.remove
    assert refused(lambda: remove(ann.old, PASSWORD)) == "invalid_credentials"
    assert refused(lambda: remove(replace(ann.old, actor="root"), ann.later())) == "impersonating"
    remove(ann.old, ann.codes[0])
    assert ann.world.sign_in()
    assert refused(lambda: remove(ann.old, ann.codes[1])) == "totp_not_enabled"
    assert {"totp_enabled", "totp_removed"} <= set(kinds(ann.world))
    letters = [one.text for one in ann.world.mailer.sent if one.kind == "factor_changed"]
    assert ["was added" in letters[0], "was removed" in letters[1]] == [True, True]


def test_new_recovery_codes_replace_all(ann: Ann) -> None:
    fresh = ann.world.authenticator.renew_codes(ann.old, ann.codes[0])
    flow = ann.began().flow
    assert refused(lambda: ann.world.accounts.finish(flow, ann.codes[1])) == "invalid_credentials"
    assert ann.world.accounts.finish(flow, fresh[0])


def test_guests_have_no_factors(world: World) -> None:
    guest = Principal(Kind.GUEST)
    key = Principal(Kind.KEY, "k1")
    for who in (guest, key):
        assert refused(lambda: world.authenticator.status(who)) == "unauthenticated"  # noqa: B023
        assert refused(lambda: world.authenticator.offer(who, "")) == "unauthenticated"  # noqa: B023
        assert refused(lambda: world.authenticator.confirm(who, "")) == "unauthenticated"  # noqa: B023


def test_a_stranger_who_waits_with_an_app_is_rid_of_it(ann: Ann) -> None:
    """Whoever signed up with this address, set it up before its owner came."""
    entered = ann.world.codes.redeem(CODE, *ask(ann.world, CODE))
    assert isinstance(entered, SignedIn)
    owner = ann.world.caller(f"Bearer {entered.access_token}")
    status = ann.world.authenticator.status(owner)
    assert status == {"totp": False, "recovery_codes": 0, "passkeys": 0, "password": False}


def test_an_administrator_takes_lost_factors_away(ann: Ann) -> None:
    device = Device()
    offered = ann.world.passkeys.offer(ann.old, code=ann.later())
    ann.world.passkeys.add(ann.old, device.create(offered), "Phone")
    flow = ann.began().flow
    remove = ann.world.administration.remove_factors
    assert refused(lambda: remove(ann.old, ann.id)) == "administrators_only"
    assert refused(lambda: remove(ROOT, "nobody")) == "not_found"
    remove(ROOT, ann.id)
    assert refused(lambda: ann.world.accounts.finish(flow, ann.codes[0])) != ""
    assert refused(lambda: ann.world.passkeys.sign_in(device.get(ann.world.passkeys.ask())))
    assert not ann.world.sessions.of(ann.id)
    assert ann.world.sign_in()
    assert kinds(ann.world).count("factors_removed") == 1
    assert "An administrator removed" in ann.world.mailer.sent[-1].text


def test_the_secret_is_kept_sealed_for_its_user(ann: Ann) -> None:
    kept = ann.world.factors_kept.of(ann.id)
    assert kept.totp is not None
    assert ann.app.secret not in kept.totp.secret
    assert not kept.recovery & {*ann.codes, *map(recovery.normal, ann.codes)}
    seal = Seal(lambda: b"k" * 32)
    assert seal.open(kept.totp.secret, ann.id) == ann.app.secret
    with pytest.raises(BrokenSeal):
        seal.open(kept.totp.secret, "another")
    for broken in ("", "AAAA", kept.totp.secret[:-4], "é"):
        with pytest.raises(BrokenSeal):
            seal.open(broken, ann.id)


def test_recovery_codes_hold_where_the_key_is_another(ann: Ann) -> None:
    """A backup that was restored elsewhere."""
    kept = ann.world.factors_kept.of(ann.id).totp
    assert kept is not None
    sealed = Seal(lambda: b"x" * 32).close(ann.app.secret, ann.id)
    ann.world.factors_kept.remove_totp(ann.id)
    ann.world.factors_kept.offer_totp(ann.id, replace(kept, secret=sealed))
    ann.world.factors_kept.replace_codes(ann.id, [recovery.digest(ann.id, ann.codes[0])])
    flow = ann.began().flow
    assert refused(lambda: ann.world.accounts.finish(flow, ann.later())) == "invalid_credentials"
    assert ann.world.accounts.finish(ann.began().flow, ann.codes[0])


def test_codes_are_those_of_rfc_6238() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", appendix B
    for moment, code in ((59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")):
        assert totp.step_of(secret, code, moment) == moment // 30
        assert totp.step_of(secret, code, moment + 90) is None


def test_the_uri_escapes_what_a_name_may_hold() -> None:
    written = totp.uri("GEZDGNBVGY3TQOJQ" * 2, name="a b?&#@example.test", product="A:B & C")
    assert written.startswith("otpauth://totp/A%3AB%20%26%20C:a%20b%3F%26%23%40example.test?")
    assert "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in written
