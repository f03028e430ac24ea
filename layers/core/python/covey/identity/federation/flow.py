"""To a provider and back: from an app's wish to a one-time code for the app.

Each step leaves a secret that is taken once (`Challenges`). The one that travels by the provider,
`state`, is bound to the browser by a cookie: whoever is made to follow another's callback is
refused (RFC 9700, 4.7). What leads back to the app carries no tokens, only a code in the
fragment, which the app exchanges, with the verifier of its own challenge where it made one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from covey.errors import FieldError, Invalid, NotFound, Unauthenticated
from covey.identity import throttle
from covey.identity.audit import Audit
from covey.identity.challenges import Challenges, Purpose
from covey.identity.federation.discovery import Directory
from covey.identity.federation.faults import refused
from covey.identity.federation.profiles import Profile, Profiles
from covey.identity.federation.providers import Provider
from covey.identity.federation.redirects import Redirects
from covey.identity.ports import NOWHERE, Place
from covey.identity.throttle import Throttle

TICKET = Purpose("oauth_ticket", 120)
STATE = Purpose("oauth_state", 600)
CODE = Purpose("oauth_code", 120)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[\x20-\x7e]{1,2048}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an app asks for: where to lead back, its challenge, and the user to link, if any."""

    redirect_to: str
    challenge: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the secret that its cookie keeps meanwhile."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a one-time code stands for."""

    profile: Profile
    user: str  # to be linked; "" for a sign-in


