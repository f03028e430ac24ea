"""Builders of the events that AWS sends, exactly, for tests.

The shape of `http_event` is "Input format of a Lambda function for proxy integration" of the
API Gateway developer guide (REST APIs).
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from covey import json

# A path below a function's first segment arrives with `proxy`; these are resources of their own.
LITERAL = (".well-known",)
Headers = Mapping[str, str | Sequence[str]]


def http_event(
    method: str,
    target: str,
    *,
    headers: Headers | None = None,
    body: Any = None,
    token: str | None = None,
    resource: str | None = None,
    request_id: str | None = None,
    source_ip: str = "203.0.113.7",
    stage: str = "live",
    base64_body: bool = False,
) -> dict[str, Any]:
    """A REST v1 proxy event for ``method target``; `target` is a path with its query, encoded.

    `body` may be text, bytes (sent as base64), or a JSON-ready value, which sets the content
    type unless `headers` do. `resource` is the template's path; it is guessed for greedy ones.
    """
    path, _, query = target.partition("?")
    resource = resource or _resource(path)
    sent = {name: _list(value) for name, value in (headers or {}).items()}
    if token is not None:
        sent["Authorization"] = [f"Bearer {token}"]
    text, encoded = _body(body, base64_body)
    typed = any(name.lower() == "content-type" for name in sent)
    if body is not None and not isinstance(body, str | bytes) and not typed:
        sent["Content-Type"] = ["application/json"]
    sent.setdefault("Host", ["api.example.test"])
    several = _grouped(parse_qsl(query, keep_blank_values=True))
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in sent.items()},
        "multiValueHeaders": sent,
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": _parameters(resource, path),
        "stageVariables": None,
        "requestContext": _context(method, path, resource, request_id, source_ip, stage),
        "body": text,
        "isBase64Encoded": encoded,
    }


def _context(
    method: str, path: str, resource: str, request_id: str | None, source_ip: str, stage: str
) -> dict[str, Any]:
    return {
        "accountId": "123456789012",
        "apiId": "covey00000",
        "deploymentId": "covey0",
        "domainName": "api.example.test",
        "domainPrefix": "api",
        "extendedRequestId": "QWxsIGlzIHdlbGw=",
        "httpMethod": method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": source_ip,
            "user": None,
            "userAgent": "covey-testing",
            "userArn": None,
        },
        "path": f"/{stage}{path}",
        "protocol": "HTTP/1.1",
        "requestId": request_id or str(uuid.uuid4()),
        "requestTime": "22/Nov/2026:12:00:00 +0000",
        "requestTimeEpoch": 1_795_348_800_000,
        "resourceId": "abc123",
        "resourcePath": resource,
        "stage": stage,
    }


def _resource(path: str) -> str:
    first, _, rest = path[1:].partition("/")
    return f"/{first}/{{proxy+}}" if rest and first not in LITERAL else path


def _parameters(resource: str, path: str) -> dict[str, str] | None:
    head, _, greedy = resource.partition("{proxy+}")
    return {"proxy": path[len(head) :]} if resource != head or greedy else None


def _body(body: Any, base64_body: bool) -> tuple[str | None, bool]:
    if body is None:
        return None, False
    if isinstance(body, bytes):
        return base64.b64encode(body).decode("ascii"), True
    text = body if isinstance(body, str) else json.encode(body)
    if base64_body:
        return base64.b64encode(text.encode("utf-8")).decode("ascii"), True
    return text, False


def _list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def queue_event(*bodies: Mapping[str, Any]) -> dict[str, Any]:
    """What a queue's trigger is called with: a message of JSON for each body."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": json.encode(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def change_event(
    collection: str,
    kind: str,
    record: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    sequence: int = 1,
) -> dict[str, Any]:
    """What a function that follows changes is called with; `kind` is created, updated, deleted."""
    data = {"record": dict(record)} | ({} if before is None else {"before": dict(before)})
    return queue_event(
        {
            "specversion": "1.0",
            "id": f"{collection}/{record['id']}/{sequence}",
            "source": "https://api.example.test/records",
            "type": f"covey.record.{kind}",
            "subject": f"{collection}/{record['id']}",
            "datacontenttype": "application/json",
            "time": "2026-11-22T12:00:00.000Z",
            "sequence": f"{sequence:040d}",
            "data": data,
        }
    )


def upload_event(key: str, size: int, *, bucket: str = "files") -> dict[str, Any]:
    """What a trigger of a bucket is called with ("Amazon S3 event message structure")."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "2026-11-22T12:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": size, "sequencer": "0A1B"},
                },
            }
        ]
    }


def socket_event(connection: str, message: Any, *, route: str = "$default") -> dict[str, Any]:
    """What a route of the socket API is called with; a message that is no text goes as JSON."""
    return {
        "requestContext": {
            "routeKey": route,
            "eventType": "MESSAGE",
            "messageDirection": "IN",
            "connectionId": connection,
            "requestTimeEpoch": 1_795_348_800_000,
            "stage": "realtime",
            "requestId": "request-1",
        },
        "body": message if isinstance(message, str) else json.encode(message),
        "isBase64Encoded": False,
    }
