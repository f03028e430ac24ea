"""Access tokens: short JWTs, signed with Ed25519, verified without a read of the table.

One algorithm, one audience and one `typ` for this kind of token (RFC 8725, 3.1, 3.9 and 3.11;
the `typ` is RFC 9068's), so that no other kind that Covey may sign passes for it.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from covey.errors import Unauthenticated
from covey.identity.signing_keys import SigningKeys

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
AUDIENCE = "covey:access"
MAX_LENGTH = 4096
REMEMBERED = 4096

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# The time is judged by `verify`, for remembered tokens too.
_OPTIONS: Any = {
    "require": ["exp", "iat", "iss", "aud", "sub", "sid"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says; `expires` in seconds since the epoch."""

    user: str
    session: str
    roles: tuple[str, ...]
    expires: int


class Tokens:
    """Issues and verifies the access tokens of one issuer."""

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        lifetime: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lifetime = lifetime
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._lock = threading.Lock()
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    def issue(
        self, user: str, session: str, roles: tuple[str, ...], *, until: int | None = None
    ) -> str:
        """A token for `user` in `session`, good for `lifetime` seconds, or `until` if sooner."""
        now = int(self._clock())
        expires = now + self.lifetime
        key = self._keys.current()
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": user,
            "sid": session,
            "roles": list(roles),
            "iat": now,
            "exp": expires if until is None else min(expires, until),
        }
        headers = {"kid": key.id, "typ": TYPE}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str) -> Claims:
        """What `token` says; raises Unauthenticated(code="invalid_token") unless it holds now."""
        # Strictly base64url: the decoder below lets padding and stray characters pass, and one
        # token would go by many names.
        if len(token) > MAX_LENGTH or not _SHAPE.fullmatch(token):
            raise _invalid()
        # By digest, so that no memory dump or debugger of this process shows a usable token.
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._recall(digest)
        known = claims is not None
        claims = claims or self._verify(token)
        if claims.expires <= self._clock():
            raise _invalid()
        if not known:
            self._remember(digest, claims)
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public keys, for those who verify these tokens elsewhere."""
        return self._keys.jwks()

    def _verify(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            ours = header.get("alg") == ALGORITHM and header.get("typ") == TYPE
            if not ours or "crit" in header or not isinstance(key_id, str):
                raise _invalid()
            public = self._keys.public(key_id)
            if public is None:
                raise _invalid()
            payload = jwt.decode(
                token,
                public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options=_OPTIONS,
            )
            return _claims(payload)
        # Beyond PyJWT's own family: hostile JSON in the header (depth, digits, not an object).
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as exc:
            raise _invalid() from exc

    def _recall(self, digest: bytes) -> Claims | None:
        with self._lock:
            claims = self._verified.get(digest)
            if claims is not None:
                self._verified.move_to_end(digest)
            return claims

    def _remember(self, digest: bytes, claims: Claims) -> None:
        with self._lock:
            self._verified[digest] = claims
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)


def _claims(payload: dict[str, Any]) -> Claims:
    user, session, expires = payload["sub"], payload["sid"], payload["exp"]
    roles = payload.get("roles", [])
    texts = [user, session, *roles] if isinstance(roles, list) else [None]
    if not all(isinstance(text, str) for text in texts) or type(expires) is not int:
        raise ValueError("a claim of another type")
    if not user or not session:
        raise ValueError("an empty claim")
    return Claims(user, session, tuple(roles), expires)


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "The access token is malformed, expired or not ours.", code="invalid_token"
    )
