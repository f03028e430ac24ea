"""ID tokens: what holds, and the many that only look like it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from covey.errors import Unauthenticated
from covey.identity.federation.discovery import Directory
from covey.identity.federation.id_tokens import verified
from tests.layers.core.identity.federation.scripted import (
    EC,
    NONCE,
    RSA,
    STRANGER,
    claims,
    provider,
    public,
    token,
    web,
)


def check(text: object, nonce: str = NONCE) -> Any:
    acme, directory = provider(), Directory(web())
    metadata = directory.metadata(acme)
    return verified(text, provider=acme, metadata=metadata, nonce=nonce, directory=directory)


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed"])
def test_tokens_of_each_algorithm_hold(kid: str) -> None:
    assert check(token(kid))["sub"] == "ann"


def test_a_list_of_audiences_holds_with_azp() -> None:
    assert check(token(aud=["covey", "other"], azp="covey"))["sub"] == "ann"
    assert check(token(aud=["covey"]))["sub"] == "ann"


def test_a_token_without_a_key_id_is_tried_with_the_keys_there_are() -> None:
    assert check(jwt.encode(claims(), RSA, "RS256"))["sub"] == "ann"


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hand_made(header: dict[str, Any], key: bytes = b"", raw: str = "") -> str:
    signed = f"{raw or _part(header)}.{_part(claims())}"
    mac = hmac.new(key, signed.encode(), hashlib.sha256).digest() if key else b""
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


NOW = int(time.time())
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DEEP = base64.urlsafe_b64encode(b'{"a":' * 4000).rstrip(b"=").decode()
FORGED: dict[str, Any] = {
    "another nonce": token(nonce="other"),
    "no nonce": token(nonce=...),
    "a nonce that is no text": token(nonce=[NONCE]),
    "another audience": token(aud="other"),
    "an audience of several without azp": token(aud=["covey", "other"]),
    "another azp": token(azp="other"),
    "no audience": token(aud=...),
    "another issuer": token(iss="https://id.acme.test.evil.test"),
    "an issuer with a slash": token(iss="https://id.acme.test/"),
    "no issuer": token(iss=...),
    "over": token(exp=NOW - 3600),
    "no end": token(exp=...),
    "an end without end": token(exp=float("inf")),
    "of the future": token(iat=NOW + 3600),
    "not yet": token(nbf=NOW + 3600),
    "no time": token(iat=...),
    "no subject": token(sub=...),
    "an empty subject": token(sub=""),
    "a long subject": token(sub="a" * 300),
    "a subject with a control character": token(sub="a\x00b"),
    "a stranger's key": token(key=STRANGER),
    "a key of another kind": jwt.encode(claims(), EC, "ES256", headers={"kid": "rsa"}),
    "an unknown key": jwt.encode(claims(), RSA, "RS256", headers={"kid": "unknown"}),
    "a short key": token("short"),
    "another algorithm of the key": token(algorithm="RS512"),
    "none": hand_made({"alg": "none", "typ": "JWT"}),
    "None": hand_made({"alg": "None", "kid": "rsa"}),
    "an HMAC with the public key": hand_made({"alg": "HS256", "kid": "rsa"}, PEM),
    "an HMAC with a key of the list": hand_made({"alg": "HS256", "kid": "oct"}, b"secret"),
    "an algorithm that is no text": hand_made({"alg": ["RS256"]}),
    "a key id that is no text": hand_made({"alg": "RS256", "kid": {"a": 1}}),
    "a key of its own": hand_made({"alg": "RS256", "jwk": public("ec"), "kid": "rsa"}),
    "critical extensions": hand_made({"alg": "RS256", "kid": "rsa", "crit": ["b64"], "b64": False}),
    "a deep header": hand_made({}, raw=DEEP),
    "cut": token()[:-4],
    "altered": token().replace(".", ".e", 1),
    "two parts": token().rpartition(".")[0],
    "empty": "",
    "no text": {"a": 1},
    "absent": None,
    "non-ASCII": "ü.ü.ü",
    "too long": token(extra="a" * 20_000),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_what_does_not_verify_is_refused_alike(forged: Any) -> None:
    with pytest.raises(Unauthenticated) as failure:
        check(forged)
    assert failure.value.code == "sign_in_refused"
    assert failure.value.detail == "This sign-in does not hold. Start it again."
