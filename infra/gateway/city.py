"""What a template declares, as plain data: the only thing that the gateway's parts know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the local parts listen; URLs without a slash at the end."""

    public: str  # http://127.0.0.1:8000
    private: str  # the loopback listener that stands for SQS and the sockets' management API
    dynamodb: str  # the data engine


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function. ``name`` is its logical id; times are in seconds."""

    name: str
    arn: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: float
    memory_mb: int
    concurrency: int | None  # ReservedConcurrentExecutions


@dataclass(frozen=True, slots=True)
class Cors:
    """The API's answer to preflights; header values without API Gateway's quotes."""

    origin: str
    methods: str = ""
    headers: str = ""
    max_age: str = ""
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """How the API words a refusal of its own; ``status`` 0 keeps the kind's own."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""  # a template over $context.…


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A method (or ``ANY``) and a path with ``{parameters}`` that a function answers."""

    method: str
    path: str
    function: str


@dataclass(frozen=True, slots=True)
class HttpApi:
    """The REST API."""

    id: str
    stage: str
    routes: tuple[HttpRoute, ...]
    cors: Cors | None = None
    binary_media_types: tuple[str, ...] = ()
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    responses: Mapping[str, GatewayResponse] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SocketApi:
    """The WebSocket API: ``routes`` maps ``$connect``, ``$default``, … to functions."""

    id: str
    stage: str  # the first segment of the socket's path
    selection: str  # $request.body.type
    routes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table. ``definition`` is a whole CreateTable request."""

    logical_id: str
    name: str
    definition: Mapping[str, Any]
    expiry_attribute: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue. ``dead_letters`` is the name of another queue."""

    logical_id: str
    name: str
    arn: str
    url: str
    visibility_timeout: int = 30
    retention: int = 345_600
    delay: int = 0
    fifo: bool = False
    dead_letters: str | None = None
    max_receives: int = 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place for files."""

    logical_id: str
    name: str


@dataclass(frozen=True, slots=True)
class StreamTrigger:
    """Changes of a table. Attempts and age of -1 have no end; ``on_failure`` is a queue's name."""

    name: str  # function and event, unique
    function: str
    table: str
    stream_arn: str  # as functions see it in eventSourceARN
    starting_position: str = "LATEST"
    batch_size: int = 100
    window: float = 0.0
    max_attempts: int = -1  # retries, AWS's MaximumRetryAttempts
    max_age: int = -1
    bisect: bool = False
    item_failures: bool = False
    parallel: int = 1
    on_failure: str | None = None
    filters: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """Messages of a queue, by its name."""

    name: str
    function: str
    queue: str
    batch_size: int = 10
    window: float = 0.0
    item_failures: bool = False
    max_concurrency: int = 4
    filters: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron or rate expression. ``input`` replaces the event when given (JSON text)."""

    name: str
    function: str
    expression: str
    timezone: str = "UTC"
    input: str | None = None
    max_attempts: int = 185
    max_age: int = 86_400
    dead_letters: str | None = None


@dataclass(frozen=True, slots=True)
class UploadTrigger:
    """Objects made in or removed from a bucket; events are S3's patterns (s3:ObjectCreated:*)."""

    name: str
    function: str
    bucket: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class City:
    """Everything that exists."""

    region: str
    account: str
    functions: Mapping[str, Function]
    http: HttpApi | None
    sockets: SocketApi | None
    tables: tuple[Table, ...]
    queues: Mapping[str, Queue]  # by name
    buckets: Mapping[str, Bucket]  # by name
    streams: tuple[StreamTrigger, ...]
    queue_triggers: tuple[QueueTrigger, ...]
    schedules: tuple[Schedule, ...]
    uploads: tuple[UploadTrigger, ...]
