"""The OpenAPI document as one page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
nav a { display: inline-block; margin-right: .8rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0;
  padding: .4rem .8rem; }
summary { cursor: pointer; } code, pre { font: .9rem/1.5 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: .3rem; overflow-x: auto; padding: .6rem; }
.method { display: inline-block; font-weight: 700; min-width: 4.5rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid var(--line); padding: .2rem .6rem .2rem 0; text-align: left;
  vertical-align: top; }
"""


def headers() -> dict[str, str | list[str]]:
    """The page's headers: only its own style applies, by its hash (CSP Level 3, 8.3)."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy + "form-action 'none'; frame-ancestors 'none'",
    }


def html(document: Mapping[str, Any]) -> str:
    """The page of a document."""
    groups = _by_tag(document)
    return "".join(
        [
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width, initial-scale=1'>",
            f"<title>{escape(document['info']['title'])} API</title><style>{_STYLE}</style>",
            f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>",
            "<p>The same as a machine reads it: <a href=openapi.json>openapi.json</a>.</p><nav>",
            *(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in groups),
            "</nav>",
            *(_group(tag, operations) for tag, operations in groups.items()),
            "</html>",
        ]
    )


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Any]]]:
    groups: dict[str, list[tuple[str, str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return dict(sorted(groups.items()))


def _group(tag: str, operations: list[tuple[str, str, Any]]) -> str:
    listed = "".join("".join(_operation(*one)) for one in operations)
    return f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{listed}'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><code><span class=method>{escape(method)}</span> {escape(path)}"
    yield f"</code> {escape(operation['summary'])}</summary>"
    if operation.get("description"):
        yield f"<p>{escape(operation['description'])}</p>"
    if operation["parameters"]:
        yield "<table><tr><th>parameter<th>in<th>what it is"
        for one in operation["parameters"]:
            yield f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}"
            yield f"<td>{escape(one.get('description', ''))}"
        yield "</table>"
    body = operation.get("requestBody", {}).get("content", {})
    for media, content in body.items():
        yield f"<p>Body: <code>{escape(media)}</code>, {_named(content['schema'])}</p>"
    yield "<table><tr><th>status<th>answer"
    for status, response in operation["responses"].items():
        shown = " ".join(_named(one["schema"]) for one in response.get("content", {}).values())
        yield f"<tr><td>{escape(status)}<td>{escape(response['description'])} {shown}"
    yield "</table></details>"


def _named(schema: Mapping[str, Any]) -> str:
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    return f"<code>{escape(reference or str(schema.get('type', 'any')))}</code>"
