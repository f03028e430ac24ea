"""What a provider says of a user: by ID token and userinfo, or by GitHub's API."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from covey import json
from covey.errors import BadRequest, TooLarge
from covey.identity.federation import id_tokens
from covey.identity.federation.discovery import Directory, Metadata, object_of, read_object
from covey.identity.federation.faults import away, refused
from covey.identity.federation.ports import Reply, Web, WebFault
from covey.identity.federation.providers import Provider

MAX_NAME, MAX_EMAIL, MAX_TOKEN = 200, 254, 8192


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as a provider knows them; `email` is "" unless the provider vouches for it."""

    provider: str
    issuer: str
    subject: str
    email: str = ""
    name: str = ""


class Profiles:
    """Trades codes for profiles."""

    def __init__(self, web: Web, directory: Directory) -> None:
        self._web = web
        self._directory = directory

    def of(
        self, provider: Provider, code: str, *, verifier: str, nonce: str, redirect_uri: str
    ) -> Profile:
        """Whom `code` stands for.

        Raises Unauthenticated("sign_in_refused"), and Unavailable where the provider is away.
        """
        metadata = self._directory.metadata(provider)
        tokens = self._tokens(provider, metadata, code, verifier, redirect_uri)
        access = tokens.get("access_token")
        access = access if isinstance(access, str) and _sendable(access) else ""
        if provider.kind == "github":
            return self._github(provider, access)
        claims = id_tokens.verified(
            tokens.get("id_token"),
            provider=provider,
            metadata=metadata,
            nonce=nonce,
            directory=self._directory,
        )
        if "email" not in claims and metadata.userinfo_endpoint and access:
            claims = self._completed(claims, metadata, access)
        return _profile(provider, claims["sub"], claims)

    def _tokens(
        self, provider: Provider, metadata: Metadata, code: str, verifier: str, redirect_uri: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if provider.client_secret and metadata.secret_in_header:
            headers["Authorization"] = _basic(provider)
        else:
            form["client_id"] = provider.client_id
            if provider.client_secret:
                form["client_secret"] = provider.client_secret
        try:
            reply = self._web.post(metadata.token_endpoint, form, headers)
        except WebFault as exc:
            raise away() from exc
        if 400 <= reply.status < 500:
            raise refused()
        # GitHub answers 200 to codes that do not hold, too.
        tokens = read_object(reply)
        if "error" in tokens:
            raise refused()
        return tokens

    def _completed(
        self, claims: Mapping[str, Any], metadata: Metadata, access: str
    ) -> Mapping[str, Any]:
        """Many providers tell the e-mail by the userinfo endpoint alone (Core 1.0, 5.4)."""
        more = object_of(self._read(metadata.userinfo_endpoint, access))
        if more.get("sub") != claims["sub"]:
            raise refused()
        return {**more, **claims}

    def _github(self, provider: Provider, access: str) -> Profile:
        user = object_of(self._read(f"{provider.api}/user", access))
        id = user.get("id")
        # The number stays a user's own; the login can be given up and taken by another.
        if isinstance(id, bool) or not isinstance(id, int):
            raise away()
        emails = _array(self._read(f"{provider.api}/user/emails", access))
        first = next((one for one in emails if one.get("primary") is True), {})
        claims = {
            "email": first.get("email"),
            "email_verified": first.get("verified"),
            "name": user.get("name") or user.get("login"),
        }
        return _profile(provider, str(id), claims)

    def _read(self, url: str, access: str) -> Reply:
        if not access:
            raise refused()
        try:
            reply = self._web.get(url, {"Authorization": f"Bearer {access}"})
        except WebFault as exc:
            raise away() from exc
        if reply.status in (401, 403):
            raise refused()
        if reply.status != 200:
            raise away()
        return reply


def _profile(provider: Provider, subject: str, claims: Mapping[str, Any]) -> Profile:
    email, name = _text(claims.get("email"), MAX_EMAIL), _text(claims.get("name"), MAX_NAME)
    vouched = provider.vouches(email, claims)
    return Profile(provider.name, provider.issuer, subject, email if vouched else "", name)


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        return ""
    return value.strip()


def _array(reply: Reply) -> list[dict[str, Any]]:
    try:
        document = json.decode(reply.body)
    except (BadRequest, TooLarge) as exc:
        raise away() from exc
    return [one for one in document if isinstance(one, dict)] if isinstance(document, list) else []


def _basic(provider: Provider) -> str:
    # RFC 6749, 2.3.1: both parts are form-encoded first.
    pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _sendable(token: str) -> bool:
    return 0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable()
