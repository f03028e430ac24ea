"""The journal of invocations, as commands read it; and a way to have the gateway invoke."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.gateway.control import NAME
from infra.gateway.redaction import HIDDEN

Entry = dict[str, Any]
_ANSWER_SECONDS = 900.0
_FOLLOW_SECONDS = 0.3


class InvocationError(RuntimeError):
    """Why there is nothing to show, or nothing was invoked."""


def entries(data: Path) -> Iterator[Entry]:
    """Every kept invocation, oldest first; half of a line, as a crash leaves it, is passed over."""
    for path in sorted((data / "events").glob("*.jsonl")):
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if (entry := _entry(line)) is not None:
                        yield entry
        except FileNotFoundError:  # it was the oldest, and is gone
            continue


def follow(
    data: Path,
    over: Callable[[], bool] = lambda: False,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Entry]:
    """Invocations as they come, from now on, until `over`."""
    read: dict[str, int] = {one.name: one.stat().st_size for one in _files(data)}
    while not over():
        for path in _files(data):
            with suppress(FileNotFoundError):  # it was the oldest, and is gone
                yield from _new_of(path, read)
        pause(_FOLLOW_SECONDS)


def _new_of(path: Path, read: dict[str, int]) -> Iterator[Entry]:
    with path.open("rb") as lines:
        lines.seek(read.get(path.name, 0))
        for line in lines:
            if not line.endswith(b"\n"):  # the rest comes with the next turn
                break
            read[path.name] = read.get(path.name, 0) + len(line)
            if (entry := _entry(line.decode("utf-8", "replace"))) is not None:
                yield entry


def _files(data: Path) -> list[Path]:
    return sorted((data / "events").glob("*.jsonl"))


def _entry(line: str) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "id" in entry else None


def one(data: Path, id: str) -> Entry:
    """The invocation whose id begins so; raises InvocationError for none and for several."""
    found = {entry["id"]: entry for entry in entries(data) if entry["id"].startswith(id)}
    if len(found) > 1:
        raise InvocationError(f"{len(found)} invocations begin with {id}; give more of it")
    if not found:
        raise InvocationError(f"no invocation {id} is kept; `covey events` lists those that are")
    return next(iter(found.values()))


def again(entry: Mapping[str, Any], token: str = "") -> Entry:
    """The event of an invocation, to be sent once more, as this caller.

    Raises InvocationError for an event that was not kept whole: what was taken out of it would go
    into the data.
    """
    event = entry.get("event")
    if not isinstance(event, dict) or event.keys() == {"too_large"}:
        raise InvocationError("the event was too large to be kept")
    event = dict(event)
    for name in ("headers", "multiValueHeaders"):
        if isinstance(event.get(name), dict):
            event[name] = {key: one for key, one in event[name].items() if one != HIDDEN}
    if token:
        event["headers"] = {**event.get("headers", {}), "Authorization": f"Bearer {token}"}
        several = {"Authorization": [f"Bearer {token}"]}
        event["multiValueHeaders"] = {**event.get("multiValueHeaders", {}), **several}
    if HIDDEN in json.dumps(event):
        raise InvocationError(
            "secrets were taken out of this event. `covey events ID --event > event.json` gives "
            "what was kept: fill them in, then `covey invoke NAME --event event.json`"
        )
    return event


def ask(data: Path, question: Mapping[str, Any]) -> Entry | None:
    """What the running gateway answers; None where none runs on this data."""
    line = json.dumps(question).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(_ANSWER_SECONDS)
        try:
            link.connect(os.fspath(data.resolve() / NAME))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:  # the name of the folder is too long
            raise InvocationError(f"the gateway cannot be reached: {error}") from error
        link.sendall(line)
        with link.makefile("rb") as answers:
            told = answers.readline()
    if not told:
        raise InvocationError("the gateway ended before it answered")
    return dict(json.loads(told))


def ask_alone(data: Path, question: Mapping[str, Any]) -> Entry:
    """The same of a gateway that is started for it and ended with it."""
    from infra.gateway.control import Control
    from infra.gateway.logs import Log
    from infra.gateway.options import HOUSE, Options
    from infra.gateway.start import Gateway

    class Silent(Log):
        def say(self, message: str, *, level: str = "INFO", **details: Any) -> None:
            if level != "INFO":
                super().say(message, level=level, **details)

    os.umask(0o077)  # as `covey run`: what is kept is for this user alone

    async def run() -> Entry:
        options = Options(data=data, port=0, tools=HOUSE / ".tools")
        async with Gateway(options, Silent()) as gateway:
            control = Control(gateway.invoker, lambda: gateway.city)
            return await control.answer(question)

    return asyncio.run(run())
