"""The ordinary client behind the same port, for proxies, profiles and comparison."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from covey.insight import meter
from covey.store.faults import ServiceDown, ServiceFault, fault_of
from covey.store.transport import Attempts, completed, count, endpoint, region


class BotocoreTransport:
    """`Transport` over a botocore client; the retries are Covey's own, alike for both."""

    def __init__(self, client: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    @classmethod
    def from_environment(cls) -> BotocoreTransport:
        """A client for the region and endpoint that the environment names."""
        where = region()
        client = botocore.session.get_session().create_client(
            "dynamodb",
            region_name=where,
            endpoint_url=endpoint(where),
            config=Config(
                connect_timeout=2,
                read_timeout=8,
                max_pool_connections=32,
                retries={"total_max_attempts": 1},
                parameter_validation=False,
            ),
        )
        return cls(client)

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """As `Transport.call`."""
        wanted = _binary(completed(operation, request), b64decode, str)
        attempts = Attempts(self._sleep)
        while True:
            started = time.perf_counter()
            try:
                answer = self._client._make_api_call(operation, wanted)
            except ClientError as error:
                fault, sent = _fault(error), False
            except BotoCoreError as error:
                fault, sent = ServiceDown("Connection", str(error)), True
                fault.__cause__ = error
            else:
                count(operation, answer, started)
                answer.pop("ResponseMetadata", None)
                return _binary(answer, _text, bytes)  # type: ignore[no-any-return]
            meter.add(db_ms=(time.perf_counter() - started) * 1000)
            sent = sent or isinstance(fault, ServiceDown)
            again = operation != "UpdateItem" or "ConditionExpression" in wanted or not sent
            attempts.after(fault, again=again, sent=sent)


def _fault(error: ClientError) -> ServiceFault:
    response = _binary(error.response, _text, bytes)
    stated = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    fault = fault_of(
        status, {**response, "__type": stated.get("Code"), "message": stated.get("Message")}
    )
    fault.__cause__ = error
    return fault


def _text(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _binary(node: Any, convert: Callable[[Any], Any], kind: type) -> Any:
    """A copy with the content of every binary attribute value converted.

    In a map of the user's own a key ``B`` holds another attribute value, never `kind` itself.
    """
    if isinstance(node, Mapping):
        return {
            key: convert(value)
            if key == "B" and isinstance(value, kind)
            else _binary(value, convert, kind)
            for key, value in node.items()
        }
    if isinstance(node, (list, tuple)):
        return [_binary(item, convert, kind) for item in node]
    return node
