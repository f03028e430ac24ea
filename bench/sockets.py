"""From a write to the frames of who listens: ``python -m bench.sockets --write``.

A gateway of its own, sockets of signed-in users, each with subscriptions by a filter; writes at a
steady rate, each of which concerns a few of them. Then the same with readers that do not read.
Gateway, workers, data engine, sockets and writer share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import socket
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.report import markdown, text
from infra.cli.client import Client
from infra.cli.own_gateway import OwnGateway

PAGE = Path(__file__).parent / "sockets.md"
COLLECTIONS = Path(__file__).parent / "collections"
USERS = 20
AT_ONCE = 8  # sockets that open side by side
LOUD = "loud"  # what the readers that do not read listen to
LOUD_TEXT = "x" * 20_000
SETTLE_S = 5.0  # for frames after the last write


@dataclass(slots=True)
class Seen:
    """What arrived: milliseconds from each write to each frame."""

    times: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    expected: int = 0
    lost: int = 0  # sockets that were closed

    def row(self, name: str) -> list[str]:
        frames = f"{len(self.times):,} of {self.expected:,}"
        write, there = (
            statistics.quantiles(self.writes, n=100),
            statistics.quantiles(self.times, n=100),
        )
        cuts = (write[49], there[49], there[98], max(self.times))
        return [name, frames, *(f"{one:.0f}" for one in cuts)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sockets")
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--each", type=int, default=5, help="subscriptions of a socket")
    parser.add_argument("--slow", type=int, default=100, help="readers that do not read")
    parser.add_argument("--rate", type=float, default=50.0, help="writes a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="covey-bench-") as folder,
        OwnGateway(COLLECTIONS, Path(folder)) as gateway,
    ):
        rows, said = asyncio.run(measure(asked, gateway))
    print(text(rows) + "\n" + said)
    if asked.write:
        PAGE.write_text(page(rows, said, asked), encoding="utf-8")


async def measure(asked: argparse.Namespace, gateway: OwnGateway) -> tuple[list[list[str]], str]:
    """The table, its head first, and what else there is to say."""
    gateway.administrator()
    tokens = [signed_up(gateway.url, number) for number in range(USERS)]
    rows = [["", "frames", "write p50 ms", "frame p50 ms", "frame p99 ms", "longest ms"]]
    async with AsyncExitStack() as stack:
        before = resident(gateway.pid)
        begun = time.perf_counter()
        room = asyncio.Semaphore(AT_ONCE)
        seen = Seen()
        topics = asked.sockets

        async def listener(number: int) -> None:
            async with room:
                wanted = [str((number + at * 7) % topics) for at in range(asked.each)]
                opened = await listen(gateway.url, tokens[number % USERS], wanted)
            stack.push_async_callback(opened.close)
            stack.callback(asyncio.create_task(reading(opened, seen)).cancel)

        await asyncio.gather(*(listener(number) for number in range(asked.sockets)))
        opening = time.perf_counter() - begun
        memory = (resident(gateway.pid) - before) / asked.sockets
        rows.append(await run(asked, gateway.url, tokens, seen, topics, "all read"))
        for number in range(asked.slow):
            async with room:
                slow = await listen(gateway.url, tokens[number % USERS], [LOUD], small=True)
            slow.transport.pause_reading()
            stack.callback(slow.transport.abort)
        name = f"{asked.slow} of them do not"
        rows.append(await run(asked, gateway.url, tokens, seen, topics, name, loud=2.0))
    said = (
        f"{asked.sockets:,} sockets with {asked.sockets * asked.each:,} subscriptions were open "
        f"after {opening:.0f} s, and took {memory / 1024:.0f} KB each of the memory of the gateway "
        f"and its workers. Sockets lost: {seen.lost}."
    )
    return rows, said


async def run(
    asked: argparse.Namespace,
    url: str,
    tokens: list[str],
    seen: Seen,
    topics: int,
    name: str,
    loud: float = 0.0,
) -> list[str]:
    """Write for a while; a row of the table. `loud` writes a second go to who does not read."""
    seen.times, seen.writes, seen.expected = [], [], 0
    chance = random.Random(1)
    end = time.perf_counter() + asked.seconds
    writes: set[asyncio.Task[None]] = set()
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def write(topic: str, text: str) -> None:
            body = {"topic": topic, "sent": round(time.time(), 4), "text": text}
            bearer = {"Authorization": f"Bearer {chance.choice(tokens)}"}
            begun = time.perf_counter()
            answer = await http.post("/records/ticks", json=body, headers=bearer)
            answer.raise_for_status()
            seen.writes.append((time.perf_counter() - begun) * 1000)
            seen.expected += asked.each if topic != LOUD else 0

        due = time.perf_counter()
        while due < end:
            is_loud = chance.random() < loud / asked.rate
            topic = LOUD if is_loud else str(chance.randrange(topics))
            task = asyncio.create_task(write(topic, LOUD_TEXT if is_loud else "x" * 500))
            writes.add(task)
            due += 1 / asked.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await asyncio.gather(*writes)
    await asyncio.sleep(SETTLE_S)
    return seen.row(name)


async def listen(
    url: str, token: str, topics: list[str], *, small: bool = False
) -> ClientConnection:
    """A socket with a subscription to each of these topics, all of them ready."""
    where = urlsplit(url)
    options: dict[str, object] = {"max_queue": None}
    if small:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (where.hostname, where.port))
        options = {"max_queue": 1, "sock": raw}
    opened = await connect(
        f"ws://{where.netloc}/realtime",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
        open_timeout=60,
        ping_interval=None,
        **options,  # type: ignore[arg-type]
    )
    for number, topic in enumerate(topics):
        wish = {"type": "subscribe", "id": str(number), "collection": "ticks"}
        await opened.send(json.dumps({**wish, "filter": f'topic == "{topic}"'}))
        async with asyncio.timeout(60):
            answer = json.loads(await opened.recv())
        assert answer["type"] == "ready", answer
    return opened


async def reading(opened: ClientConnection, seen: Seen) -> None:
    """Note how long each frame was on its way."""
    async for frame in opened:
        event = json.loads(frame)
        assert event["type"] == "change", event
        seen.times.append((time.time() - float(event["record"]["sent"])) * 1000)
    seen.lost += 1


def signed_up(url: str, number: int) -> str:
    """The access token of a new user."""
    credentials = {"email": f"user{number}@example.test", "password": f"a long one, {number}"}
    token: str = Client(url).call("POST", "/auth/sign-up", credentials)["access_token"]
    return token


def resident(root: int) -> int:
    """The memory, in bytes, of a process and all that it started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(
                    (entry / "stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:
                continue
    family, size = {root}, 0
    while len(family) > size:
        size = len(family)
        family |= {child for child, parent in parents.items() if parent in family}
    pages = 0
    for one in family:
        try:
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE")


def page(rows: list[list[str]], said: str, asked: argparse.Namespace) -> str:
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return "\n\n".join(
        [
            "# Sockets",
            f"Written by `python -m bench.sockets --write`, on {machine}. Gateway, workers, data "
            "engine, sockets and writer share the machine; how busy it was with other things tells "
            "the time of the writes. What the fan-out itself takes: [topics](topics.md).",
            f"{asked.rate:.0f} writes a second for {asked.seconds:.0f} s, each of which "
            f"{asked.each} subscriptions of signed-in users want: from just before the write is "
            "sent to the frame, beside the time of the write alone. The readers that do not read "
            "have a subscription each that is told 20 KB twice a second.",
            markdown(rows),
            said + "\n",
        ]
    )


if __name__ == "__main__":
    main()
