"""What front, zygote and workers say to each other: frames of a head and bytes over a socket."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

# Front → worker: length of the event, deadline (seconds since 1970), request id.
CALL = struct.Struct("!Id36s")
# Worker → front: length of the payload, kind, milliseconds.
SAID = struct.Struct("!Icd")

# Lambda's limit for an event and for an answer.
PAYLOAD_LIMIT = 6_291_556

STARTED = b"S"  # payload: pid
READY = b"R"  # the handler is imported
ANSWER = b"A"  # payload: JSON that the handler returned
ERROR = b"E"  # payload: Lambda's error document; the worker goes on
BROKEN = b"B"  # payload: the same, for a handler that cannot be imported; the worker ends
LOG = b"L"  # payload: a line

# Front → zygote: length of a JSON order; the first byte carries the worker's socket.
ORDER = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is to be; goes to the zygote as JSON."""

    function: str
    arn: str
    handler: str
    code: str
    layers: list[str]
    environment: dict[str, str]
    memory_mb: int


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly ``size`` bytes; raises EOFError when the other end is gone."""
    parts = []
    while size:
        part = sock.recv(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def send_order(sock: socket.socket, order: dict[str, Any], descriptor: int) -> None:
    """Send an order to a zygote, with a socket for the process that it is about."""
    body = json.dumps(order).encode()
    socket.send_fds(sock, [ORDER.pack(len(body))], [descriptor])
    sock.sendall(body)


def receive_order(sock: socket.socket) -> tuple[dict[str, Any], int]:
    """The next order and its socket; raises EOFError when the front is gone."""
    head, descriptors, _, _ = socket.recv_fds(sock, ORDER.size, 1)
    if not head:
        raise EOFError
    head += receive(sock, ORDER.size - len(head))
    order = json.loads(receive(sock, ORDER.unpack(head)[0]))
    return order, descriptors[0]
