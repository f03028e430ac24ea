"""A whole Covey in processes of its own: started, reached, crashed, started again, ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
HOUSE = Path(__file__).parent / "house"
PASSWORD = "three small ducks swim"
PATIENCE = 90.0
_T = TypeVar("_T")


def until(look: Callable[[], _T], what: str, patience: float = PATIENCE) -> _T:
    """The first true thing that `look` gives; fails when there is none in time."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"in {patience:.0f} s: never {what} (last: {found!r})"
        time.sleep(0.03)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def below(pid: int) -> dict[int, int]:
    """Every process below one, with its parent."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    children = [int(line) for line in found.stdout.split()]
    family = dict.fromkeys(children, pid)
    for child in children:
        family |= below(child)
    return family


@dataclass
class User:
    """Somebody signed in; `http` sends their token."""

    id: str
    email: str
    token: str
    http: httpx.Client

    @contextlib.contextmanager
    def socket(self, address: str) -> Iterator[Listener]:
        ticket = self.http.post("/realtime/tickets", json={}).json()["ticket"]
        with listening(f"{address}?ticket={ticket}") as listener:
            yield listener


@dataclass
class Listener:
    """An open socket, as a client holds it."""

    socket: ClientConnection

    def say(self, message: Mapping[str, Any] | str) -> None:
        self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def hear(self, patience: float = 30) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self.socket.recv(timeout=patience))
        return heard

    def ask(self, message: Mapping[str, Any] | str) -> dict[str, Any]:
        self.say(message)
        return self.hear()


@contextlib.contextmanager
def listening(address: str) -> Iterator[Listener]:
    """A socket, open meanwhile."""
    with connect(address, open_timeout=30) as socket:
        yield Listener(socket)


class Api:
    """A Covey at a base URL."""

    def __init__(self, url: str, socket_url: str = "") -> None:
        self.url = url.rstrip("/")
        self.socket_url = socket_url or _socket_url(self.url)
        self._clients: list[httpx.Client] = []

    def client(self, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Hang up; the server goes on."""
        for client in self._clients:
            client.close()

    def sign_up(self, email: str, **fields: Any) -> User:
        with self.client() as guest:
            body = {"email": email, "password": PASSWORD, **fields}
            answer = guest.post("/auth/sign-up", json=body)
        return self._user(answer)

    def sign_in(self, email: str, password: str = PASSWORD) -> User:
        with self.client() as guest:
            body = {"email": email, "password": password}
            answer = guest.post("/auth/sign-in", json=body)
        return self._user(answer)

    def administrator(self, token: str) -> User:
        """The first one, by the one-time token."""
        with self.client() as guest:
            body = {"token": token, "email": "root@example.org", "password": PASSWORD}
            answer = guest.post("/auth/bootstrap", json=body)
        return self._user(answer)

    def _user(self, answer: httpx.Response) -> User:
        assert answer.status_code in {200, 201}, answer.text
        told = answer.json()
        token = told["access_token"]
        return User(told["user"]["id"], told["user"].get("email", ""), token, self.client(token))


def _socket_url(url: str) -> str:
    parts = urlsplit(url)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/realtime"


