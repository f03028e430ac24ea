"""Names to addresses, in bounded time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

Resolve = Callable[[str, int, float], Sequence[str]]
"""The addresses of a host and port, asked for at most so many seconds; raises OSError."""

MAX_WAITING = 32  # names that nobody answers for; the system's resolver cannot be interrupted
_waiting = threading.BoundedSemaphore(MAX_WAITING)


def system(host: str, port: int, seconds: float) -> Sequence[str]:
    """As `Resolve`, by the system's own resolver."""
    found: list[str] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError) as error:
            failed.append(OSError(str(error)))
        finally:
            _waiting.release()

    if not _waiting.acquire(timeout=seconds):
        raise TimeoutError("too many names are being looked up")
    asking = threading.Thread(target=ask, daemon=True, name="covey-resolve")
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise TimeoutError("its name is not answered for")
    if failed or not found:
        raise failed[0] if failed else OSError("it has no address")
    return found
