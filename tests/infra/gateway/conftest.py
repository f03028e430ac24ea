"""A gateway in processes of its own, over the functions in ``house``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

HOUSE = Path(__file__).parent / "house"
ROOT = Path(__file__).resolve().parents[3]


class Running:
    """A gateway that runs; ``get`` and the rest are httpx's."""

    def __init__(self, process: subprocess.Popen[str], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log
        self.http = httpx.Client(base_url=url, timeout=20)

    def say(self, order: dict[str, object], path: str = "/say") -> httpx.Response:
        return self.http.post(path, json=order)

    def family(self) -> list[int]:
        """Every process below the gateway."""
        return _below(self.process.pid)

    def end(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.process.kill()
        self.process.wait()


def _below(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    children = [int(line) for line in found.stdout.split()]
    return [*children, *(each for child in children for each in _below(child))]


Start = Callable[..., Running]


def _launch(folder: Path, template: Path, *arguments: str) -> Running:
    log = folder / f"gateway-{len(list(folder.glob('*.log')))}.log"
    command = [sys.executable, "-m", "infra.cli", "run", "--port", "0", "--log-format", "json"]
    places = ["--template", str(template), "--data", str(folder / "data")]
    if "--endpoint" not in arguments:
        places += ["--endpoint", "http://127.0.0.1:9"]  # the house has no table
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
    with log.open("a") as out:
        process = subprocess.Popen(
            [*command, *places, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            text=True,
        )
    try:
        return Running(process, _url(process, log), log)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _url(process: subprocess.Popen[str], log: Path) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"url": "' in line:
                return line.partition('"url": "')[2].partition('"')[0]
        time.sleep(0.02)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def launch() -> Start:
    return _launch


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = _launch(tmp_path_factory.mktemp("gateway"), HOUSE / "template.yaml")
    yield running
    running.end()
