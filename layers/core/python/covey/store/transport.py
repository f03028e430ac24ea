"""The one way to DynamoDB: a call by operation name, its request and answer as on the wire.

`LeanTransport` speaks HTTP itself: a GetItem costs it a tenth of a millisecond of CPU where
botocore takes nine. `BotocoreTransport` is the ordinary client. They raise the same faults,
count the same units and pass the same tests; ``TRANSPORT`` picks one.
"""

from __future__ import annotations

import json
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol, cast
from uuid import uuid4

from covey.config import settings
from covey.insight import meter
from covey.store.connection import BrokenError, Connection, Endpoint
from covey.store.faults import (
    Contended,
    ServiceDown,
    ServiceFault,
    Throttled,
    fault_of,
)
from covey.store.signing import Credentials, Signer, credentials_source

READS = frozenset(("GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"))
_ADMINISTRATION = frozenset(("CreateTable", "DeleteTable", "DescribeTable", "UpdateTimeToLive"))
_REPEATABLE = READS | frozenset(("PutItem", "DeleteItem", "BatchWriteItem", "DescribeTable"))
_TRIES = 5  # of a throttled or failed call, some 0.8 s in all
_CONTENDED_TRIES = 12  # of a transaction that met another: each try is short
_BASE_DELAY = 0.025
_LONGEST_DELAY = 0.5
# Seconds from the first try, after which none is begun: who waits for the answer is told that the
# database is away before a function's own time ends, and a hung database holds workers no longer.
_PATIENCE = 10.0


class Transport(Protocol):
    """Calls DynamoDB."""

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of one operation.

        `request` and the answer are as in DynamoDB's JSON, bytes in base64. The consumed
        capacity is asked for and added to the meter. Throttles and passing failures are tried
        again with jitter; then raises a `ServiceFault`.
        """
        ...


class LeanTransport:
    """Hand-signed requests over one kept-alive connection per thread."""

    def __init__(
        self,
        endpoint: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        connect_timeout: float = 2.0,
        read_timeout: float = 8.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = Endpoint.of(endpoint)
        self._signer = Signer(region, self._endpoint.host)
        self._credentials = credentials
        self._timeouts = (connect_timeout, read_timeout)
        self._sleep = sleep
        self._context = _tls() if self._endpoint.secure else None
        self._local = threading.local()

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """As `Transport.call`."""
        request = completed(operation, request)
        body = json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()
        attempts = Attempts(self._sleep)
        repeatable = _may_repeat(operation, request)
        while True:
            started = time.perf_counter()
            fault: ServiceFault
            try:
                answer = self._exchange(operation, body)
            except BrokenError as error:
                fault, sent = _broken(error), error.sent
            except ServiceFault as error:
                fault, sent = error, isinstance(error, ServiceDown)
            else:
                count(operation, answer, started)
                return answer
            meter.add(db_ms=(time.perf_counter() - started) * 1000)
            attempts.after(fault, again=repeatable or not sent, sent=sent)

    def _exchange(self, operation: str, body: bytes) -> dict[str, Any]:
        head = self._signer.headers(operation, body, self._credentials())
        status, data = self._connection().post(head, body)
        try:
            answer = json.loads(data) if data else {}
        except ValueError as error:
            raise BrokenError(f"not JSON, with status {status}", sent=True) from error
        if status != 200:
            raise fault_of(status, answer)
        return cast("dict[str, Any]", answer)

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.process != os.getpid():
            # A forked process must not speak on its parent's socket.
            connect, read = self._timeouts
            connection = Connection(
                self._endpoint, self._context, connect_timeout=connect, read_timeout=read
            )
            self._local.connection, self._local.process = connection, os.getpid()
        return connection


class Attempts:
    """Decides whether a failed call is tried again, and waits in between."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._end = clock() + _PATIENCE
        self._failed = 0
        self._sent = False

    def after(self, fault: ServiceFault, *, again: bool = True, sent: bool = False) -> None:
        """Return after a wait when another try is due; raise `fault` when not.

        `again` says that trying again cannot do the work twice, `sent` that this try may have
        been carried out.
        """
        self._failed += 1
        fault.uncertain = self._sent
        self._sent = self._sent or sent
        tries = _CONTENDED_TRIES if isinstance(fault, Contended) else _TRIES
        passing = isinstance(fault, (Contended, Throttled, ServiceDown))
        if not (again and passing and self._failed < tries and self._clock() < self._end):
            fault.uncertain = self._sent
            raise fault
        longest = min(_LONGEST_DELAY, _BASE_DELAY * 2.0**self._failed)
        self._sleep(random.uniform(0.2, 1.0) * longest)  # noqa: S311 - jitter, not a secret


def completed(operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request with what every call carries: units asked for, a token per transaction."""
    if operation in _ADMINISTRATION:
        return request
    more = {"ReturnConsumedCapacity": "TOTAL"}
    if operation == "TransactWriteItems" and "ClientRequestToken" not in request:
        more["ClientRequestToken"] = uuid4().hex  # a repeated send is then done once
    return {**request, **more}


def count(operation: str, answer: Mapping[str, Any], started: float) -> None:
    """Add the units of an answer and the time since `started` to the meter."""
    consumed = answer.get("ConsumedCapacity") or ()
    if isinstance(consumed, Mapping):
        units = consumed.get("CapacityUnits", 0.0)
    else:
        units = sum(table.get("CapacityUnits", 0.0) for table in consumed)
    spent = (time.perf_counter() - started) * 1000
    if operation in READS:
        meter.add(rru=units, db_ms=spent)
    else:
        meter.add(wru=units, db_ms=spent)


def region() -> str:
    """The region, from the environment as Lambda sets it, else as botocore finds it."""
    found = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not found:
        import botocore.session  # a tenth of a second: only where the environment is silent

        found = botocore.session.get_session().get_config_variable("region")
    if not found:
        raise RuntimeError("AWS_REGION is not set")
    return str(found)


def endpoint(of_region: str) -> str:
    """Where DynamoDB answers: ``AWS_ENDPOINT_URL_DYNAMODB``, else the region's address."""
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"):
        if os.environ.get(name):
            return os.environ[name]
    suffix = "amazonaws.com.cn" if of_region.startswith("cn-") else "amazonaws.com"
    return f"https://dynamodb.{of_region}.{suffix}"


@cache
def transport() -> Transport:
    """The transport of this process, as its settings and environment say."""
    if settings().transport == "botocore":
        from covey.store.botocore_transport import BotocoreTransport

        return BotocoreTransport.from_environment()
    where = region()
    return LeanTransport(endpoint(where), where, credentials_source())


def _may_repeat(operation: str, request: Mapping[str, Any]) -> bool:
    """Whether a request that may already have been carried out can be sent again.

    A condition makes it so as well: the second try then fails it, and the fault says
    `uncertain`, for the caller to look whether it met its own work.
    """
    return (
        operation in _REPEATABLE
        or "ClientRequestToken" in request
        or "ConditionExpression" in request
    )


def _broken(error: BrokenError) -> ServiceFault:
    fault = ServiceDown("Connection", str(error))
    fault.__cause__ = error
    return fault


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
