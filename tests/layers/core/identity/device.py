"""A software authenticator that verifies its user, speaking the JSON of WebAuthn Level 3."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from struct import pack
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from soft_webauthn import SoftWebauthnDevice

ORIGIN = "https://example.test"
PRESENT, VERIFIED = 0x01, 0x04


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Device:
    """One credential; `flags` are what it says of its user, `count` its next count."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.flags = PRESENT | VERIFIED
        self.counts = True
        self.soft = SoftWebauthnDevice()

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer what `navigator.credentials.create` is given."""
        asked = {
            **options,
            "challenge": raw(options["challenge"]),
            "user": {**options["user"], "id": raw(options["user"]["id"])},
            "attestation": "none",
        }
        made = self.soft.create({"publicKey": asked}, self.origin)
        attested = cbor.decode(made["response"]["attestationObject"])
        data = bytearray(attested["authData"])
        data[32] |= self.flags
        if not self.flags & VERIFIED:
            data[32] &= ~VERIFIED
        attested["authData"] = bytes(data)
        return {
            "id": text(made["rawId"]),
            "rawId": text(made["rawId"]),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(made["response"]["clientDataJSON"]),
                "attestationObject": text(cbor.encode(attested)),
                "transports": ["internal"],
            },
        }

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Answer what `navigator.credentials.get` is given."""
        if self.counts:
            self.soft.sign_count += 1
        said = {
            "type": "webauthn.get",
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        client = json.dumps(said).encode()
        data = hashlib.sha256(self.soft.rp_id.encode()).digest()
        data += bytes([self.flags]) + pack(">I", self.soft.sign_count)
        signed = data + hashlib.sha256(client).digest()
        key = self.soft.private_key
        return {
            "id": text(self.soft.credential_id),
            "rawId": text(self.soft.credential_id),
            "type": "public-key",
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": text(client),
                "authenticatorData": text(data),
                "signature": text(key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": text(self.soft.user_handle),
            },
        }
