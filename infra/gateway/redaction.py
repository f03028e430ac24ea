"""What the journal does not keep: passwords, tokens, codes and all else that lets somebody in.

By the names of members, at any depth, also inside JSON that stands in a text, as messages of
queues and bodies of requests do; and by what gives itself away in a text. A body that is no JSON
is kept only where nobody signs in by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "[redacted]"
_DEEPEST = 40
# Parts of names: `new_password`, `X-Amz-Signature`, `refresh_token`, `Set-Cookie`.
_SECRET = re.compile(
    r"passw|secret|token|cookie|authorization|api-?_?key|signature|credential|ticket|recovery"
    r"|private-?_?key|assertion|nonce|verifier|challenge|^otp|^mfa|^totp|^pin$|^state$|^session$",
    re.I,
)
# Of these a value of text is secret, but a number or a word that stands for a fault is not.
_CODE = re.compile(r"(^|_)codes?$", re.I)
_FAULT_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
_IN_LINK = re.compile(
    r"([?&#](?:[\w-]*token|code|state|ticket|otp|key|[\w-]*signature|[\w-]*credential|sig)=)[^&#\s\"]+",
    re.I,
)
# A web token is looked for once in each run of its letters, and nothing is taken back: what anybody
# may send, such as `eyJ-` over and over, must not keep the gateway for longer than it is long.
_BEARER = re.compile(
    r"\b(Bearer|Basic) [\w.~+/=-]+|\bcvk_[\w-]+"
    r"|(?<![\w-])(?>[\w-]*?\beyJ)[\w-]++\.[\w-]++\.[\w-]*"
)
_SIGNS = ("Bearer ", "Basic ", "cvk_", "eyJ")  # far cheaper to look for than what follows them
_HIDE, _HIDE_UNLESS_FAULT = 1, 2
_PLACE = re.compile(r"^/(auth|admin|\.well-known)(/|$)")


def redacted(value: Any, depth: int = 0) -> Any:
    """The value without secrets; what it is made of stays as it is."""
    if depth > _DEEPEST:
        return HIDDEN
    if isinstance(value, dict):
        kept = {name: _member(str(name), one, depth) for name, one in value.items()}
        if "httpMethod" in value and "body" in value:
            kept["body"] = _body(value, depth)
        return kept
    if isinstance(value, list):
        return [redacted(one, depth + 1) for one in value]
    if isinstance(value, str):
        return text(value, depth)
    return value


def text(value: str, depth: int = 0) -> str:
    """A text without secrets, JSON or not."""
    if value.lstrip()[:1] in ("{", "[", '"') and value:
        try:
            whole = json.loads(value)
        except (ValueError, RecursionError):
            if _SECRET.search(value):  # half of a document, or one with a fault
                return HIDDEN
        else:
            changed = redacted(whole, depth + 1)
            return value if changed == whole else json.dumps(changed, ensure_ascii=False)
    if "=" in value:
        value = _IN_LINK.sub(rf"\1{HIDDEN}", value)
    if any(sign in value for sign in _SIGNS):
        value = _BEARER.sub(HIDDEN, value)
    return value


def _member(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    kind = _kind(name)
    if kind == _HIDE or (kind == _HIDE_UNLESS_FAULT and not _is_harmless(value)):
        return HIDDEN
    return redacted(value, depth + 1)


@lru_cache(4096)
def _kind(name: str) -> int:
    """What a member of this name may hold; the same names come over and over."""
    if _SECRET.search(name):
        return _HIDE
    return _HIDE_UNLESS_FAULT if _CODE.search(name) else 0


def _is_harmless(value: Any) -> bool:
    return isinstance(value, str) and _FAULT_CODE.fullmatch(value) is not None


def _body(event: Mapping[str, Any], depth: int) -> Any:
    body = event["body"]
    if not isinstance(body, str):
        return redacted(body, depth + 1)
    if not body:
        return body
    if event.get("isBase64Encoded"):
        return HIDDEN
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return (
            HIDDEN if _PLACE.match(str(event.get("path", ""))) or "=" in body else text(body, depth)
        )
    return text(body, depth)
