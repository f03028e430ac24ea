"""OAUTH_PROVIDERS: what it may hold, and faults that tell no secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from covey.identity.federation.providers import MisconfiguredError, parse

SECRET = "do-not-tell"


def test_presets_need_an_id_and_a_secret_alone() -> None:
    both = {"client_id": "id", "client_secret": SECRET}
    found = parse(json.dumps({"google": both, "github": both}))
    assert (found["google"].issuer, found["google"].kind) == ("https://accounts.google.com", "oidc")
    assert (found["github"].api, found["github"].kind) == ("https://api.github.com", "github")
    assert SECRET not in repr(found)


def test_nothing_is_no_provider() -> None:
    assert parse("") == {}


@pytest.mark.parametrize(
    ("email", "claims", "vouched"),
    [
        ("ann@gmail.com", {"email_verified": True}, True),
        ("ann@acme.test", {"email_verified": True, "hd": "acme.test"}, True),
        ("ann@acme.test", {"email_verified": True}, False),
        ("ann@gmail.com.evil.test", {"email_verified": True}, False),
        ("ann@gmail.com", {"email_verified": "true"}, False),
        ("ann@gmail.com", {}, False),
    ],
)
def test_google_vouches_for_its_own_addresses(
    email: str, claims: dict[str, Any], vouched: bool
) -> None:
    google = parse(json.dumps({"google": {"client_id": "id"}}))["google"]
    assert google.vouches(email, claims) is vouched


FAULTS: dict[str, Any] = {
    "no object": [SECRET],
    "a name with a slash": {"a/b": {"client_id": SECRET, "issuer": "https://a.test"}},
    "no issuer": {"acme": {"client_id": SECRET}},
    "no client": {"acme": {"issuer": "https://a.test", "client_secret": SECRET}},
    "plain http": {"acme": {"client_id": SECRET, "issuer": "http://a.test"}},
    "credentials in the address": {
        "acme": {"client_id": "a", "issuer": f"https://x:{SECRET}@a.test"}
    },
    "an unknown key": {"acme": {"client_id": SECRET, "issuer": "https://a.test", "sekret": SECRET}},
    "a number": {"acme": {"client_id": 7, "client_secret": SECRET}},
    "a trust that is no flag": {
        "acme": {"client_id": "a", "issuer": "https://a.test", "trust_email": SECRET}
    },
    "scopes without openid": {
        "acme": {"client_id": "a", "issuer": "https://a.test", "scopes": SECRET}
    },
}


@pytest.mark.parametrize("written", FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_named_without_secrets(written: Any) -> None:
    with pytest.raises(MisconfiguredError) as fault:
        parse(json.dumps(written))
    assert SECRET not in str(fault.value)
    assert "OAUTH_PROVIDERS" in str(fault.value)


def test_what_is_no_json_is_named_so() -> None:
    with pytest.raises(MisconfiguredError, match="not JSON"):
        parse("{")
