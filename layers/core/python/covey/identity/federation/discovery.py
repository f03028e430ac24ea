"""A provider's addresses and keys, read from it and remembered (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from covey import json
from covey.errors import BadRequest, TooLarge, Unavailable
from covey.identity.federation.faults import away
from covey.identity.federation.ports import Reply, Web, WebFault
from covey.identity.federation.providers import Provider
from covey.identity.federation.web import is_callable

METADATA_S = 3600
KEYS_S = 3600
AGAIN_S = 60  # keys are not asked for more often, whatever tokens name
FAILED_S = 10
MAX_KEYS = 50


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    names_itself: bool = False  # RFC 9207: `iss` comes with every code
    secret_in_header: bool = True


class Directory:
    """Metadata and keys of providers; one process asks for them once an hour."""

    def __init__(self, web: Web, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._web = web
        self._clock = clock
        self._kept: dict[str, tuple[float, Metadata]] = {}
        self._keys: dict[str, tuple[float, list[Mapping[str, Any]]]] = {}
        self._failed: dict[str, float] = {}

    def metadata(self, provider: Provider) -> Metadata:
        """Of one provider; raises Unavailable where it does not answer, or not what it should."""
        if provider.kind == "github":
            base = f"{provider.issuer}/login/oauth"
            return Metadata(
                provider.issuer, f"{base}/authorize", f"{base}/access_token", secret_in_header=False
            )
        kept = self._kept.get(provider.issuer)
        if kept is not None and self._clock() < kept[0] + METADATA_S:
            return kept[1]
        url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = _metadata(provider, self._document(url))
        self._kept[provider.issuer] = (self._clock(), found)
        return found

    def keys(self, metadata: Metadata, kid: str | None) -> list[Mapping[str, Any]]:
        """The keys that may have signed a token that names `kid`, or none."""
        url = metadata.jwks_uri
        read, keys = self._keys.get(url, (0.0, []))
        age = self._clock() - read
        known = any(key.get("kid") == kid for key in keys)
        if not keys or age > KEYS_S or (not known and age > AGAIN_S):
            keys = _keys(self._document(url))
            self._keys[url] = (self._clock(), keys)
        return [key for key in keys if kid is None or key.get("kid") == kid]

    def _document(self, url: str) -> dict[str, Any]:
        if self._clock() < self._failed.get(url, -FAILED_S) + FAILED_S:
            raise away()
        try:
            return read_object(self._web.get(url, {}))
        except (WebFault, Unavailable) as exc:
            self._failed[url] = self._clock()
            raise away() from exc


def read_object(reply: Reply) -> dict[str, Any]:
    """The JSON object of a good answer; raises Unavailable."""
    if reply.status != 200:
        raise away()
    return object_of(reply)


def object_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer of any status; raises Unavailable."""
    try:
        document = json.decode(reply.body)
    except (BadRequest, TooLarge) as exc:
        raise away() from exc
    if not isinstance(document, dict):
        raise away()
    return document


def _metadata(provider: Provider, document: Mapping[str, Any]) -> Metadata:
    # Discovery, 4.3: the issuer is the very one that was asked.
    if document.get("issuer") != provider.issuer:
        raise away()
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        issuer=provider.issuer,
        authorization_endpoint=_address(provider, document, "authorization_endpoint"),
        token_endpoint=_address(provider, document, "token_endpoint"),
        jwks_uri=_address(provider, document, "jwks_uri"),
        userinfo_endpoint=_address(provider, document, "userinfo_endpoint", optional=True),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        secret_in_header=isinstance(methods, list) and "client_secret_basic" in methods,
    )


def _address(
    provider: Provider, document: Mapping[str, Any], name: str, *, optional: bool = False
) -> str:
    address = document.get(name)
    if address is None and optional:
        return ""
    if not isinstance(address, str) or not is_callable(address):
        raise away()
    # Who is found by https sends nobody on in plain text.
    if urlsplit(provider.issuer).scheme == "https" and not address.startswith("https:"):
        raise away()
    return address


def _keys(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise away()
    return [key for key in keys[:MAX_KEYS] if isinstance(key, dict)]
