"""What is no access token, sent as one: 401 invalid_token, on every kind of route."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from covey.identity.api_key import mint
from covey.identity.challenges import RESET
from covey.identity.flows import MAGIC
from covey.identity.signing_keys import SigningKey
from covey.identity.tokens import AUDIENCE, TYPE
from covey.wiring import services
from tests.functions.conftest import Api

ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/records/notes", None),
    ("GET", "/records/notes/n1", None),
    ("POST", "/records/notes", {"text": "x"}),
    ("PATCH", "/records/notes/n1", {"text": "x"}),
    ("DELETE", "/records/notes/n1", None),
    ("POST", "/records/notes/aggregate", {"count": True}),
    ("GET", "/records/notes/export", None),
    ("POST", "/batch", {"operations": [{"method": "delete", "collection": "notes", "id": "n1"}]}),
    ("GET", "/auth/me", None),
    ("GET", "/auth/sessions", None),
    ("POST", "/auth/change-password", {"current_password": "x" * 9, "new_password": "y" * 9}),
    ("POST", "/auth/keys", {"name": "more", "scopes": {"*": ["read"]}}),
    ("POST", "/auth/sign-up", {"email": "eve@example.test", "password": "three small ducks swim"}),
    ("GET", "/jobs", None),
    ("POST", "/realtime/tickets", {}),
    ("GET", "/admin/collections", None),
    ("PUT", "/admin/collections/extra", {"fields": {"text": {"type": "text"}}}),
    ("GET", "/openapi.json", None),
    ("GET", "/docs", None),
]


@dataclass(frozen=True)
class Victim:
    """An administrator who is signed in, and what a thief might know of them."""

    access: str
    refresh: str
    session: str
    id: str
    key: SigningKey

    def claims(self, **changed: Any) -> dict[str, Any]:
        claims = jwt.decode(self.access, options={"verify_signature": False}) | changed
        return {name: value for name, value in claims.items() if value is not None}

    def signed(
        self, *, typ: Any = TYPE, headers: dict[str, Any] | None = None, **changed: Any
    ) -> str:
        """With the real key: what another kind of token would be."""
        sent = {"kid": self.key.id, "typ": typ, **(headers or {})}
        return jwt.encode(self.claims(**changed), self.key.private, algorithm="EdDSA", headers=sent)

    def by(self, private: Any, algorithm: str, **headers: Any) -> str:
        """By somebody else's key, under the name of the real one."""
        sent = {"kid": self.key.id, "typ": TYPE, **headers}
        return jwt.encode(self.claims(), private, algorithm=algorithm, headers=sent)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(victim: Victim, algorithm: str) -> str:
    return f"{part({'alg': algorithm, 'typ': TYPE, 'kid': victim.key.id})}.{part(victim.claims())}."


