"""A page of the examples, served on this machine beside the API that it shows."""

from __future__ import annotations

import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class LivePage:
    """The files of a folder at an address of their own: ``with LivePage(folder, api) as page``.

    Only the files that are in the folder at the start are served, to this machine alone.
    """

    def __init__(self, folder: Path, api: str) -> None:
        """`api` is the address of the API, which the page finds in its ``<meta name="api">``."""
        empty, filled = 'name="api" content=""', f'name="api" content="{escape(api)}"'
        files = {
            f"/{path.name}": (
                _TYPES[path.suffix],
                path.read_text(encoding="utf-8").replace(empty, filled).encode(),
            )
            for path in folder.iterdir()
            if path.suffix in _TYPES
        }
        files["/"] = files["/index.html"]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(files, _policy(api)))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> LivePage:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _policy(api: str) -> str:
    """The page may speak to the API and its socket, and to nobody else."""
    parts = urlsplit(api)
    origin, socket = (f"{scheme}://{parts.netloc}" for scheme in (parts.scheme, _socket(parts[0])))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        f"connect-src {origin} {socket}; base-uri 'none'; frame-ancestors 'none'"
    )


def _socket(scheme: str) -> str:
    return "wss" if scheme == "https" else "ws"


def _handler(files: dict[str, tuple[str, bytes]], policy: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files.get(self.path.partition("?")[0], ("", b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", f"{kind or 'text/plain'}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing: the terminal is the demo's."""

    return Handler
