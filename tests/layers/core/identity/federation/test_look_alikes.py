"""Addresses that only look like another's: nobody gets one, and none leads to the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.errors import CoveyError, Invalid
from covey.fields import FieldFault, validate_value
from covey.identity.flows import CODE, MAGIC
from tests.layers.core.identity.federation.federated import ANN, Federated
from tests.layers.core.identity.world import PASSWORD

KATE = "kate.s@example.test"
LOOK_ALIKES = {
    "Kelvin sign, whose lower case is k": "\u212aate.s@example.test",
    "long s, whose upper case is S": "kate.\u017f@example.test",
    "Cyrillic a": "k\u0430te.s@example.test",
    "Greek omicron in the domain": "kate.s@example.c\u03bfm",
    "Cyrillic e in the domain": "kate.s@\u0435xample.test",
    "full-width letters": "\uff4b\uff41\uff54\uff45.s@example.test",
    "full-width at": "kate.s\uff20example.test",
    "ideographic full stop": "kate.s@example\u3002test",
    "one-dot leader": "kate\u2024s@example.test",
    "ligature": "kate.s@example.te\ufb06",
    "combining mark": "ka\u0301te.s@example.test",
    "no width": "kate.s\u200b@example.test",
    "joiner": "ka\u200dte.s@example.test",
    "soft hyphen": "kate\u00ad.s@example.test",
    "written backwards": "\u202etset.elpmaxe@s.etak",
    "variation selector": "kate.s\ufe0f@example.test",
    "null": "kate.s\x00@example.test",
    "two lines": "kate.s@example.test\n",
    "mathematical letters": "\U0001d424ate.s@example.test",
    "lone surrogate": "kate\ud800@example.test",
}
EACH = pytest.mark.parametrize("email", LOOK_ALIKES.values(), ids=LOOK_ALIKES)


@pytest.fixture
def world() -> Federated:
    return Federated()


@pytest.fixture
def kate(world: Federated) -> str:
    made = world.accounts.sign_up({"email": KATE}, PASSWORD)
    assert made is not None
    return str(made.user["id"])


@EACH
def test_nobody_gets_one(world: Federated, kate: str, email: str) -> None:
    with pytest.raises(Invalid):
        world.accounts.sign_up({"email": email}, PASSWORD)
    me = world.who(world.ann())
    with pytest.raises(Invalid):
        world.credentials.ask_email_change(me, email, PASSWORD)
    nobody = world.who(world.nobody())
    with pytest.raises(Invalid):
        world.anonymous.upgrade(nobody, email, PASSWORD)
    users = world.catalog.get("users")
    with pytest.raises(FieldFault):  # as imports and administrators write
        validate_value(email, users.fields["email"])


# What cannot be printed is left out of profiles.
@pytest.mark.parametrize("email", [one for one in LOOK_ALIKES.values() if one.isprintable()])
def test_none_is_taken_from_a_provider(world: Federated, email: str) -> None:
    stranger = replace(ANN, email=email)
    with pytest.raises(CoveyError):
        world.by(stranger)
    me = world.who(world.nobody())
    world.identities.link(me, stranger)
    user = world.addresses.of(me.id)
    assert user is not None
    assert "email" not in user.values
    assert world.accounts.sign_up({"email": KATE}, PASSWORD), "nobody has it"


@EACH
def test_none_leads_to_the_other(world: Federated, kate: str, email: str) -> None:
    with pytest.raises(CoveyError) as failure:
        world.accounts.sign_in(email, PASSWORD)
    assert failure.value.code == "invalid_credentials"
    letters = len(world.mailer.sent)
    world.credentials.ask_reset(email)
    world.codes.ask(CODE, email)
    world.codes.ask(MAGIC, email)
    assert len(world.mailer.sent) == letters
