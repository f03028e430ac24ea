"""A way into a running gateway for its own user's commands: a socket in the data folder.

No port: pages and other machines cannot reach it, and the folder is its owner's alone. One line of
JSON asks, one answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.gateway.city import City
from infra.gateway.invoker import Invoker
from infra.gateway.made_up import NoSuchFunctionError, function_named, made_up

NAME = "control"
MOST_LINE = 8 * 1024 * 1024
LONGEST_PATH = 100  # of a Unix socket: 108 bytes on Linux, 104 on macOS


class Control:
    """Answers ``{"function", "event", "kind", "method", "path"}``; an event may be left out."""

    def __init__(self, invoker: Invoker, city: Callable[[], City]) -> None:
        self._invoker = invoker
        self._city = city
        self._server: asyncio.Server | None = None

    async def start(self, folder: Path) -> bool:
        """Listen; False where the folder's name is too long for a socket."""
        path = folder / NAME
        if len(os.fsencode(path)) > LONGEST_PATH:
            return False
        path.unlink(missing_ok=True)  # the folder is locked: whoever left it here is gone
        self._server = await asyncio.start_unix_server(self._serve, path, limit=MOST_LINE)
        path.chmod(0o600)
        return True

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _same_user(writer.get_extra_info("socket")):
                line = await asyncio.wait_for(reader.readline(), 30)
                asked = json.loads(line)
                if not isinstance(asked, dict):
                    raise ValueError("a question is an object")
                answer = await self.answer(asked)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError, asyncio.LimitOverrunError) as error:
            with contextlib.suppress(OSError):
                writer.write(json.dumps({"fault": f"not understood: {error}"}).encode() + b"\n")
        finally:
            writer.close()

    async def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke what is asked for."""
        city = self._city()
        try:
            function = function_named(city, str(asked["function"]))
            kind, event = str(asked.get("kind") or ""), asked.get("event")
            if event is None or not kind:
                guessed, example = made_up(
                    city, function, str(asked.get("method") or ""), str(asked.get("path") or "")
                )
                kind, event = kind or guessed, example if event is None else event
        except (NoSuchFunctionError, KeyError) as error:
            return {"fault": str(error.args[0])}
        label = str(asked.get("label") or f"invoke {function}")
        done = await self._invoker.invoke(function, event, kind=kind, label=label)
        told: dict[str, Any] = {
            "id": done.request_id,
            "function": function,
            "duration_ms": round(done.duration_ms, 2),
        }
        if done.payload is None:
            return {**told, "error": done.error}
        return {**told, "answer": json.loads(done.payload)}


def _same_user(peer: socket.socket) -> bool:
    """Whether the other end is this user; where the system does not say, its folder has said."""
    if not sys.platform.startswith("linux"):
        return True
    told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", told)[1] == os.getuid())
