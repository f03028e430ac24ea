"""Pages of one file, nothing loaded from elsewhere, in one style."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path

from covey.http import Response

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_HERE = Path(__file__).parent


def page(name: str, product: str = "Covey") -> Response:
    """The page ``{name}.html``."""
    text = html(name, product)
    return Response(text, headers=headers(text))


@cache
def html(name: str, product: str = "Covey") -> str:
    """Its text, with the style in it."""
    text = (_HERE / f"{name}.html").read_text(encoding="utf-8")
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    return text.replace("/* page.css */\n", style).replace("{product}", escape(product))


def headers(text: str) -> dict[str, str | list[str]]:
    """Only the page's own script and style run, by their hashes (CSP Level 3, 8.3)."""
    sources = {kind: _hash(inline) for kind, inline in _INLINE.findall(text)}
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
