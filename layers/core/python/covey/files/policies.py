"""Signed policies of form uploads to the directory store, after Amazon S3's "POST policy".

A policy lists what each field of the form must be and how many bytes the file has; nothing that
it does not name is taken, and it ends.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_POLICY = 4_096


class PolicyError(Exception):
    """A form that its policy does not allow; the text says why."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An object that may be stored. ``expires`` is in seconds since the epoch."""

    bucket: str
    key: str
    type: str
    size: int
    expires: int

    def fields(self, secret: str) -> dict[str, str]:
        """The fields of a form that keeps to it."""
        conditions = [
            {"bucket": self.bucket},
            {"key": self.key},
            {"Content-Type": self.type},
            ["content-length-range", self.size, self.size],
        ]
        document = {"expires": self.expires, "conditions": conditions}
        policy = base64.b64encode(json.dumps(document).encode()).decode()
        return {
            "key": self.key,
            "Content-Type": self.type,
            "policy": policy,
            "signature": _signature(secret, policy),
        }


def allowed(secret: str, bucket: str, fields: Mapping[str, str], *, now: float) -> Policy:
    """The policy behind the fields of a form; raises PolicyError unless they keep to it.

    Ours, not expired, for this bucket, and each field is as it says, with none missing or more.
    """
    given = dict(fields)
    policy, signature = given.pop("policy", ""), given.pop("signature", "")
    # Bytes, as compare_digest raises on text beyond ASCII.
    expected = _signature(secret, policy).encode()
    if not secret or not hmac.compare_digest(signature.encode("utf-8", "replace"), expected):
        raise PolicyError("The signature does not match.")
    found = _read(policy)
    if found.expires < now:
        raise PolicyError("The policy has expired.")
    if found.bucket != bucket or given != {"key": found.key, "Content-Type": found.type}:
        raise PolicyError("The form has other fields than its policy.")
    return found


def _read(policy: str) -> Policy:
    if len(policy) > MAX_POLICY:
        raise PolicyError("The policy is malformed.")
    try:
        document = json.loads(base64.b64decode(policy, validate=True))
        bucket, key, of_type, (_, size, _) = document["conditions"]
        return Policy(
            bucket["bucket"], key["key"], of_type["Content-Type"], size, document["expires"]
        )
    except (binascii.Error, ValueError, LookupError, TypeError) as error:
        raise PolicyError("The policy is malformed.") from error


def _signature(secret: str, policy: str) -> str:
    text = f"covey-post-1\n{policy}".encode("utf-8", "replace")
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
