"""A worker: one function, one invocation at a time, as Lambda's own runtime runs it."""

from __future__ import annotations

import faulthandler
import importlib
import io
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from infra.gateway import lifeline, wire

TOO_LARGE_ANSWER = "Function.ResponseSizeTooLarge"

Handler = Callable[[Any, Any], Any]


class Context:
    """What Lambda gives a handler beside the event."""

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, spec: wire.WorkerSpec, request_id: str, deadline: float) -> None:
        self.function_name = spec.function
        self.invoked_function_arn = spec.arn
        self.memory_limit_in_mb = str(spec.memory_mb)
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{spec.function}"
        self.log_stream_name = "local"
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the gateway ends this invocation."""
        return max(0, int((self._deadline - time.time()) * 1000))


class Voice:
    """The worker's end of the socket; threads of the handler may log while it answers."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.Lock()

    def say(self, kind: bytes, payload: bytes = b"", milliseconds: float = 0.0) -> None:
        """Send one frame; ends the process when the front is gone."""
        try:
            with self._lock:
                self._socket.sendall(wire.SAID.pack(len(payload), kind, milliseconds) + payload)
        except OSError:
            os._exit(0)


class LogStream(io.TextIOBase):
    """``sys.stdout`` of a handler: each line becomes a frame, so it belongs to its invocation."""

    encoding = "utf-8"

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._rest = ""

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Send the lines that are whole and keep the rest."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line:
                self._voice.say(wire.LOG, line.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Send what is left of a line."""
        if self._rest:
            self.write("\n")


def error_document(error: BaseException) -> dict[str, Any]:
    """An exception as Lambda reports it."""
    names: dict[type[BaseException], str] = {
        MarshalError: "Runtime.MarshalError",
        ResponseTooLargeError: TOO_LARGE_ANSWER,
    }
    return {
        "errorMessage": str(error),
        "errorType": names.get(type(error), type(error).__name__),
        "stackTrace": _trace(error),
    }


def _trace(error: BaseException) -> list[str]:
    """The traceback without the frames of the machinery: the team's code is what matters."""
    story = traceback.TracebackException.from_exception(error)
    own = [
        frame
        for frame in story.stack
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]
    if own:
        story.stack = traceback.StackSummary.from_list(own)
    return list(story.format())[:64]


def run(spec: wire.WorkerSpec, sock: socket.socket) -> NoReturn:
    """Be the worker of this function until the front closes the socket."""
    voice = Voice(sock)
    voice.say(wire.STARTED, str(os.getpid()).encode())
    _prepare(spec, voice)
    try:
        handler = _resolve(spec.handler)
    except BaseException as error:  # noqa: BLE001 a module may raise anything at import
        document = error_document(error)
        module = spec.handler.rpartition(".")[0]
        document["errorMessage"] = f"Unable to import module '{module}': {error}"
        if isinstance(error, ImportError):
            document["errorType"] = "Runtime.ImportModuleError"
        voice.say(wire.BROKEN, json.dumps(document).encode())
        os._exit(1)
    voice.say(wire.READY)
    while True:
        _invoke(handler, spec, sock, voice)


def _prepare(spec: wire.WorkerSpec, voice: Voice) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not sys.platform.startswith("linux"):  # there the kernel does it
        lifeline.when_closed(0, lambda: os._exit(0))
    faulthandler.enable(2)
    sys.stdout = sys.stderr = LogStream(voice)
    os.environ.clear()
    os.environ.update(spec.environment)
    time.tzset()
    here = {entry.rstrip("/") for entry in (spec.code, *spec.layers)}
    sys.path[:] = [spec.code, *spec.layers, *(p for p in sys.path if p.rstrip("/") not in here)]
    os.chdir(spec.code)
    importlib.invalidate_caches()


def _resolve(path: str) -> Handler:
    module, _, name = path.rpartition(".")
    handler = getattr(importlib.import_module(module), name, None)
    if not callable(handler):
        raise ImportError(f"Handler '{name}' missing on module '{module}'")
    return handler  # type: ignore[no-any-return]


def _invoke(handler: Handler, spec: wire.WorkerSpec, sock: socket.socket, voice: Voice) -> None:
    try:
        data = sock.recv(1 << 16)  # mostly the whole call, and nothing behind it
        data += wire.receive(sock, max(0, wire.CALL.size - len(data)))
        size, deadline, request_id = wire.CALL.unpack_from(data)
        event = data[wire.CALL.size :]
        event += wire.receive(sock, size - len(event))
    except (EOFError, OSError):
        os._exit(0)
    context = Context(spec, request_id.decode(), deadline)
    started = time.perf_counter()
    try:
        kind, payload = wire.ANSWER, _encoded(handler(json.loads(event), context))
    except SystemExit as error:
        sys.stdout.flush()
        os._exit(error.code if isinstance(error.code, int) else 1)
    except BaseException as error:  # noqa: BLE001 the handler's failure is its answer
        kind, payload = wire.ERROR, json.dumps(error_document(error)).encode()
    milliseconds = (time.perf_counter() - started) * 1000
    sys.stdout.flush()
    voice.say(kind, payload, milliseconds)


class MarshalError(Exception):
    """A handler returned what is not JSON."""


class ResponseTooLargeError(Exception):
    """A handler returned more than Lambda carries."""


def _encoded(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        payload = text.encode()
    except (TypeError, ValueError) as error:
        raise MarshalError(f"Unable to marshal response: {error}") from error
    if len(payload) > wire.PAYLOAD_LIMIT:
        raise ResponseTooLargeError(
            f"Response payload size exceeded maximum allowed payload size ({wire.PAYLOAD_LIMIT} "
            "bytes)."
        )
    return payload
