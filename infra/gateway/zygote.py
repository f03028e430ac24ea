"""A warm, single-threaded parent of workers: it imports once and forks in milliseconds.

There are two kinds. The *root* holds only libraries and lives as long as the front. It forks a
*nest* for each set of layers, which imports those layers' packages and forks the workers. When
code changes the front asks for new nests: nothing of the old code is in the root, so a reload
costs the import of the layers and no more. A nest ends when the front closes its socket.

Program: ``python -m infra.gateway.zygote SOCKET_FD PARENT_PID``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from infra.gateway import wire, worker
from infra.gateway.lifeline import die_with_parent

# Heavy, and the same for every function. A library that is not installed is left out.
LIBRARIES = (
    "argon2",
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.batch",
    "botocore.auth",
    "botocore.session",
    "chalice.app",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "decimal",
    "email.message",
    "http.client",
    "jwt",
    "pynamodb.models",
    "simplejson",
    "urllib.request",
)


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):  # the worker that needs it will say why it fails
            importlib.import_module(name)


def _packages(folders: Iterable[str]) -> Iterable[str]:
    """Every module below the folders, by dotted name; tests' parts are for tests."""
    for folder in folders:
        for found in pkgutil.walk_packages([folder], onerror=lambda _name: None):
            if ".testing" not in found.name and not found.name.endswith("__main__"):
                yield found.name


def _fork(control: socket.socket, descriptor: int) -> bool:
    """Fork; True in the child, which holds its own socket and no other."""
    parent = os.getpid()
    if os.fork():
        os.close(descriptor)
        return False
    control.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent(parent)
    return True


def _serve(control: socket.socket) -> tuple[dict[str, Any], int]:
    """Fork as ordered. Returns the order and its socket, in the child only."""
    gc.collect()
    gc.freeze()  # shared pages stay shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    while True:
        try:
            order, descriptor = wire.receive_order(control)
        except (EOFError, OSError):
            os._exit(0)
        if _fork(control, descriptor):
            return order, descriptor


def _nest(layers: list[str], descriptor: int) -> NoReturn:
    control = socket.socket(fileno=descriptor)
    sys.path[:0] = layers
    importlib.invalidate_caches()
    _import(_packages(layers))
    spec, descriptor = _serve(control)
    worker.run(wire.WorkerSpec(**spec), socket.socket(fileno=descriptor))


def _main() -> NoReturn:
    control = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(Path.cwd())}]
    _import(LIBRARIES)
    order, descriptor = _serve(control)
    _nest(order["layers"], descriptor)


if __name__ == "__main__":
    _main()
