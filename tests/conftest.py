"""What tests of several parts share: the data engine, and a table of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from covey.config import settings as configured
from covey.store.signing import Credentials
from covey.store.tables import create_table
from covey.store.transport import LeanTransport, transport
from infra.gateway import engine as data_engine
from infra.gateway import engine_binary

# The same examples each time, so that a commit is judged by what it changes. Laws are searched at
# random, for as long as one likes, with HYPOTHESIS_PROFILE=random.
# No deadline: how long an example takes tells what else the machine does.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "template.yaml"
REGION = "us-east-1"
CREDENTIALS = Credentials("testing", "testing")


@pytest.fixture(autouse=True, scope="session")
def _credentials() -> Iterator[None]:
    """No test can reach an account: dummy keys, and no profile, whatever the shell has."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_key)
        patch.setenv("AWS_REGION", REGION)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of a data engine that keeps everything in memory, for the whole session."""
    program = engine_binary.binary(ROOT / ".tools", print)
    port = data_engine.free_port()
    process = subprocess.Popen(
        data_engine.command(program, port, None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def table(engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a fresh table as template.yaml declares it, set as this process's own."""
    name = f"covey-test-{uuid4().hex[:12]}"
    lean = LeanTransport(engine, REGION, lambda: CREDENTIALS)
    create_table(lean, name, TEMPLATE)
    monkeypatch.setenv("TABLE_NAME", name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine)
    configured.cache_clear()
    transport.cache_clear()
    yield name
    configured.cache_clear()
    transport.cache_clear()
    lean.call("DeleteTable", {"TableName": name})


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        if process.poll() is not None:
            pytest.exit(f"the data engine ended with {process.returncode}", 3)
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.025)
        else:
            return
    pytest.exit("the data engine did not start", 3)