@dataclass
class Running(Api):
    """A gateway of ours. `end` and `crash` leave its data, `start` takes it up again."""

    folder: Path
    template: Path = ROOT / "template.yaml"
    collections: Path = ROOT / "collections"
    parameters: tuple[str, ...] = ()  # of the template, NAME=VALUE
    arguments: tuple[str, ...] = ()  # more for the command
    url: str = ""
    token: str = ""
    started: list[int] = field(default_factory=list)  # every process that was ever seen
    _process: subprocess.Popen[str] | None = None
    _runs: int = 0
    _clients: list[httpx.Client] = field(default_factory=list)

    def start(self) -> Running:
        self._runs += 1
        log = self.log
        port = urlsplit(self.url).port or 0  # the same one again after a crash
        command = [
            *(sys.executable, "-m", "infra.cli", "run", "--no-reload", "--log-format", "json"),
            *("--port", str(port), "--data", str(self.folder / "data")),
            *("--template", str(self.template), "--collections", str(self.collections)),
            *(part for one in self.parameters for part in ("--set", one)),
            *self.arguments,
        ]
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"HOST", "PORT", "DATA", "PUBLIC_URL", "LOG_FORMAT"}
            and not name.startswith(("AWS_", "DYNAMODB_"))
        }
        with log.open("a") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        try:
            url = until(self._announced, f"started; see {log}")
        except BaseException:
            self.end()
            raise
        self.url, self.socket_url = url, _socket_url(url)
        if link := re.search(r"bootstrap#token=([\w-]+)", log.read_text()):
            self.token = link[1]
        self.family()
        return self

    def _announced(self) -> str:
        assert self._process is not None
        said = self.log.read_text()
        assert self._process.poll() is None, said
        found = re.search(r'"url": "([^"]+)"', said)
        return found[1] if found and "answers at" in said else ""

    @property
    def log(self) -> Path:
        return self.folder / f"gateway-{self._runs}.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def family(self) -> dict[int, int]:
        """The processes below the front, with their parents; remembered for `leftovers`."""
        found = below(self.pid)
        self.started += [pid for pid in (self.pid, *found) if pid not in self.started]
        return found

    def workers(self) -> list[int]:
        """The processes that run functions: the leaves below the zygotes."""
        family = self.family()
        parents = set(family.values())
        return [pid for pid in family if pid not in parents and pid != self.engine()]

    def engine(self) -> int:
        """The data engine's process."""
        for pid, parent in self.family().items():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if parent == self.pid and b"--db-path" in command and b"serve" in command:
                    return pid
        return 0

    def kill(self, pid: int) -> None:
        """End one of our own processes as a crash does."""
        assert pid in self.started
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def crash(self) -> None:
        """kill -9 of the front."""
        self.family()
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.family()
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        """End, and see that nothing is left."""
        super().close()
        self.end()
        until(lambda: not self.leftovers(), "gone", 20)

    def leftovers(self) -> list[int]:
        """Processes of ours that still run."""
        return [pid for pid in self.started if alive(pid)]

    def messages(self, logical: str) -> list[dict[str, Any]]:
        """What lies in a queue, as the gateway keeps it: bodies and receives."""
        path = f"file:{self.folder / 'data' / 'gateway.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as state:
            rows = state.execute(
                "SELECT body, receives, source FROM messages WHERE queue LIKE ?", (f"%{logical}%",)
            ).fetchall()
        return [{"body": body, "receives": n, "source": source} for body, n, source in rows]


def extended_house(folder: Path, *, visibility: int = 2, attempts: int = 2) -> tuple[Path, Path]:
    """The template of the house with a probe beside its functions; and where the probe writes.

    The probe follows the table's stream and writes down what it was told, answers /probe by
    putting what it is given into the queue or the table, and cannot take what is called poison.
    Messages that fail come back after `visibility` seconds, not after minutes; changes that
    fail are told again to the probe `attempts` times.
    """
    house = folder / "house"
    shutil.copytree(HOUSE / "functions", house / "functions")
    for function in (ROOT / "functions").iterdir():
        if function.name != "__pycache__":
            (house / "functions" / function.name).symlink_to(function)
    (house / "layers").symlink_to(ROOT / "layers")
    written = folder / "probe.jsonl"
    written.touch()
    text = (ROOT / "template.yaml").read_text()
    text, found = re.subn(
        r"(  JobsQueue:\n(?:    .*\n)*?      VisibilityTimeout: )\d+", rf"\g<1>{visibility}", text
    )
    assert found == 1, "template.yaml says JobsQueue in another way"
    probe = (HOUSE / "probe.yaml").read_text()
    probe = probe.replace("PROBE_FILE_PATH", str(written)).replace("PROBE_ATTEMPTS", str(attempts))
    text = text.replace("\nResources:\n", f"\nResources:\n{probe}\n", 1)
    (house / "template.yaml").write_text(text)
    return house / "template.yaml", written