class Flow:
    """Leads browsers to providers and back."""

    def __init__(
        self,
        *,
        providers: Mapping[str, Provider],
        redirects: Redirects,
        directory: Directory,
        profiles: Profiles,
        challenges: Challenges,
        limits: Throttle,
        audit: Audit,
        public_url: str,
    ) -> None:
        """`public_url` is where this API is reached, from the configuration."""
        self._providers = providers
        self._redirects = redirects
        self._directory = directory
        self._profiles = profiles
        self._challenges = challenges
        self._limits = limits
        self._audit = audit
        self._base = f"{public_url.rstrip('/')}/auth/oauth"

    def providers(self) -> list[dict[str, str]]:
        """Who one can sign in by."""
        return [{"name": one.name, "title": one.title} for one in self._providers.values()]

    def ticket(self, name: str, wish: Wish, place: Place = NOWHERE) -> str:
        """An address for the browser that begins the sign-in; good once, for two minutes.

        Raises NotFound for a provider that is not configured, Invalid, TooManyRequests.
        """
        provider = self._provider(name)
        self._limits.take(throttle.FEDERATION_ADDRESS, place.address)
        self._check(wish)
        ticket = self._challenges.open(TICKET, {"provider": provider.name, **asdict(wish)})
        return f"{self._base}/{provider.name}?ticket={ticket}"

    def begin(
        self, name: str, wish: Wish, browser: str | None = None, place: Place = NOWHERE
    ) -> Departure:
        """Send a browser to a provider; `browser` is what its cookie held already.

        Raises NotFound, Invalid, TooManyRequests, and Unavailable where the provider is away.
        """
        provider = self._provider(name)
        self._limits.take(throttle.FEDERATION_ADDRESS, place.address)
        self._check(wish)
        return self._depart(provider, wish, browser)

    def begin_by_ticket(self, name: str, ticket: str, browser: str | None = None) -> Departure:
        """As `begin`, for what `ticket` was made; raises Unauthenticated("sign_in_refused")."""
        provider = self._provider(name)
        kept = self._redeem(TICKET, ticket)
        if kept.pop("provider") != provider.name:
            raise refused()
        return self._depart(provider, Wish(**kept), browser)

    def come_back(
        self,
        name: str,
        answer: Mapping[str, str],
        browser: str | None,
        place: Place = NOWHERE,
    ) -> str:
        """Where the browser goes with what the provider answered: to the app, with a code.

        Raises Unauthenticated("sign_in_refused") for every answer that is not this browser's own,
        fresh, and the provider's, and Unavailable where the provider is away.
        """
        self._limits.take(throttle.FEDERATION_ADDRESS, place.address)
        try:
            return self._come_back(self._provider(name), answer, browser)
        except Unauthenticated:
            self._audit.note("sign_in_failed", "", place, means=f"oauth:{name}")
            raise

    def arrival(self, code: str, verifier: str = "") -> Arrival:
        """What the app's code stands for, once; raises Unauthenticated("sign_in_refused")."""
        kept = self._redeem(CODE, code)
        challenge, user = kept.pop("challenge"), kept.pop("user")
        if challenge and not hmac.compare_digest(challenge, _digest(verifier)):
            raise refused()
        return Arrival(Profile(**kept), user)

    def _come_back(self, provider: Provider, answer: Mapping[str, str], browser: str | None) -> str:
        state = self._redeem(STATE, answer.get("state", ""))
        held = _digest(browser or "")
        if state["provider"] != provider.name or not hmac.compare_digest(state["browser"], held):
            raise refused()
        metadata = self._directory.metadata(provider)
        # RFC 9207, 2.4: a code of another provider is not sent to this one.
        named = provider.kind == "oidc" and ("iss" in answer or metadata.names_itself)
        if named and answer.get("iss") != provider.issuer:
            raise refused()
        if "error" in answer:
            denied = answer["error"] == "access_denied"
            return f"{state['redirect_to']}#error={'access_denied' if denied else 'provider_error'}"
        code = answer.get("code", "")
        if not _CODE.fullmatch(code):
            raise refused()
        profile = self._profiles.of(
            provider,
            code,
            verifier=state["verifier"],
            nonce=state["nonce"],
            redirect_uri=self._callback(provider),
        )
        kept = {**asdict(profile), "challenge": state["challenge"], "user": state["user"]}
        return f"{state['redirect_to']}#code={self._challenges.open(CODE, kept)}"

    def _depart(self, provider: Provider, wish: Wish, browser: str | None) -> Departure:
        metadata = self._directory.metadata(provider)
        # Kept where there is one, so that two tabs do not end each other's sign-in.
        browser = browser if browser and _SECRET.fullmatch(browser) else secrets.token_urlsafe(32)
        verifier, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        state = self._challenges.open(
            STATE,
            {
                "provider": provider.name,
                "browser": _digest(browser),
                "verifier": verifier,
                "nonce": nonce,
                **asdict(wish),
            },
        )
        query = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self._callback(provider),
            "scope": provider.scopes,
            "state": state,
            "code_challenge": _digest(verifier),
            "code_challenge_method": "S256",
        }
        if provider.kind == "oidc":
            query["nonce"] = nonce
        mark = "&" if "?" in metadata.authorization_endpoint else "?"
        return Departure(f"{metadata.authorization_endpoint}{mark}{urlencode(query)}", browser)

    def _callback(self, provider: Provider) -> str:
        return f"{self._base}/{provider.name}/callback"

    def _provider(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            raise NotFound("provider")
        return provider

    def _check(self, wish: Wish) -> None:
        faults = []
        if not self._redirects.allow(wish.redirect_to):
            message = "is not among the addresses that sign-ins may lead back to"
            faults.append(FieldError("redirect_to", "redirect_not_allowed", message))
        elif self._redirects.to_app(wish.redirect_to) and not wish.challenge:
            message = "is needed where an app of the device is led back to"
            faults.append(FieldError("code_challenge", "required", message))
        if wish.challenge and not _SECRET.fullmatch(wish.challenge):
            message = "must be the base64url of a SHA-256, 43 characters"
            faults.append(FieldError("code_challenge", "pattern_mismatch", message))
        if faults:
            raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)

    def _redeem(self, purpose: Purpose, secret: str) -> dict[str, str]:
        try:
            return self._challenges.redeem(purpose, secret)
        except Unauthenticated as exc:
            raise refused() from exc


def _digest(secret: str) -> str:
    """Base64url of the SHA-256, as PKCE's S256 has it (RFC 7636, 4.2)."""
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
