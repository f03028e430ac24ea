"""An endpoint as administrators write it: read, checked, and patched."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from covey.collections.faults import MAX_ERRORS
from covey.collections.model import Collection
from covey.errors import FieldError, Invalid, NotFound
from covey.expressions import ExpressionError
from covey.outbound.addresses import Reach, allows
from covey.outbound.urls import BadUrl, is_loopback, parse
from covey.records.model import ChangeKind
from covey.webhooks.filtering import checked

KINDS = tuple(str(kind) for kind in ChangeKind)
MAX_COLLECTIONS = 50
MAX_DESCRIPTION = 500
MAX_HEADERS = 20
MAX_HEADER = 1_000
MAX_FILTER = 2_000
KNOWN = ("url", "collections", "kinds", "filter", "description", "headers", "enabled")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# What the transfer lives by, and what says who sends what.
_OURS = frozenset(
    (
        *("host", "connection", "content-length", "content-type", "content-encoding"),
        *("transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive"),
        *("proxy-authorization", "proxy-connection", "accept-encoding", "user-agent"),
    )
)

Find = Callable[[str], Collection]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint as it is wanted. `headers` by name; None takes one away."""

    url: str
    collections: tuple[str, ...]
    kinds: tuple[ChangeKind, ...]
    filter: str = ""
    description: str = ""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    enabled: bool = True


def wanted(
    document: Mapping[str, Any], before: Mapping[str, Any], find: Find, reach: Reach
) -> Wanted:
    """What a document asks for, over what there was; raises Invalid with every fault.

    `before` is empty for a new endpoint. `find` looks a collection up, or raises NotFound; `reach`
    says which addresses may be called.
    """
    faults: list[FieldError] = []
    for name in document:
        if name not in KNOWN:
            faults.append(FieldError(name[:64], "unknown_field", "is not known here"))
    whole = {**_DEFAULTS, **before, **{k: v for k, v in document.items() if v is not None}}
    whole |= {name: _DEFAULTS.get(name) for name in document if document[name] is None}
    for name, check in _CHECKS.items():
        why = check(whole.get(name))
        if why:
            faults.append(
                FieldError(name, "required" if whole.get(name) is None else "invalid", why)
            )
    # What stands already is not looked at again: a webhook that does not fit can be disabled.
    wrong = {one.field for one in faults}
    if "url" in document and "url" not in wrong:
        faults += _url_faults(whole["url"], reach)
    faults += _header_faults(whole["headers"])
    if document.keys() & {"collections", "filter"} and not wrong & {"collections", "filter"}:
        faults += _filter_faults(whole["filter"], whole["collections"], find)
    if faults:
        first = faults[0]
        raise Invalid(f"{first.field} {first.message}.", errors=faults[:MAX_ERRORS])
    return Wanted(
        url=whole["url"],
        collections=tuple(dict.fromkeys(whole["collections"])),
        kinds=tuple(kind for kind in ChangeKind if kind in whole["kinds"]),
        filter=whole["filter"],
        description=whole["description"],
        headers=dict(whole["headers"]),
        enabled=whole["enabled"],
    )


_DEFAULTS: Mapping[str, Any] = {
    "kinds": list(KINDS),
    "filter": "",
    "description": "",
    "headers": {},
    "enabled": True,
}


def _text(most: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "must be text"
        return f"must have at most {most} characters" if len(value) > most else ""

    return check


def _names(value: Any) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return "must be a list of collections"
    if len(value) > MAX_COLLECTIONS:
        return f"must have at most {MAX_COLLECTIONS} entries"
    return "" if all(isinstance(one, str) for one in value) else "must be names of collections"


def _kinds(value: Any) -> str:
    known = isinstance(value, Sequence) and not isinstance(value, str)
    if known and value and all(isinstance(one, str) and one in KINDS for one in value):
        return ""
    return f"must list some of {', '.join(KINDS)}"


_CHECKS: Mapping[str, Callable[[Any], str]] = {
    "url": lambda value: "" if isinstance(value, str) else "must be an address",
    "collections": _names,
    "kinds": _kinds,
    "filter": _text(MAX_FILTER),
    "description": _text(MAX_DESCRIPTION),
    "headers": lambda value: "" if isinstance(value, Mapping) else "must be an object",
    "enabled": lambda value: "" if isinstance(value, bool) else "must be true or false",
}


def _url_faults(url: str, reach: Reach) -> list[FieldError]:
    """Where a name leads is looked at with each attempt; an address is known already."""
    try:
        parts = parse(url)
    except BadUrl as wrong:
        return [FieldError("url", "invalid", str(wrong))]
    secure = parts.scheme == "https"
    here = is_loopback(parts.host)
    literal = ":" in parts.host or parts.host.replace(".", "").isdigit()
    if here or literal:
        place = "127.0.0.1" if parts.host == "localhost" else parts.host
        if not allows(reach, place, secure=secure):
            return [FieldError("url", "invalid", "must lead to a public address by https")]
    elif not secure:
        return [FieldError("url", "invalid", "must be an https address")]
    return []


def _header_faults(headers: Any) -> list[FieldError]:
    if not isinstance(headers, Mapping):
        return []
    if len(headers) > MAX_HEADERS:
        return [FieldError("headers", "invalid", f"must have at most {MAX_HEADERS} entries")]
    faults = []
    names = [name.lower() for name in headers]
    for name, value in headers.items():
        place = f"headers.{name[:64]}"
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            faults.append(FieldError(place, "invalid", "is no name of a header"))
        elif lower in _OURS or lower.startswith("webhook-") or names.count(lower) > 1:
            faults.append(FieldError(place, "invalid", "is a header that cannot be set"))
        elif value is not None and not _is_value(value):
            faults.append(FieldError(place, "invalid", "must be printable ASCII on one line"))
    return faults


def _is_value(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_HEADER and bool(_VALUE.fullmatch(value))


def _filter_faults(written: str, names: Sequence[str], find: Find) -> list[FieldError]:
    faults = []
    for name in names:
        try:
            checked(written, find(name))
        except NotFound:
            faults.append(FieldError("collections", "invalid", f"there is no {name[:64]!r}"))
        except ExpressionError as wrong:
            message = f"at {wrong.position}, for {name}: {wrong}"
            faults.append(FieldError("filter", "invalid_filter", message))
    return faults