def confused(victim: Victim) -> str:
    """HS256, with the public key as its secret."""
    public = victim.key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = part({"alg": "HS256", "typ": TYPE, "kid": victim.key.id})
    signed = f"{head}.{part(victim.claims())}"
    signature = hmac.digest(public, signed.encode(), sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def embedded(victim: Victim) -> str:
    """By a key that the header brings along."""
    private = ed25519.Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(private.public_key().public_bytes_raw()).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    return victim.by(private, "EdDSA", jwk=jwk, jku="https://example.test/jwks.json")


def edited(victim: Victim, **changed: Any) -> str:
    """Other claims under the signature of the real ones."""
    head, _, signature = victim.access.split(".")
    return f"{head}.{part(victim.claims(**changed))}.{signature}"


def key_token(user: str) -> str:
    """A whole API key that nobody keeps."""
    return mint(user)[1]


LATER = 2**33
FORGED: dict[str, Callable[[Victim], str]] = {
    "empty": lambda v: "",
    "a guess": lambda v: "x",
    "long": lambda v: "A" * 100_000,
    "dots": lambda v: "..",
    "with padding": lambda v: v.access + "=",
    "twice": lambda v: f"{v.access} {v.access}",
    "a comma and another": lambda v: f"{v.access},{v.access}",
    "cut short": lambda v: v.access[:-2],
    "unsigned": lambda v: unsigned(v, "none"),
    "unsigned, in capitals": lambda v: unsigned(v, "NONE"),
    "no signature": lambda v: unsigned(v, "EdDSA"),
    "the public key as a secret": confused,
    "another Ed25519 key": lambda v: v.by(ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    "an RSA key": lambda v: v.by(rsa.generate_private_key(65537, 2048), "RS256"),
    "a P-256 key": lambda v: v.by(ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "a key in its own header": embedded,
    "an unknown key": lambda v: v.signed(headers={"kid": "nobody"}),
    "a key by path": lambda v: v.signed(headers={"kid": "../../dev/null"}),
    "critical extensions": lambda v: v.signed(headers={"crit": ["exp"]}),
    "another user's claims": lambda v: edited(v, sub="root"),
    "more roles": lambda v: edited(v, roles=["admin", "owner"]),
    "a later end": lambda v: edited(v, exp=LATER),
    "an ID token": lambda v: v.signed(typ="JWT", aud="client", nonce="n"),
    "an ID token for us": lambda v: v.signed(typ="JWT"),
    "a token of no type": lambda v: v.signed(typ=None),
    "a logout token": lambda v: v.signed(typ="logout+jwt", events={}),
    "for another audience": lambda v: v.signed(aud="covey:refresh"),
    "for several audiences": lambda v: v.signed(aud=[AUDIENCE, "other"]),
    "of another issuer": lambda v: v.signed(iss="https://example.test"),
    "expired": lambda v: v.signed(exp=int(time.time()) - 1),
    "without an end": lambda v: v.signed(exp=None),
    "of no session": lambda v: v.signed(sid=None),
    "of a session that is not": lambda v: v.signed(sid="A" * 22),
    "of another's session": lambda v: v.signed(sub="ann"),
    "of a user that is a list": lambda v: v.signed(sub=["root"]),
    "an API key that is not": lambda v: key_token(""),
    "a user's API key that is not": lambda v: key_token(v.id),
    "the id of an API key": lambda v: mint(v.id)[0].text(),
    "a refresh token": lambda v: v.refresh,
    "a session's id": lambda v: v.session,
    "a user's id": lambda v: v.id,
    "a cookie's value": lambda v: f"{v.id}.{v.refresh}",
    "the secret of a reset": lambda v: services().challenges.open(RESET, {"user": v.id}),
    "the secret of a link": lambda v: services().challenges.open(MAGIC, {"user": v.id}),
    "a realtime ticket": lambda v: services().tickets.issue(services_caller(v)),
}


def services_caller(victim: Victim) -> Any:
    return services().presence.of(services().tokens.verify(victim.access))


@pytest.fixture
def victim(api: Api) -> Victim:
    body = {"email": "root@example.test", "password": "three small ducks swim"}
    made = api("POST", "/auth/sign-up", body=body).json
    services().tokens.verify(made["access_token"])
    claims = jwt.decode(made["access_token"], options={"verify_signature": False})
    key = services().tokens._keys.current()
    return Victim(made["access_token"], made["refresh_token"], claims["sid"], claims["sub"], key)


def test_what_is_no_access_token_is_refused_on_every_kind_of_route(
    api: Api, victim: Victim
) -> None:
    assert api("GET", "/auth/me", token=victim.access).status == 200
    for what, forge in FORGED.items():
        headers = {"Authorization": f"Bearer {forge(victim)}"}
        for method, path, body in ROUTES:
            answer = api(method, path, headers=headers, body=body)
            told = (answer.status, answer.code)
            # Routes that take no key say so to all that look like one.
            no_keys = "API key that is not" in what and told == (403, "key_not_allowed")
            assert no_keys or told == (401, "invalid_token"), f"{what}: {method} {path}"
    assert api("GET", "/auth/me", token=victim.access).status == 200


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer\x00", "bearer", "Token {}", "{}", "Bearer Bearer {}"]
)  # fmt: skip
def test_what_is_no_bearer_header_is_refused(api: Api, victim: Victim, header: str) -> None:
    headers = {"Authorization": header.format(victim.access)}
    for method, path, body in ROUTES[:3]:
        answer = api(method, path, headers=headers, body=body)
        assert (answer.status, answer.code) == (401, "invalid_token"), path
