"""What the documentation says of bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_EMAIL = {"type": "string", "format": "email"}
_PASSWORD = {"type": "string", "format": "password", "minLength": 8, "maxLength": 256}
_FLOW = {"type": "string", "description": "of this sign-in, for the browser that began it"}
_CODE = {"type": "string", "description": "of the authenticator app, or for recovery"}
_CREDENTIAL = {
    "type": "object",
    "description": "what PublicKeyCredential.toJSON() answers (WebAuthn Level 3)",
}
_USER = {
    "type": "object",
    "description": "the record of `users`, as its owner may read it",
    "required": ["id"],
    "properties": {"id": {"type": "string"}},
}


def _body(*, more: bool = False, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": more,
    }


SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "SignUp": {
        **_body(more=True, email=_EMAIL, password=_PASSWORD),
        "description": "further fields are those of the collection `users`",
    },
    "SignIn": _body(email={"type": "string"}, password={"type": "string"}),
    "Refresh": _body(refresh_token={"type": "string"}),
    "Bootstrap": _body(token={"type": "string"}, email=_EMAIL, password=_PASSWORD),
    "ChangePassword": _body(password={"type": "string"}, new_password=_PASSWORD),
    "Email": _body(email={"type": "string"}),
    "Reset": _body(token={"type": "string"}, password=_PASSWORD),
    "Link": _body(token={"type": "string", "description": "of the link in the letter"}),
    "Verify": {
        "type": "object",
        "required": ["token"],
        "properties": {
            "token": {"type": "string", "description": "of the link in the letter"},
            "password": {
                "type": "string",
                "description": "the account's own, by whoever is not signed in to it",
            },
            "new_password": {
                **_PASSWORD,
                "description": "instead: whatever else signed in to the account goes",
            },
        },
        "additionalProperties": False,
    },
    "ChangeEmail": {
        "type": "object",
        "required": ["email"],
        "properties": {
            "email": _EMAIL,
            "password": {"type": "string", "description": "your own, where you have one"},
        },
        "additionalProperties": False,
    },
    "CheckMail": _body(status={"const": "check_mail"}),
    "MailFlow": _body(status={"const": "check_mail"}, flow=_FLOW),
    "Otp": _body(flow=_FLOW, code={"type": "string", "description": "six digits"}),
    "Magic": _body(
        flow=_FLOW, token={"type": "string", "description": "of the link in the letter"}
    ),
    "SecondFactor": {
        "type": "object",
        "required": ["flow"],
        "properties": {"flow": _FLOW, "code": _CODE, "credential": _CREDENTIAL},
        "oneOf": [{"required": ["code"]}, {"required": ["credential"]}],
        "additionalProperties": False,
    },
    "SecondFactorNeeded": _body(
        status={"const": "mfa_required"},
        flow=_FLOW,
        factors={
            "type": "array",
            "items": {"enum": ["totp", "recovery", "passkey"]},
            "description": "a passkey goes by /auth/passkeys/sign-in instead",
        },
    ),
    "Entry": {
        "description": "signed in, or to go on at /auth/mfa",
        "oneOf": [
            {"$ref": "#/components/schemas/SignedIn"},
            {"$ref": "#/components/schemas/SecondFactorNeeded"},
        ],
    },
    "Code": _body(code=_CODE),
    "PasswordOrNone": {
        "type": "object",
        "properties": {"password": {"type": "string"}},
        "additionalProperties": False,
    },
    "Proof": {
        "type": "object",
        "properties": {"password": {"type": "string"}, "code": _CODE},
        "additionalProperties": False,
    },
    "TotpOffer": _body(
        secret={"type": "string", "description": "in base 32, to type"},
        uri={"type": "string", "description": "otpauth://…, to show as a QR code"},
    ),
    "RecoveryCodes": _body(
        recovery_codes={
            "type": "array",
            "items": {"type": "string"},
            "description": "each good once, in place of a code of the app",
        }
    ),
    "Factors": _body(
        totp={"type": "boolean"},
        recovery_codes={"type": "integer", "description": "how many are left"},
        passkeys={"type": "integer"},
        password={"type": "boolean"},
    ),
    "PasskeyOptions": {
        "type": "object",
        "description": "for PublicKeyCredential.parse…OptionsFromJSON (WebAuthn Level 3)",
        "required": ["challenge"],
        "properties": {"challenge": {"type": "string"}},
    },
    "PasskeyCredential": _body(credential=_CREDENTIAL),
    "NewPasskey": {
        "type": "object",
        "required": ["credential"],
        "properties": {
            "credential": _CREDENTIAL,
            "name": {"type": "string", "minLength": 1, "maxLength": 80},
        },
        "additionalProperties": False,
    },
    "Passkeys": _body(items={"type": "array", "items": {"$ref": "#/components/schemas/Passkey"}}),
    "Passkey": _body(
        id={"type": "string"},
        name={"type": "string"},
        created={"type": "string", "format": "date-time"},
        used={"type": ["string", "null"], "format": "date-time"},
        synced={"type": "boolean", "description": "between devices of its user"},
    ),
    "Sessions": _body(items={"type": "array", "items": {"$ref": "#/components/schemas/Session"}}),
    "Session": _body(
        id={"type": "string"},
        created={"type": "string", "format": "date-time"},
        used={"type": "string", "format": "date-time"},
        expires={"type": "string", "format": "date-time"},
        address={"type": "string"},
        agent={"type": "string", "description": "what the client called itself"},
        means={"type": "string", "description": "how its user proved to be it"},
        impersonated={"type": "boolean"},
        current={"type": "boolean"},
    ),
    "User": {
        "type": "object",
        "required": ["user"],
        "properties": {
            "user": _USER,
            "impersonated_by": {"type": "string", "description": "the administrator who acts"},
        },
        "additionalProperties": False,
    },
    "SignedIn": {
        "type": "object",
        "description": "where the session is kept in a cookie, the answer has no tokens",
        "required": ["user", "expires_in"],
        "properties": {
            "user": _USER,
            "access_token": {"type": "string", "description": "a JWT, for Authorization: Bearer"},
            "refresh_token": {"type": "string", "description": "opaque, good for one use"},
            "token_type": {"const": "Bearer"},
            "expires_in": {
                "type": "integer",
                "description": "of the access token, else of the cookie, in seconds",
            },
        },
    },
    "KeySet": {
        "type": "object",
        "description": "JSON Web Key Set, RFC 7517",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
    },
}
