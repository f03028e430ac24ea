"""A gateway of a command's own: started for it, administered by it, ended with it."""

from __future__ import annotations

import contextlib
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from infra.cli.client import Client
from infra.gateway import lifeline
from infra.gateway.options import HOUSE

_START_SECONDS = 60.0
_URL = re.compile(r"Covey answers at (\S+)")
_TOKEN = re.compile(r"/auth/bootstrap#token=(\S+)")


class StartError(RuntimeError):
    """The gateway did not start; the message ends with what it printed."""


class OwnGateway:
    """A gateway on a free port: ``with OwnGateway(collections, data) as gateway``."""

    def __init__(self, collections: Path, data: Path, *arguments: str) -> None:
        """`data` lasts as long as its owner keeps it; `arguments` are those of ``covey run``."""
        self.url = ""
        self.log = data / "gateway.log"
        self._token = ""
        self._command = [sys.executable, "-m", "infra.cli", "run", "--port", "0", "--no-reload"]
        self._command += ["--collections", str(collections), "--data", str(data), *arguments]

    def __enter__(self) -> OwnGateway:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w", encoding="utf-8") as out:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                lifeline.command(self._command),
                cwd=HOUSE,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the command, which then ends this
            )
        try:
            self._await_start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def first(self) -> bool:
        """Whether its data has no administrator yet."""
        return bool(self._token)

    def administrator(self, email: str = "", password: str = "") -> Client:
        """A client signed in as the first administrator, whom this makes.

        Without a password nobody knows it. Raises StartError where there is one already.
        """
        if not self._token:
            raise StartError("This data has an administrator already.")
        client = Client(self.url)
        made = client.call(
            "POST",
            "/auth/bootstrap",
            {
                "token": self._token,
                "email": email or "administrator@example.test",
                "password": password or secrets.token_urlsafe(16),
            },
        )
        self._token = ""
        client.token = made["access_token"]
        return client

    def wait(self) -> None:
        """Return when it has ended by itself."""
        self._process.wait()

    def _await_start(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            said = self.log.read_text(encoding="utf-8")
            if found := _URL.search(said):
                time.sleep(0.05)  # the link follows in the same breath
                said = self.log.read_text(encoding="utf-8")
                token = _TOKEN.search(said)
                self.url, self._token = found[1], token[1] if token else ""
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise StartError(f"The gateway did not start:\n{self.log.read_text('utf-8')[-2_000:]}")

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
