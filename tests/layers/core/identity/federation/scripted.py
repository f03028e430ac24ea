"""A provider by script: metadata, keys, and tokens as each test wants them."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from covey.identity.federation.ports import Reply
from covey.identity.federation.providers import Provider, parse
from covey.testing.federation import ScriptedWeb

ISSUER, CLIENT, NONCE = "https://id.acme.test", "covey", "n-0S6"
RSA = rsa.generate_private_key(65537, 2048)
SHORT_RSA = rsa.generate_private_key(65537, 1024)
STRANGER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: Mapping[str, tuple[Any, str]] = {
    "rsa": (RSA, "RS256"),
    "ec": (EC, "ES256"),
    "ed": (ED, "EdDSA"),
    "short": (SHORT_RSA, "RS256"),
}
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?tenant=1",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
}


def public(kid: str) -> dict[str, Any]:
    key = KEYS[kid][0].public_key()
    kind = {"rsa": RSAAlgorithm, "short": RSAAlgorithm, "ec": ECAlgorithm, "ed": OKPAlgorithm}[kid]
    document: dict[str, Any] = kind.to_jwk(key, as_dict=True)
    return {**document, "kid": kid, "use": "sig"}


JWKS = {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}, *(public(kid) for kid in KEYS)]}


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "ann",
        "nonce": NONCE,
        "iat": now,
        "exp": now + 300,
        "email": "ann@example.test",
        "email_verified": True,
    }
    return {name: value for name, value in {**made, **changed}.items() if value is not ...}


def token(kid: str = "rsa", key: Any = None, algorithm: str = "", **changed: Any) -> str:
    private, usual = KEYS[kid]
    with warnings.catch_warnings():  # of the key that is short on purpose
        warnings.simplefilter("ignore")
        return jwt.encode(
            claims(**changed), key or private, algorithm or usual, headers={"kid": kid}
        )


def ok(document: Any, status: int = 200) -> Callable[[Mapping[str, str]], Reply]:
    return lambda _: Reply(status, json.dumps(document).encode())


def provider(**changed: Any) -> Provider:
    written = {"issuer": ISSUER, "client_id": CLIENT, "client_secret": "s", "trust_email": True}
    return parse(json.dumps({"acme": {**written, **changed}}))["acme"]


def web(metadata: Mapping[str, Any] = METADATA, jwks: Any = JWKS) -> ScriptedWeb:
    return ScriptedWeb(
        {
            f"{ISSUER}/.well-known/openid-configuration": ok(metadata),
            f"{ISSUER}/jwks": ok(jwks),
        }
    )
