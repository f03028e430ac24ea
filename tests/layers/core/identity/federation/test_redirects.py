"""Where sign-ins may lead back to, and addresses that only look like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.identity.federation.redirects import Redirects

ALLOWED = Redirects(
    [
        "https://app.example.com/signed/",
        "https://exact.example.com/done",
        "http://127.0.0.1:5173/",
        "http://[::1]:5173/",
        "com.example.app:/done",
    ]
)


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com/signed/",
        "https://app.example.com/signed/in?next=%2Fnotes&x=https://other.test",
        "https://app.example.com:443/signed/in",
        "https://exact.example.com/done",
        "https://exact.example.com/done?a=1",
        "http://127.0.0.1:5173/a/b",
        "http://127.0.0.1:5173",
        "http://[::1]:5173/x",
        "com.example.app:/done",
    ],
)
def test_addresses_of_the_list_are_allowed(address: str) -> None:
    assert ALLOWED.allow(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com.evil.com/signed/",
        "https://app.example.comevil.com/signed/",
        "https://evil.com/https://app.example.com/signed/",
        "https://evil.com#https://app.example.com/signed/",
        "https://evil.com?https://app.example.com/signed/",
        "https://app.example.com@evil.com/signed/",
        "https://app.example.com:pass@evil.com/signed/",
        "https://evil.com:443@app.example.com/signed/",
        "https://evil.com\\@app.example.com/signed/",
        "https://app.example.com\\.evil.com/signed/",
        "https:\\\\app.example.com\\signed\\",
        "https:/app.example.com/signed/",
        "https:app.example.com/signed/",
        "//app.example.com/signed/",
        "/signed/",
        "https:///app.example.com/signed/",
        "https://app.example.com//signed/",
        "https://app.example.com/signed//evil.com",
        "https://app.example.com/signed/../admin",
        "https://app.example.com/signed/..",
        "https://app.example.com/signed/%2e%2e/admin",
        "https://app.example.com/signed/%2E./admin",
        "https://app.example.com/signed/%252e%252e/admin",
        "https://app.example.com/signed/..%2fadmin",
        "https://app.example.com/signed/%5c..",
        "https://app.example.com/signed/%00",
        "https://app.example.com/signedevil",
        "https://app.example.com/Signed/",
        "https://app.example.com/",
        "https://app.example.com",
        "https://app.example.com./signed/",
        "https://app..example.com/signed/",
        "https://.app.example.com/signed/",
        "https://app.example.com:8443/signed/",
        "https://app.example.com:/signed/",
        "https://app.example.com:443:443/signed/",
        "http://app.example.com/signed/",
        "HTTPS://app.example.com/signed/",
        "https://APP.example.com/signed/",
        "https://app.example.com/signed/#token",
        "https://app.example.com/signed/ x",
        "https://app.example.com/signed/\t",
        "https://app.example.com/signed/\r\nSet-Cookie: a=b",
        "https://app.example.com/signed/\x00",
        "https://app.example.com/signed/\u202e",
        "https://\u0430pp.example.com/signed/",
        "https://app.ex\u0430mple.com/signed/",
        "https://app\uff0eexample\uff0ecom/signed/",
        "https://app.example.com\uff0fsigned/",
        "https://app.example.com\u3002evil.com/signed/",
        "https://xn--pp-8cd.example.com/signed/",
        "https://exact.example.com/done/",
        "https://exact.example.com/done/more",
        "https://exact.example.com/donemore",
        "http://127.0.0.1:5174/",
        "http://127.0.0.2:5173/",
        "http://2130706433:5173/",
        "http://localhost:5173/",
        "http://[::ffff:127.0.0.1]:5173/",
        "com.example.app:/done?x",
        "com.example.app:/done/",
        "com.example.app.evil:/done",
        "javascript:alert(1)//https://app.example.com/signed/",
        "data:text/html,https://app.example.com/signed/",
        "https://app.example.com/signed/" + "a" * 1000,
        "\ud800",
        "",
    ],
)
def test_addresses_that_only_look_like_it_are_not(address: str) -> None:
    assert not ALLOWED.allow(address)


@given(st.text(max_size=60), st.text(max_size=10))
def test_whatever_is_allowed_is_of_the_list_for_a_browser_too(prefix: str, middle: str) -> None:
    address = f"{prefix}app.example.com{middle}/signed/"
    if ALLOWED.allow(address):
        assert address in (
            "https://app.example.com/signed/",
            "https://app.example.com:443/signed/",
        ) or address.startswith(("https://app.example.com/signed/", "http://127.0.0.1:5173/"))


@pytest.mark.parametrize(
    "entry",
    ["http://app.example.com/", "https://*.example.com/", "https://app.example.com/?a=1", "app"],
)
def test_an_entry_that_could_never_be_met_is_a_fault(entry: str) -> None:
    with pytest.raises(ValueError, match="OAUTH_REDIRECTS"):
        Redirects([entry])
