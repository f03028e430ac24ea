"""The page that makes the first administrator: one file, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@cache
def html() -> str:
    """The page."""
    return Path(__file__).with_name("bootstrap.html").read_text(encoding="utf-8")


def headers() -> dict[str, str | list[str]]:
    """Its headers: only its own script and style run, by their hashes (CSP Level 3, 8.3)."""
    sources = {kind: _hash(text) for kind, text in _INLINE.findall(html())}
    policy = (
        f"default-src 'none'; script-src {sources['script']}; style-src {sources['style']}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
