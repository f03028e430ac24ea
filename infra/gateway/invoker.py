"""The port between triggers and functions: one call, one event, one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

TIMED_OUT = "Sandbox.Timedout"
CRASHED = "Runtime.ExitError"
THROTTLED = "TooManyRequestsException"
TOO_LARGE = "RequestTooLargeException"
NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class Answer:
    """How an invocation ended.

    ``payload`` is the JSON that the handler returned. ``error`` is set instead when it raised,
    ran out of time or died: Lambda's own document with ``errorType`` and ``errorMessage``, where
    the type is ``TIMED_OUT``, ``CRASHED``, ``THROTTLED`` or the name of the exception's class.
    ``duration_ms`` is wall time in the worker, ``request_id`` what the handler saw as
    ``context.aws_request_id``.
    """

    payload: bytes | None
    error: Mapping[str, Any] | None
    duration_ms: float
    request_id: str

    @property
    def error_type(self) -> str:
        """The type of the error, or nothing when there is none."""
        return str(self.error.get("errorType", "")) if self.error is not None else ""


class Invoker(Protocol):
    """Calls functions; implemented by ``workers.Workers`` and by twins in tests."""

    async def invoke(
        self,
        function: str,
        event: Mapping[str, Any] | bytes,
        *,
        kind: str,
        timeout: float | None = None,
        label: str = "",
        request_id: str = "",
    ) -> Answer:
        """Run the function of this logical name once; never raises for what the handler does.

        ``event`` may be JSON bytes already. ``kind`` names the trigger for the log: http, socket,
        stream, queue, schedule or upload; ``label`` what the log line shows of the event.
        ``timeout`` in seconds can only shorten the function's own.
        """
        ...
