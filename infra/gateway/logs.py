"""What the gateway prints: a line per invocation and what functions log, for people or machines."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any, TextIO

from infra.gateway.pool import Invocation

_DIM, _RED, _YELLOW, _GREEN, _CYAN, _OFF = (
    "\x1b[2m",
    "\x1b[31m",
    "\x1b[33m",
    "\x1b[32m",
    "\x1b[36m",
    "\x1b[0m",
)
_LEVELS = {"DEBUG": _DIM, "INFO": _CYAN, "WARNING": _YELLOW, "ERROR": _RED, "CRITICAL": _RED}
# Members of a Powertools line that a person at a terminal does not need.
_ROUTINE = frozenset(
    {
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "sampling_rate",
        "exception",
        "exception_name",
        "stack_trace",
        "cold_start",
        "function_name",
        "function_memory_size",
        "function_arn",
        "function_request_id",
        "xray_trace_id",
    }
)


# What covey.http logs for each request; the gateway's own line says it to a person.
_ACCESS = "request"


class Log:
    """The observer of invocations; ``form`` is ``text`` or ``json``."""

    def __init__(self, form: str = "text", stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._json = form == "json"
        self._colour = not self._json and self._stream.isatty()
        self._second = (0, "")

    def say(self, message: str, *, level: str = "INFO", **details: Any) -> None:
        """A line of the gateway itself."""
        if self._json:
            self._document(level=level, message=message, **details)
            return
        for line in message.split("\n"):
            self._write(self._paint(line, _LEVELS.get(level, "") if level != "INFO" else ""))

    def finished(self, invocation: Invocation) -> None:
        """One line: when, what, status, milliseconds, cost, function."""
        answer = invocation.answer
        status, cost = _http(invocation) if invocation.kind == "http" else ("", "")
        failed = answer.error is not None
        if self._json:
            self._document(
                level="ERROR" if failed else "INFO",
                message=invocation.label or invocation.kind,
                kind=invocation.kind,
                function=invocation.function,
                status=status or ("failed" if failed else "ok"),
                duration_ms=round(answer.duration_ms, 2),
                waited_ms=round(invocation.waited_ms, 2),
                cost=cost,
                request_id=answer.request_id,
                error=answer.error,
            )
            return
        if invocation.kind == "setup" and not failed:
            return
        colour = _RED if failed or status.startswith("5") else _status_colour(status)
        shown = self._paint(f"{status or ('FAIL' if failed else 'ok'):>4}", colour)
        label = self._paint(f"{invocation.label or invocation.kind:<40}")
        tail = self._paint(f"{cost}  {invocation.function}", _DIM)
        self._write(f"{self._clock()} {shown} {label} {answer.duration_ms:7.1f} ms  {tail}")
        if answer.error is not None:
            self._failure(answer.error)

    def _failure(self, error: Any) -> None:
        self._write(self._paint(f"  {error.get('errorType')}: {error.get('errorMessage')}", _RED))
        for entry in error.get("stackTrace") or ():
            for line in str(entry).rstrip("\n").split("\n"):
                self._write(self._paint(f"    {line}", _DIM))

    def printed(self, function: str, request_id: str, line: str) -> None:
        """A line that a handler wrote."""
        parsed = _parsed(line)
        if self._json:
            if parsed is None:
                self._document(level="INFO", message=line, function=function, request_id=request_id)
            else:
                self._write(json.dumps({"function": function, "request_id": request_id, **parsed}))
        elif parsed is None or "message" not in parsed:
            if parsed is None or "_aws" not in parsed:  # metrics are for CloudWatch
                self._write(f"  {self._paint(function, _DIM)} {self._paint(line)}")
        elif parsed["message"] != _ACCESS or parsed.get("level") != "INFO":
            self._structured(function, parsed)

    def _structured(self, function: str, parsed: dict[str, Any]) -> None:
        level = str(parsed.get("level", "INFO"))
        extra = {k: v for k, v in parsed.items() if k not in _ROUTINE}
        tail = f" {json.dumps(extra, default=str)}" if extra else ""
        shown = self._paint(f"{level:<7}", _LEVELS.get(level, ""))
        message = self._paint(str(parsed["message"]))
        self._write(f"  {shown} {message}{self._paint(f'{tail}  {function}', _DIM)}")
        if parsed.get("exception"):
            for line in str(parsed["exception"]).split("\n"):
                self._write(self._paint(f"    {line}", _DIM))

    def _document(self, **members: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept = {key: value for key, value in members.items() if value not in (None, "")}
        self._write(json.dumps({"timestamp": now, **kept}, default=str))

    def _write(self, text: str) -> None:
        """Write a line; its parts went through `_paint` or JSON, so escapes in it are our own."""
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # whoever read the output has gone; serving goes on
            self._stream = sys.__stderr__ or sys.stderr

    def _paint(self, text: str, colour: str = "") -> str:
        """The text, harmless to a terminal whoever wrote it, in a colour where there are any."""
        if not text.isprintable():
            text = "".join(c if c.isprintable() else _escaped(c) for c in text)
        return f"{colour}{text}{_OFF}" if self._colour and colour else text

    def _clock(self) -> str:
        now = int(time.time())
        if now != self._second[0]:
            self._second = (now, time.strftime("%H:%M:%S", time.localtime(now)))
        return self._paint(self._second[1], _DIM)


def _escaped(character: str) -> str:
    return character if character == "\t" else character.encode("unicode_escape").decode()


def _status_colour(status: str) -> str:
    return _YELLOW if status.startswith("4") else _GREEN


def _http(invocation: Invocation) -> tuple[str, str]:
    """Status and cost of an answer, without reading the whole of it."""
    answer = invocation.answer
    if answer.payload is None:
        return {"Sandbox.Timedout": "504", "TooManyRequestsException": "503"}.get(
            answer.error_type, "502"
        ), ""
    return _member(answer.payload, b'"statusCode":', b",}"), _member(
        answer.payload, b'"Covey-Cost":"', b'"'
    )


def _member(payload: bytes, name: bytes, ends: bytes) -> str:
    at = payload.find(name)
    if at < 0:
        return ""
    rest = payload[at + len(name) : at + len(name) + 80]
    stop = min((found for end in ends if (found := rest.find(bytes([end]))) >= 0), default=80)
    return rest[:stop].decode("utf-8", "replace").strip()


def _parsed(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
