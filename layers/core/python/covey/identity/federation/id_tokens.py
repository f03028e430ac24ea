"""ID tokens, verified as OpenID Connect Core 1.0, 3.1.3.7 asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
from jwt.algorithms import AllowedPublicKeys

from covey.identity.federation.discovery import Directory, Metadata
from covey.identity.federation.faults import refused
from covey.identity.federation.providers import Provider

# Asymmetric ones alone, each with the one kind of key that it takes: a public key is never read
# as the secret of an HMAC, and ``none`` is not among them.
ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
LEEWAY_S = 60
MAX_LENGTH = 16_384
MAX_SUBJECT = 255  # Core 1.0, 2
MIN_RSA_BITS = 2048
_TRIED = 5
# What reading JSON and keys of strangers raises besides: numbers without end, brackets without end.
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError)


def verified(
    token: object, *, provider: Provider, metadata: Metadata, nonce: str, directory: Directory
) -> Mapping[str, Any]:
    """The claims of a token that this provider made for this very sign-in.

    Raises Unauthenticated("sign_in_refused"), and Unavailable where its keys cannot be had.
    """
    if not isinstance(token, str) or len(token) > MAX_LENGTH or not token.isascii():
        raise refused()
    algorithm, kid = _header(token)
    for key in directory.keys(metadata, kid)[:_TRIED]:
        claims = _claims(token, key, algorithm, provider)
        if claims is not None and _meant(claims, provider, nonce):
            return claims
    raise refused()


def _header(token: str) -> tuple[str, str | None]:
    try:
        header = jwt.get_unverified_header(token)
    except _UNREADABLE as exc:
        raise refused() from exc
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header:
        raise refused()
    if kid is not None and not isinstance(kid, str):
        raise refused()
    return algorithm, kid


def _claims(
    token: str, key: Mapping[str, Any], algorithm: str, provider: Provider
) -> Mapping[str, Any] | None:
    public = _public(key, algorithm)
    if public is None:
        return None
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            public,
            algorithms=[algorithm],
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except _UNREADABLE:
        return None
    return claims


def _public(key: Mapping[str, Any], algorithm: str) -> AllowedPublicKeys | None:
    if key.get("kty") != ALGORITHMS[algorithm] or key.get("use", "sig") != "sig":
        return None
    if key.get("alg", algorithm) != algorithm:
        return None
    try:
        public: AllowedPublicKeys = jwt.PyJWK(dict(key), algorithm).key
    except _UNREADABLE:
        return None
    if getattr(public, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and key["kty"] == "RSA":
        return None
    return public


def _meant(claims: Mapping[str, Any], provider: Provider, nonce: str) -> bool:
    """Whether the token is for this client and this sign-in."""
    if claims.get("nonce") != nonce:
        return False
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    azp = claims.get("azp")
    if azp != provider.client_id and (azp is not None or len(audiences) > 1):
        return False
    subject = claims["sub"]
    return isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT and subject.isprintable()
