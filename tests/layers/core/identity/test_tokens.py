"""Access tokens: what is signed, and everything that is not taken."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Unauthenticated
from covey.identity.caller import bearer_token, signed_in
from covey.identity.principal import Kind
from covey.identity.signing_keys import SigningKey, SigningKeys, thumbprint
from covey.identity.tokens import Claims, Tokens
from covey.testing.identity import MemoryKeyStore

NOW = 1_800_000_000
ISSUER = "covey"


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class House:
    """Tokens with their clock and key in reach."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.clock = Clock()
        self.store = MemoryKeyStore()
        self.keys = SigningKeys(self.store, clock=self.clock)
        self.tokens = Tokens(self.keys, issuer=issuer, lifetime=900, clock=self.clock)

    @property
    def key(self) -> SigningKey:
        return self.keys.current()

    def forge(
        self,
        *,
        key: Any = None,
        algorithm: str = "EdDSA",
        headers: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token signed with our own key, with claims changed; None drops a claim."""
        claims = {
            "iss": ISSUER, "aud": "covey:access", "sub": "u1", "sid": "s1", "roles": [],
            "iat": NOW, "exp": NOW + 900, **changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        merged = {"kid": self.key.id, "typ": "at+jwt", **(headers or {})}
        return jwt.encode(claims, key or self.key.private, algorithm=algorithm, headers=merged)

    def raw(self, header: str, payload: str = "{}") -> str:
        """Any header and payload, rightly signed."""
        signed = f"{b64(header.encode())}.{b64(payload.encode())}"
        return f"{signed}.{b64(self.key.private.sign(signed.encode()))}"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes_raw()


def header_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.get_unverified_header(token)
    return found


def unsigned(house: House, **header: Any) -> str:
    payload = house.forge().split(".")[1]
    return (
        f"{b64(json.dumps({'kid': house.key.id, 'typ': 'at+jwt', **header}).encode())}.{payload}."
    )


def signed_with_the_public_key(house: House, encoding: Encoding, form: PublicFormat) -> str:
    import hashlib
    import hmac

    secret = house.key.public.public_bytes(encoding, form)
    header = b64(json.dumps({"alg": "HS256", "kid": house.key.id, "typ": "at+jwt"}).encode())
    signed = f"{header}.{house.forge().split('.')[1]}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def with_payload(house: House, **changes: Any) -> str:
    head, payload, signature = house.forge().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{head}.{b64(json.dumps({**claims, **changes}).encode())}.{signature}"


def es256(house: House) -> str:
    return house.forge(key=generate_private_key(SECP256R1()), algorithm="ES256")


FORGERIES: dict[str, Callable[[House], str]] = {
    "empty": lambda h: "",
    "one part": lambda h: "abc",
    "two parts": lambda h: ".".join(h.forge().split(".")[:2]),
    "four parts": lambda h: h.forge() + ".abc",
    "signature cut": lambda h: h.forge()[:-10],
    "signature of zeros": lambda h: h.forge().rpartition(".")[0] + "." + "A" * 86,
    "another subject under the old signature": lambda h: with_payload(h, sub="admin"),
    "a role more under the old signature": lambda h: with_payload(h, roles=["admin"]),
    "alg none": lambda h: unsigned(h, alg="none"),
    "alg None capitalised": lambda h: unsigned(h, alg="nOnE"),
    "alg missing": lambda h: unsigned(h),
    "alg a list": lambda h: unsigned(h, alg=["EdDSA"]),
    "alg null": lambda h: unsigned(h, alg=None),
    "HS256 with the public key as PEM": lambda h: signed_with_the_public_key(
        h, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ),
    "HS256 with the raw public key": lambda h: signed_with_the_public_key(
        h, Encoding.Raw, PublicFormat.Raw
    ),
    "ES256 with a key of their own": es256,
    "EdDSA with a key of their own, our kid": lambda h: h.forge(key=Ed25519PrivateKey.generate()),
    "a key of their own in the header": lambda h: h.forge(
        key=(own := Ed25519PrivateKey.generate()),
        headers={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(raw(own.public_key()))}},
    ),
    "another issuer": lambda h: h.forge(iss="elsewhere"),
    "another audience": lambda h: h.forge(aud="covey:mail"),
    "our audience among others": lambda h: h.forge(aud=["covey:access", "covey:mail"]),
    "typ JWT": lambda h: h.forge(headers={"typ": "JWT"}),
    "typ of mail links": lambda h: h.forge(headers={"typ": "mail+jwt"}),
    "typ missing": lambda h: h.forge(headers={"typ": None}),
    "typ a list": lambda h: h.raw(json.dumps({"alg": "EdDSA", "kid": h.key.id, "typ": ["at+jwt"]})),
    "crit": lambda h: h.forge(headers={"crit": ["exp"]}),
    "detached payload": lambda h: h.forge(headers={"b64": False, "crit": ["b64"]}),
    "kid unknown": lambda h: h.forge(headers={"kid": "unknown"}),
    "kid empty": lambda h: h.forge(headers={"kid": ""}),
    "kid a path": lambda h: h.forge(headers={"kid": "../../dev/null"}),
    "kid missing": lambda h: h.raw('{"alg":"EdDSA","typ":"at+jwt"}'),
    "kid a number": lambda h: h.raw('{"alg":"EdDSA","typ":"at+jwt","kid":1}'),
    "kid null": lambda h: h.raw('{"alg":"EdDSA","typ":"at+jwt","kid":null}'),
    "kid a list": lambda h: h.raw('{"alg":"EdDSA","typ":"at+jwt","kid":["a"]}'),
    "kid an object": lambda h: h.raw('{"alg":"EdDSA","typ":"at+jwt","kid":{}}'),
    "kid with a lone surrogate": lambda h: h.raw('{"alg":"EdDSA","typ":"at+jwt","kid":"\\ud800"}'),
    "header a list": lambda h: h.raw("[]"),
    "header a number": lambda h: h.raw("1"),
    "header null": lambda h: h.raw("null"),
    "header deep": lambda h: h.raw("[" * 2900),
    "header of a number of many digits": lambda h: h.raw('{"alg":' + "9" * 2800 + "}"),
    "payload a list": lambda h: h.raw(json.dumps(header_of(h.forge())), "[]"),
    "payload not JSON": lambda h: h.raw(json.dumps(header_of(h.forge())), "{"),
    "payload deep": lambda h: h.raw(json.dumps(header_of(h.forge())), "[" * 2500),
    "exp missing": lambda h: h.forge(exp=None),
    "exp past": lambda h: h.forge(exp=NOW - 1),
    "exp this second": lambda h: h.forge(exp=NOW),
    "exp text": lambda h: h.forge(exp=str(NOW + 900)),
    "exp true": lambda h: h.forge(exp=True),
    "exp a fraction": lambda h: h.forge(exp=NOW + 0.5),
    "exp infinite": lambda h: h.forge(exp=float("inf")),
    "iat missing": lambda h: h.forge(iat=None),
    "iss missing": lambda h: h.forge(iss=None),
    "aud missing": lambda h: h.forge(aud=None),
    "sub missing": lambda h: h.forge(sub=None),
    "sub empty": lambda h: h.forge(sub=""),
    "sub a number": lambda h: h.raw(
        json.dumps(header_of(h.forge())),
        json.dumps({"iss": ISSUER, "aud": "covey:access", "sub": 1, "sid": "s", "iat": NOW,
                    "exp": NOW + 9}),
    ),
    "sid missing": lambda h: h.forge(sid=None),
    "sid empty": lambda h: h.forge(sid=""),
    "sid a list": lambda h: h.forge(sid=["s1"]),
    "roles text": lambda h: h.forge(roles="admin"),
    "roles of numbers": lambda h: h.forge(roles=[1]),
    "not ASCII": lambda h: h.forge() + "é",
    "lone surrogate": lambda h: h.forge() + "\ud800",
    "digits of another script": lambda h: "٣" * 20,
    "space inside": lambda h: h.forge().replace(".", " .", 1),
    "line break at the end": lambda h: h.forge() + "\n",
    "padding": lambda h: h.forge() + "==",
    "over 4,096 characters": lambda h: h.forge(padding="x" * 4096),
    "a megabyte": lambda h: "a" * 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_refuses(forgery: Callable[[House], str]) -> None:
    house = House()
    token = forgery(house)
    for _ in range(2):  # a refusal is not remembered as anything else
        with pytest.raises(Unauthenticated) as refused:
            house.tokens.verify(token)
        assert refused.value.code == "invalid_token"
    assert not house.tokens._verified


def test_the_forger_can_forge() -> None:
    house = House()
    assert house.tokens.verify(house.forge()) == Claims("u1", "s1", (), NOW + 900)


@given(token=st.text(max_size=200) | st.text("aA0-_.=", max_size=200))
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        _HOUSE.tokens.verify(token)


_HOUSE = House()


def test_a_token_says_who_and_until_when() -> None:
    house = House()
    token = house.tokens.issue("u1", "s1", ("admin", "editor"))
    assert house.tokens.verify(token) == Claims("u1", "s1", ("admin", "editor"), NOW + 900)
    assert header_of(token) == {"alg": "EdDSA", "kid": house.key.id, "typ": "at+jwt"}


def test_a_remembered_token_still_expires() -> None:
    house = House()
    token = house.tokens.issue("u1", "s1", ())
    house.tokens.verify(token)
    house.clock.now += 899.9
    house.tokens.verify(token)
    house.clock.now += 0.1
    with pytest.raises(Unauthenticated):
        house.tokens.verify(token)


def test_the_memory_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covey.identity.tokens.REMEMBERED", 3)
    house = House()
    tokens = [house.tokens.issue(f"u{n}", "s", ()) for n in range(10)]
    for token in tokens:
        house.tokens.verify(token)
    assert len(house.tokens._verified) == 3
    assert house.tokens.verify(tokens[0]).user == "u0"


def test_the_memory_holds_no_token() -> None:
    house = House()
    token = house.tokens.issue("u1", "s1", ())
    house.tokens.verify(token)
    assert token not in repr(house.tokens._verified)
    assert token.encode() not in house.tokens._verified


def test_another_deployment_with_the_same_issuer_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        House().tokens.verify(House().tokens.issue("u1", "s1", ()))


def test_anyone_can_verify_with_the_published_keys() -> None:
    house = House()
    token = house.tokens.issue("u1", "s1", ())
    (published,) = house.tokens.jwks()["keys"]
    assert set(published) == {"kty", "crv", "x", "kid", "use", "alg"}
    key = jwt.PyJWK(published)
    claims = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="covey:access", issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert (claims["sub"], published["kid"]) == ("u1", header_of(token)["kid"])


def test_the_key_id_is_the_thumbprint_of_rfc_8037() -> None:
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "="))
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        pytest.param("Bearer {user}", Kind.USER, id="bearer"),
        pytest.param("bearer {user}", Kind.USER, id="scheme-in-lower-case"),
        pytest.param("BEARER  {user}", Kind.USER, id="two-spaces"),
        pytest.param("Bearer {admin}", Kind.ADMINISTRATOR, id="role-admin"),
        pytest.param("Bearer {fan}", Kind.USER, id="role-that-only-starts-like-it"),
    ],
)
def test_a_bearer_token_names_its_caller(header: str, kind: Kind) -> None:
    house = House()
    tokens = {
        "user": house.tokens.issue("u1", "s1", ("editor",)),
        "admin": house.tokens.issue("u1", "s1", ("editor", "admin")),
        "fan": house.tokens.issue("u1", "s1", ("administrator", "Admin")),
    }
    claims = house.tokens.verify(bearer_token(header.format(**tokens)))
    caller = signed_in(claims.user, claims.session, claims.roles, until=claims.expires)
    assert (caller.kind, caller.id, caller.session) == (kind, "u1", "s1")
    assert caller.until == house.tokens.verify(tokens["user"]).expires


@pytest.mark.parametrize(
    "header",
    ["", " ", "Bearer", "Bearer ", "Basic dTpw", "Token {0}", "{0}", "Bearer{0}", "Bearer {0} x",
     "Bearer {0},Bearer {0}", "Bearer\t{0}", "Béarer {0}", "Bearer \ud800"],
)  # fmt: skip
def test_any_other_header_is_no_guest(header: str) -> None:
    house = House()
    with pytest.raises(Unauthenticated) as refused:
        house.tokens.verify(bearer_token(header.format(house.tokens.issue("u1", "s1", ()))))
    assert refused.value.code == "invalid_token"
