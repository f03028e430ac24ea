"""Passkeys: WebAuthn credentials that users sign in with (W3C, Web Authentication Level 3).

Discoverable, so that nobody types an address, and with their user verified, so that one is two
factors. The handle of a user is its id: the authenticator brings it along, and it says where the
public key lies. Challenges are good once (`covey.identity.challenges`); the domain and the
origins come from the configuration, never from a request.
"""

from __future__ import annotations

import binascii
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import encode_cbor, parse_cbor
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from covey.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from covey.identity import throttle
from covey.identity.accounts import Accounts, SignedIn
from covey.identity.addresses import Addresses
from covey.identity.audit import Audit
from covey.identity.authenticator import Proofs
from covey.identity.challenges import Challenges, Purpose
from covey.identity.factors import FactorStore, Passkey
from covey.identity.ports import NOWHERE, Account, AccountStore, Place
from covey.identity.principal import Principal
from covey.identity.second_factor import PASSKEY
from covey.identity.throttle import Throttle
from covey.mail.post import Post
from covey.records.model import Record

ADDING = Purpose("passkey_add", 300)
SIGNING_IN = Purpose("passkey_sign_in", 300)
MAX_PASSKEYS = 20
MAX_NAME = 80
MAX_HANDLE = 64  # bytes, by the specification
_LOOPBACK = ("127.0.0.1", "::1")
# What the parser of the library raises at hostile input, besides its own family.
_MALFORMED = (
    WebAuthnException,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Party:
    """The relying party: whose passkeys these are, and which pages may use them."""

    id: str
    name: str
    origins: tuple[str, ...]


def party_of(public_url: str, domain: str, origins: str, name: str) -> Party:
    """The relying party of a configuration; `origins` with commas between.

    Browsers take no addresses for domains, so that a loopback address means ``localhost``.
    """
    url = urlsplit(public_url)
    host = url.hostname or ""
    allowed = [one.strip().rstrip("/") for one in origins.split(",") if one.strip()]
    if not allowed:
        allowed = [f"{url.scheme}://{url.netloc}"]
        if host in _LOOPBACK:
            port = f":{url.port}" if url.port else ""
            allowed.append(f"{url.scheme}://localhost{port}")
    return Party(domain or ("localhost" if host in _LOOPBACK else host), name, tuple(allowed))


class Passkeys:
    """Adds, lists and removes passkeys, and signs in by them."""

    def __init__(
        self,
        *,
        party: Party,
        proofs: Proofs,
        accounts: Accounts,
        store: AccountStore,
        factors: FactorStore,
        addresses: Addresses,
        challenges: Challenges,
        limits: Throttle,
        audit: Audit,
        post: Post,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._party = party
        self._proofs = proofs
        self._accounts = accounts
        self._store = store
        self._factors = factors
        self._addresses = addresses
        self._challenges = challenges
        self._limits = limits
        self._audit = audit
        self._post = post
        self._clock = clock

    def offer(
        self, caller: Principal, password: str = "", code: str = "", place: Place = NOWHERE
    ) -> Mapping[str, Any]:
        """Options for ``navigator.credentials.create``, after a recent proof.

        Raises what `Proofs.recent` does, Conflict("too_many_passkeys"), and Invalid for a user
        whose id does not fit into a passkey.
        """
        account = self._proofs.recent(caller, password, code, place)
        kept = self._factors.of(account.user).passkeys
        if len(kept) >= MAX_PASSKEYS:
            raise Conflict(f"A user has at most {MAX_PASSKEYS}.", code="too_many_passkeys")
        handle = account.user.encode()
        if len(handle) > MAX_HANDLE:
            raise Invalid("Ids of more than 64 bytes do not fit into a passkey.")
        name = str(caller.values.get("email") or account.user)
        options = webauthn.generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._party.name,
            user_id=handle,
            user_name=name,
            challenge=_bytes(self._challenges.open(ADDING, {"user": account.user})),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(_bytes(one.id)) for one in kept],
        )
        return _document(webauthn.options_to_json(options))

    def add(
        self, caller: Principal, credential: Mapping[str, Any], name: str, place: Place = NOWHERE
    ) -> Passkey:
        """Keep what the authenticator answered to `offer`.

        Raises Unauthenticated("invalid_credentials") for what does not hold, Conflict.
        """
        _check_name(name)
        account = self._proofs.account(caller)
        challenge = self._challenge(ADDING, credential)
        if challenge is None or challenge[1].get("user") != account.user:
            raise _refused()
        try:
            made = webauthn.verify_registration_response(
                credential=_unattested(credential),
                expected_challenge=_bytes(challenge[0]),
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                require_user_verification=True,
            )
        except _MALFORMED as exc:
            raise _refused() from exc
        passkey = Passkey(
            id=_text(made.credential_id),
            public_key=_text(made.credential_public_key),
            count=made.sign_count,
            name=name,
            created=int(self._clock()),
            synced=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        )
        guard = self._store.standing(account)
        if not account.factors:
            guard = self._store.advance(account, replace(account, factors=True))
        if not self._factors.add_passkey(account.user, passkey, guard):
            raise Conflict("It is there already, or the account has changed meanwhile.")
        self._note("passkey_added", caller, place)
        return passkey

    def of(self, caller: Principal) -> Sequence[Passkey]:
        """The caller's own, oldest first."""
        return self._factors.of(self._proofs.standing(caller).user).passkeys

    def remove(
        self,
        caller: Principal,
        id: str,
        password: str = "",
        code: str = "",
        place: Place = NOWHERE,
    ) -> None:
        """Forget one, after a recent proof; raises NotFound."""
        account = self._proofs.account(caller)
        if id not in (one.id for one in self._factors.of(account.user).passkeys):
            raise NotFound("passkey")
        self._proofs.recent(caller, password, code, place)
        if not self._factors.remove_passkey(account.user, id):
            raise NotFound("passkey")
        self._note("passkey_removed", caller, place)

    def ask(self, place: Place = NOWHERE) -> Mapping[str, Any]:
        """Options for ``navigator.credentials.get``; the same for everybody."""
        self._limits.take(throttle.PASSKEY_ADDRESS, place.address)
        options = webauthn.generate_authentication_options(
            rp_id=self._party.id,
            challenge=_bytes(self._challenges.open(SIGNING_IN, {})),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _document(webauthn.options_to_json(options))

    def sign_in(self, credential: Mapping[str, Any], place: Place = NOWHERE) -> SignedIn:
        """Sign in by what the authenticator answered.

        Raises Unauthenticated("invalid_credentials") for all causes, and TooManyRequests.
        """
        self._limits.take(throttle.PASSKEY_ADDRESS, place.address)
        try:
            user, account = self._proven(credential, place)
        except Unauthenticated:
            self._audit.note("sign_in_failed", "", place, means=PASSKEY)
            raise
        return self._accounts.admit(user, account, place, PASSKEY)

    def finish(self, flow: str, credential: Mapping[str, Any], place: Place = NOWHERE) -> SignedIn:
        """Sign in with a passkey as the second factor, after what `Accounts.open` answered.

        Raises as `Accounts.finish_by` does; a passkey of somebody else's is a wrong one.
        """

        def prove(user: str) -> str:
            try:
                found, _ = self._proven(credential, place)
                if found.id != user:
                    raise _refused()
            except Unauthenticated:
                self._audit.note("second_factor_failed", user, place)
                raise
            return PASSKEY

        return self._accounts.finish_by(flow, prove, place)

    def _proven(self, credential: Mapping[str, Any], place: Place) -> tuple[Record, Account]:
        challenge = self._challenge(SIGNING_IN, credential)
        handle, id = _handle(credential), credential.get("id")
        if challenge is None or not handle:
            raise _refused()
        account, user = self._store.get(handle), self._addresses.of(handle)
        kept = next((one for one in self._factors.of(handle).passkeys if one.id == id), None)
        if account is None or account.disabled or user is None or kept is None:
            raise _refused()
        try:
            used = webauthn.verify_authentication_response(
                credential=_plain(credential),
                expected_challenge=_bytes(challenge[0]),
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                credential_public_key=_bytes(kept.public_key),
                credential_current_sign_count=0,  # `use_passkey` compares, in the same write
                require_user_verification=True,
            )
        except _MALFORMED as exc:
            raise _refused() from exc
        now = int(self._clock())
        if not self._factors.use_passkey(handle, kept.id, used.new_sign_count, now):
            # Two devices that count by themselves: one of them is a copy (WebAuthn, 6.1.1).
            self._audit.note("passkey_count_regressed", handle, place)
            raise _refused()
        return user, account

    def _challenge(
        self, purpose: Purpose, credential: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]] | None:
        """The challenge that a credential answers and what it stands for, spent by this."""
        try:
            raw = _bytes(credential["response"]["clientDataJSON"])
            challenge = json.loads(raw)["challenge"]
            if not isinstance(challenge, str):
                return None
            return challenge, self._challenges.redeem(purpose, challenge)
        except (*_MALFORMED, Unauthenticated):
            return None

    def _note(self, what: str, caller: Principal, place: Place) -> None:
        self._audit.note(what, caller.id, place)
        self._post.order("factor_changed", user=caller.id, what=what)


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        fault = FieldError("name", "invalid", f"must be 1 to {MAX_NAME} printable characters")
        raise Invalid(f"name {fault.message}.", errors=[fault])


