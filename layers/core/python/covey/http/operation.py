"""What is said about a route where it is declared, for its checks and for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = str | Mapping[str, Any]  # a component's name, or a JSON Schema in place
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or request header that a route reads."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    `body` and `answer` are schemas of the request and of the answer at `status`; `consumes`
    are the media types of the body; `problems` are the statuses that callers should expect
    besides those that every route has. `public` operations need no caller.
    """

    method: str
    path: str
    name: str
    summary: str
    description: str = ""
    tag: str = ""
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Schema | None = None
    consumes: tuple[str, ...] = (JSON,)
    answer: Schema | None = None
    produces: str = JSON
    status: int = 200
    problems: tuple[int, ...] = ()
    public: bool = False
