"""A word said in a room of many sockets, through a gateway: how long until each has heard it.

    PYTHONPATH=layers/core/python:layers/team/python:. python -m bench.rooms --sockets 50 200

Starts a gateway of its own on loopback with examples/chat. Ten users hold the sockets; the rule
reads a record of each user for each message. One of them says a word every 200 ms. Prints the
time from its frame to the median and to the last socket, over all words, and to its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.e2e.running import ROOT, Running, User

USERS = 10
EVERY = 0.2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--words", type=int, default=50)
    given = parser.parse_args()
    chat = ROOT / "examples" / "chat" / "collections"
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder), collections=chat).start()
        try:
            users = [running.sign_up(f"u{number}@example.org") for number in range(USERS)]
            for count in given.sockets:
                print(asyncio.run(measured(running.socket_url, users, count, given.words)))
        finally:
            running.close()


async def measured(address: str, users: list[User], count: int, words: int) -> str:
    """A line on one room."""
    room = admitted(users)
    sockets = [await joined(address, users[number % USERS], room) for number in range(count)]
    heard: dict[str, list[float]] = {}
    listening = [asyncio.create_task(listen(one, heard)) for one in sockets[1:]]
    answers, sent = [], {}
    for number in range(words):
        began = sent[str(number)] = time.perf_counter()
        data = {"text": str(number)}
        await sockets[0].send(json.dumps({"type": "publish", "channel": room, "data": data}))
        while json.loads(await sockets[0].recv())["type"] != "published":
            pass
        answers.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, EVERY - answers[-1]))
    await asyncio.sleep(1)
    for task in listening:
        task.cancel()
    for one in sockets:
        await one.close()
    missing = sum(count - 1 - len(times) for times in heard.values()) + (words - len(heard))
    first = [statistics.median(times) - sent[word] for word, times in heard.items()]
    last = [max(times) - sent[word] for word, times in heard.items()]
    return (
        f"{count} sockets: median {ms(first)} ms, last {ms(last)} ms, answer {ms(answers)} ms; "
        f"{missing} missing"
    )


def admitted(users: list[User]) -> str:
    """A room of its own that all users are in."""
    owner = users[0].http
    room = owner.post("/records/rooms", json={"topic": "t"}).json()["id"]
    for user in users:
        body: dict[str, Any] = {"id": f"{room}:{user.id}", "room": room, "user": user.id}
        assert owner.post("/records/members", json=body).status_code == 201
    return f"rooms/{room}"


async def joined(address: str, user: User, room: str) -> ClientConnection:
    """A socket in the room."""
    ticket = user.http.post("/realtime/tickets", json={}).json()["ticket"]
    socket = await connect(f"{address}?ticket={ticket}")
    await socket.send(json.dumps({"type": "join", "channel": room}))
    while json.loads(await socket.recv())["type"] != "joined":
        pass
    return socket


async def listen(socket: ClientConnection, heard: dict[str, list[float]]) -> None:
    """Note when each word came."""
    async for frame in socket:
        event = json.loads(frame)
        if event["type"] == "message":
            heard.setdefault(event["data"]["text"], []).append(time.perf_counter())


def ms(times: list[float]) -> str:
    """The median, in milliseconds."""
    return f"{statistics.median(times) * 1000:.0f}"


if __name__ == "__main__":
    main()