def _handle(credential: Mapping[str, Any]) -> str:
    try:
        handle = _bytes(credential["response"]["userHandle"])
        return handle.decode() if len(handle) <= MAX_HANDLE else ""
    except _MALFORMED:
        return ""


def _plain(credential: Mapping[str, Any]) -> dict[str, Any]:
    # What Covey decodes numbers to, the library does not know.
    plain: dict[str, Any] = json.loads(json.dumps(dict(credential), default=str))
    return plain


def _unattested(credential: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the authenticator says of its maker: nobody asked, and nobody looks at it.

    So hostile certificates meet no parser.
    """
    plain = _plain(credential)
    attested = parse_cbor(_bytes(plain["response"]["attestationObject"]))
    bare = {"fmt": "none", "attStmt": {}, "authData": attested["authData"]}
    plain["response"]["attestationObject"] = _text(encode_cbor(bare))
    return plain


def _document(text: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(text)
    return document


def _bytes(text: str) -> bytes:
    """Of base64url without padding, and nothing else."""
    if not isinstance(text, str) or not text.isascii() or "=" in text:
        raise ValueError("not base64url")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as exc:
        raise ValueError("not base64url") from exc


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refused() -> Unauthenticated:
    return Unauthenticated("This passkey does not hold here.", code="invalid_credentials")
