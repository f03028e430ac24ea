"""The data engine as a process: started, watched, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

from infra.gateway import engine_binary, lifeline
from infra.gateway.engine_binary import NoEngineError

Say = Callable[[str], None]

START_SECONDS = 20.0
LOOPBACK = "127.0.0.1"
_PAUSES = (0.0, 0.1, 0.5, 2.0, 5.0)


def command(program: Path, port: int, database: Path | None, host: str = LOOPBACK) -> list[str]:
    """The command line of dynoxide; without a database it keeps everything in memory."""
    where = ["--db-path", str(database)] if database else []
    return [str(program), "serve", "--host", host, "--port", str(port), *where]


def stand_in(tools: Path, port: int, say: Say, host: str = LOOPBACK) -> list[str]:
    """The command line of moto's server, for machines that dynoxide has no program for."""
    environment = tools / "moto"
    python = environment / "bin" / "python"
    if not python.is_file():
        say("Installing moto's server as a stand-in (once) …")
        requirements = Path(__file__).resolve().parents[2] / "requirements" / "moto.txt"
        engine_binary.install(environment, requirements)
    return [str(python), "-m", "moto.server", "-H", host, "-p", str(port)]


def free_port(host: str = LOOPBACK) -> int:
    """A port of this loopback address that nobody listens on."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def hidden_host() -> str:
    """A loopback address that a web page cannot guess; 127.0.0.1 where there is but that one.

    The engine checks no signature and lets pages of every origin in: on 127.0.0.1 any page that
    this machine's browser shows could try the ports and read the tables. Linux and Windows answer
    on all of 127.0.0.0/8, so that an address at random leaves 24 bits to guess beside the port.
    """
    host = "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))
    try:
        free_port(host)
    except OSError:
        return LOOPBACK
    return host


class Engine:
    """A data engine on a port of its own; ``restarted`` is awaited after it came back."""

    def __init__(
        self,
        arguments: list[str],
        port: int,
        log: Path,
        *,
        say: Say,
        host: str = LOOPBACK,
        restarted: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._arguments = arguments
        self._host = host
        self._port = port
        self._log = log
        self._say = say
        self._restarted = restarted
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._told: asyncio.Task[None] | None = None

    @classmethod
    def choose(
        cls,
        tools: Path,
        data: Path,
        *,
        say: Say,
        restarted: Callable[[], Awaitable[None]] | None = None,
    ) -> Engine:
        """Dynoxide with its file under ``data``; where it cannot be had, moto, and say so."""
        host = hidden_host()
        port = free_port(host)
        try:
            program = engine_binary.binary(tools, say)
            arguments = command(program, port, data / "covey.db", host)
        except NoEngineError as error:
            say(
                f"\n  The data engine cannot be had: {error}.\n"
                "  Using moto's server instead: ALL DATA IS IN MEMORY and it is slow.\n"
                "  Good for a look around, not for work.\n"
            )
            arguments = stand_in(tools, port, say, host)
        log = data / "engine.log"
        return cls(arguments, port, log, say=say, host=host, restarted=restarted)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self._host}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError when it does not."""
        self._spawn()
        await self._answers()
        self._watch = asyncio.create_task(self._keep_alive())

    def _spawn(self) -> None:
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                lifeline.command(self._arguments),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the gateway, which ends it last
            )

    async def _answers(self) -> None:
        end = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < end:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._host, self._port)
                writer.close()
                return
            await asyncio.sleep(0.01)
        tail = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise RuntimeError("The data engine does not start:\n  " + "\n  ".join(tail))

    async def _keep_alive(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(0.05)
            if self._process is None or self._process.poll() is None:
                continue
            self._say(f"The data engine ended ({self._process.returncode}); starting it again.")
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            try:
                self._spawn()
                await self._answers()
                failures = 0
                self._tell()
            except (OSError, RuntimeError) as error:
                failures += 1
                self._say(str(error))

    def _tell(self) -> None:
        """Call ``restarted`` beside the watch: the engine may die again while it runs."""
        if self._told is not None:
            self._told.cancel()
        if self._restarted is not None:
            self._told = asyncio.create_task(self._call(self._restarted))

    async def _call(self, restarted: Callable[[], Awaitable[None]]) -> None:
        try:
            await restarted()
        except (OSError, RuntimeError) as error:
            self._say(str(error))

    async def stop(self) -> None:
        """End it, and wait until it has."""
        for task in (self._watch, self._told):
            if task is not None:
                task.cancel()
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        for _ in range(300):
            if process.poll() is not None:
                break
            await asyncio.sleep(0.01)
        else:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()
