"""HTTP: from API Gateway's events to plain requests, and back.

app.py          CoveyApp: Chalice without its traps
routes.py       Routes: what a function answers, declared once
operation.py    what a declaration says, for checks and OpenAPI
resolver.py     path to route, parameters decoded exactly once
request.py      Request: caller, body, parameters, headers
response.py     Response: body, ETag, Location, Link
headers.py      what every answer carries
pace.py         requests a minute, and the headers that tell
idempotency.py  Idempotency-Key: a write that is sent again is done once
problem.py      failures as problem documents
json.py         the strict decoder and the exact encoder; json_faults.py says what is wrong
observe.py      access lines and metrics
handler.py      routes to a Lambda callable
openapi.py      operations to an OpenAPI document
"""

from covey.http.app import CoveyApp
from covey.http.handler import lambda_handler
from covey.http.idempotency import KEY, kept_after, once
from covey.http.operation import FORM, JSON, MERGE_PATCH, Operation, Parameter
from covey.http.request import Request, invalid_parameter
from covey.http.response import Response, no_content, not_modified
from covey.http.routes import Routes

__all__ = [
    "FORM",
    "JSON",
    "KEY",
    "MERGE_PATCH",
    "CoveyApp",
    "Operation",
    "Parameter",
    "Request",
    "Response",
    "Routes",
    "invalid_parameter",
    "kept_after",
    "lambda_handler",
    "no_content",
    "not_modified",
    "once",
]
