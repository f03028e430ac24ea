"""A server on this machine that others call, and that does to them what strangers do.

``with Receiver(answering(503)) as receiver:`` keeps what comes in ``receiver.received``.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Received:
    """One request; headers by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Write = Callable[[bytes], object]
Behaviour = Callable[[Received, Write], object]
"""What is done with a request: `Write` sends bytes as they are."""


def answering(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answers in order; underscores of names mean hyphens."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Told", *lines, f"Content-Length: {len(body)}"])
    return lambda _, write: write(head.encode() + b"\r\n\r\n" + body)


class Receiver:
    """Keeps what it received, in order; `answer` may be changed at any time."""

    def __init__(
        self, answer: Behaviour | None = None, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer or answering(204)
        self.received: list[Received] = []
        self.gone = threading.Event()  # set at the end, for answers that wait
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the caller has gone
                    self.close_connection = True

            def do_POST(self) -> None:
                self._take()

            def do_GET(self) -> None:
                self._take()

            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, body)
                receiver.received.append(request)
                receiver.answer(request, self.wfile.write)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self) -> tuple[socket.socket, Any]:
                link, address = super().get_request()
                if context is not None:
                    link = context.wrap_socket(
                        link, server_side=True, do_handshake_on_connect=False
                    )
                return link, address

            def handle_error(self, *_: Any) -> None:
                """Say nothing: callers that give up are what it is for."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
