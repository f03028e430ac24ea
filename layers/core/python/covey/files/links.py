"""Links to the directory store: signed, expiring, for one method on one object."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl, quote, urlencode

PREFIX = "/_files/"


class LinkError(Exception):
    """A link that does not hold; the text says why, without saying more than the link does."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link allows. ``expires`` is in seconds since the epoch.

    ``type``, ``max`` and ``size`` bind an upload, ``upload`` and ``part`` make it a part of an
    object in the making. ``name`` is the file name of a download, ``shown`` is "inline" where it
    may be shown, ``cache`` its Cache-Control.
    """

    method: str
    bucket: str
    key: str
    expires: int
    type: str = ""
    max: int = 0
    size: int | None = None
    name: str = ""
    upload: str = ""
    part: int = 0
    shown: str = ""
    cache: str = ""

    def url(self, secret: str, base: str) -> str:
        """The whole URL; ``base`` is the public one, without a slash at the end."""
        query = {
            name: value
            for name, value in asdict(self).items()
            if name not in {"method", "bucket", "key"} and value not in ("", None, 0)
        }
        query["signature"] = self._signature(secret)
        return f"{base}{PREFIX}{self.bucket}/{quote(self.key)}?{urlencode(query)}"

    def _signature(self, secret: str) -> str:
        text = json.dumps(["covey-files-1", *asdict(self).values()])
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def verified(secret: str, method: str, bucket: str, key: str, query: str, *, now: float) -> Link:
    """The link behind a request; raises LinkError unless it is ours, whole and not expired.

    ``key`` is decoded, ``query`` the raw query string. HEAD is allowed where GET is.
    """
    given = _single(query)
    signature = given.pop("signature", "")
    try:
        link = Link(
            method="GET" if method == "HEAD" else method,
            bucket=bucket,
            key=key,
            expires=int(given.pop("expires", "")),
            type=given.pop("type", ""),
            max=int(given.pop("max", "0")),
            size=int(given.pop("size")) if "size" in given else None,
            name=given.pop("name", ""),
            upload=given.pop("upload", ""),
            part=int(given.pop("part", "0")),
            shown=given.pop("shown", ""),
            cache=given.pop("cache", ""),
        )
    except ValueError as error:
        raise LinkError("The link is malformed.") from error
    if not secret or given:
        raise LinkError("The link is malformed.")
    # Bytes, as compare_digest raises on text beyond ASCII.
    expected = link._signature(secret).encode()
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected):
        raise LinkError("The signature does not match.")
    if link.expires < now:
        raise LinkError("The link has expired.")
    return link


def _single(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=16)
    found: dict[str, str] = dict(pairs)
    if len(found) < len(pairs):
        raise LinkError("The link is malformed.")
    return found


SAFE_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
}
"""What every download carries: a stored page must not run as a page of this origin."""
