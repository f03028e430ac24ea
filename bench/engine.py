"""A data engine in memory and a table in it, for measurements within this process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from covey.config import settings
from covey.store.tables import create_table
from covey.store.transport import transport
from covey.wiring import services
from infra.gateway import engine, engine_binary

ROOT = Path(__file__).resolve().parents[1]
NAME = "covey-bench"


@contextmanager
def table() -> Iterator[str]:
    """The engine's address, with a fresh table that this process's services use."""
    program = engine_binary.binary(ROOT / ".tools", print)
    port = engine.free_port()
    process = subprocess.Popen(
        engine.command(program, port, None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        address = f"http://127.0.0.1:{port}"
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_DYNAMODB": address,
            "TABLE_NAME": NAME,
        }
        for cached in (settings, transport, services):
            cached.cache_clear()
        create_table(transport(), NAME, ROOT / "template.yaml")
        yield address
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.025)
        else:
            return
    raise RuntimeError("the data engine did not start")
