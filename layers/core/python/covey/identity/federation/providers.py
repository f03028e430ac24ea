"""Who may say who somebody is: from OAUTH_PROVIDERS, a JSON object by name.

    {"google": {"client_id": "…", "client_secret": "…"},
     "github": {"client_id": "…", "client_secret": "…"},
     "acme":   {"issuer": "https://id.acme.test", "client_id": "…", "trust_email": true}}

`trust_email`: an address that this provider calls verified is taken as the user's own, and joins
them to the account that has it. For others an address is not taken at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from covey import json
from covey.errors import BadRequest
from covey.identity.federation.web import is_callable

GOOGLE = "https://accounts.google.com"
GITHUB, GITHUB_API = "https://github.com", "https://api.github.com"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_KNOWN = frozenset(
    {"client_id", "client_secret", "issuer", "title", "scopes", "trust_email", "url", "api"}
)


@dataclass(frozen=True, slots=True)
class Provider:
    """One of them. `issuer` names who vouches, and for OpenID Connect is where it is found."""

    name: str
    title: str
    kind: Literal["oidc", "github"]
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str
    trust_email: bool
    api: str = ""

    def vouches(self, email: str, claims: Mapping[str, Any]) -> bool:
        """Whether the provider's word makes `email` the user's own."""
        if not (self.trust_email and email and claims.get("email_verified") is True):
            return False
        # Of other addresses Google only knows that they were read once, years ago perhaps
        # ("Verify the Google ID token on your server side", Google's own documentation).
        if self.issuer == GOOGLE:
            return email.endswith("@gmail.com") or bool(claims.get("hd"))
        return True


class MisconfiguredError(Exception):
    """OAUTH_PROVIDERS cannot be read; says where, and no secrets."""


def parse(text: str) -> dict[str, Provider]:
    """The providers of OAUTH_PROVIDERS; raises MisconfiguredError."""
    if not text.strip():
        return {}
    try:
        document = json.decode(text.encode())
    except BadRequest as exc:
        raise MisconfiguredError("OAUTH_PROVIDERS is not JSON") from exc
    if not isinstance(document, dict):
        raise MisconfiguredError("OAUTH_PROVIDERS is not an object of providers by name")
    return {name: _provider(name, written) for name, written in document.items()}


def _provider(name: str, written: Any) -> Provider:
    if not _NAME.fullmatch(name):
        raise MisconfiguredError("OAUTH_PROVIDERS: names are small letters, digits and hyphens")
    if not isinstance(written, dict) or not written.keys() <= _KNOWN:
        known = ", ".join(sorted(_KNOWN))
        raise MisconfiguredError(f"OAUTH_PROVIDERS: {name} takes {known}")
    for key, value in written.items():
        if not isinstance(value, bool if key == "trust_email" else str):
            raise MisconfiguredError(f"OAUTH_PROVIDERS: {name}.{key} is of the wrong type")
    if not written.get("client_id"):
        raise MisconfiguredError(f"OAUTH_PROVIDERS: {name}.client_id is missing")
    made = _github(name, written) if _is_github(name, written) else _oidc(name, written)
    for address in filter(None, (made.issuer, made.api)):
        if not is_callable(address):
            raise MisconfiguredError(f"OAUTH_PROVIDERS: {name} has an address that is not https")
    return made


def _is_github(name: str, written: Mapping[str, Any]) -> bool:
    return "issuer" not in written and (name == "github" or "api" in written)


def _github(name: str, written: Mapping[str, Any]) -> Provider:
    return Provider(
        name=name,
        title=written.get("title", "GitHub"),
        kind="github",
        issuer=written.get("url", GITHUB).rstrip("/"),
        client_id=written["client_id"],
        client_secret=written.get("client_secret", ""),
        scopes=written.get("scopes", "read:user user:email"),
        trust_email=written.get("trust_email", True),
        api=written.get("api", GITHUB_API).rstrip("/"),
    )


def _oidc(name: str, written: Mapping[str, Any]) -> Provider:
    google = name == "google" and "issuer" not in written
    issuer = GOOGLE if google else written.get("issuer", "")
    if not issuer:
        raise MisconfiguredError(f"OAUTH_PROVIDERS: {name}.issuer is missing")
    scopes = written.get("scopes", "openid email profile")
    if "openid" not in scopes.split():
        raise MisconfiguredError(f"OAUTH_PROVIDERS: {name}.scopes lacks openid")
    return Provider(
        name=name,
        title=written.get("title", "Google" if google else name.title()),
        kind="oidc",
        issuer=issuer,
        client_id=written["client_id"],
        client_secret=written.get("client_secret", ""),
        scopes=scopes,
        trust_email=written.get("trust_email", google),
    )
