"""A frame that a client sent: decoded, its parts checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from covey import json
from covey.errors import BadRequest
from covey.realtime.model import Connection

MAX_FRAME = 32_768
MAX_NAME = 64

Message = Mapping[str, Any]
Answer = dict[str, Any]
Handle = Callable[[Connection, Message], Iterable[Answer]]
"""Answers a message of one kind, frame by frame; a CoveyError is answered for it."""


def read(frame: str) -> Message:
    """The JSON object of a frame; raises BadRequest."""
    if len(frame) > MAX_FRAME:
        raise BadRequest(f"A frame has at most {MAX_FRAME} characters.", code="frame_too_large")
    message = json.decode(frame.encode("utf-8", "surrogatepass"))
    if not isinstance(message, dict):
        raise BadRequest("A message is a JSON object.", code="invalid_json")
    return message


def text(message: Message, name: str, longest: int = MAX_NAME) -> str:
    """A text that must be there; raises BadRequest ``invalid_message``."""
    value = message.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise BadRequest(f"{name} is a text of 1 to {longest} characters.", code="invalid_message")
    return value
