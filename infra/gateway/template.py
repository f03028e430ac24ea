"""``template.yaml`` → City: nothing else decides what exists."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.gateway import events
from infra.gateway.city import (
    Bucket,
    City,
    Cors,
    Endpoints,
    Function,
    GatewayResponse,
    HttpApi,
    Queue,
    SocketApi,
    Table,
)
from infra.gateway.intrinsics import Resolver, TemplateError, read

STACK = "covey"
ACCOUNT = "000000000000"
_LIST_TYPES = ("CommaDelimitedList", "List<Number>")
_TABLE_KEYS = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
)
_NAME_PROPERTY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Serverless::Function": "FunctionName",
}


def load(
    path: Path,
    endpoints: Endpoints,
    parameters: Mapping[str, str] | None = None,
    region: str = "us-east-1",
) -> City:
    """Read a template and resolve it to local values: URLs, ARNs and names of this machine.

    Raises TemplateError, with the resource's name, for what cannot be run here.
    """
    return _Reader(path, endpoints, parameters or {}, region).city()


class _Reader:
    def __init__(
        self, path: Path, endpoints: Endpoints, parameters: Mapping[str, str], region: str
    ) -> None:
        self.root = path.resolve().parent
        self.document = read(path)
        self.resources: dict[str, Any] = self.document["Resources"]
        self.endpoints = endpoints
        self.region = region
        self.resolver = Resolver(
            self.document, self._variables(parameters), self._reference, self._attribute
        )
        self.globals: dict[str, Any] = (self.document.get("Globals") or {}).get("Function") or {}
        self._names: dict[str, str] = {}

    def city(self) -> City:
        functions = {name: self._function(name) for name in self._of("AWS::Serverless::Function")}
        queues = [self._queue(name) for name in self._of("AWS::SQS::Queue")]
        buckets = [Bucket(name, self.name(name)) for name in self._of("AWS::S3::Bucket")]
        found = events.Events(self)
        for name in functions:
            found.collect(name, self.properties(name).get("Events") or {})
        return City(
            region=self.region,
            account=ACCOUNT,
            functions=functions,
            http=self._http(found),
            sockets=self._sockets(),
            tables=tuple(self._table(name) for name in self._of("AWS::DynamoDB::Table")),
            queues={queue.name: queue for queue in queues},
            buckets={bucket.name: bucket for bucket in buckets},
            streams=tuple(found.streams),
            queue_triggers=tuple(found.queues),
            schedules=tuple(found.schedules),
            uploads=tuple(found.uploads),
        )

    # What a name stands for ------------------------------------------------------------------

    def _variables(self, given: Mapping[str, str]) -> dict[str, Any]:
        declared = self.document.get("Parameters") or {}
        unknown = sorted(set(given) - set(declared))
        if unknown:
            raise TemplateError(f"Parameters has no {', '.join(unknown)}")
        values = {**{name: spec.get("Default", "") for name, spec in declared.items()}, **given}
        lists = {name for name, spec in declared.items() if spec.get("Type") in _LIST_TYPES}
        return {
            **values,
            **{name: [one.strip() for one in str(values[name]).split(",")] for name in lists},
            "AWS::StackName": STACK,
            "AWS::StackId": f"arn:aws:cloudformation:{self.region}:{ACCOUNT}:stack/{STACK}/local",
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NotificationARNs": [],
        }

    def _of(self, kind: str) -> Iterator[str]:
        for name, resource in self.resources.items():
            condition = resource.get("Condition")
            if resource.get("Type") == kind and (
                condition is None or self.resolver.condition(condition)
            ):
                yield name

    def properties(self, name: str) -> dict[str, Any]:
        """The resource's properties as written, its functions unresolved."""
        return self.resources[name].get("Properties") or {}

    def property(self, name: str, key: str, default: Any = None) -> Any:
        """One property of a resource, resolved."""
        node = self.properties(name).get(key)
        return default if node is None else self.resolver.resolve(node)

    def name(self, logical: str) -> str:
        """The physical name of a resource."""
        if logical not in self._names:
            kind = self.resources[logical]["Type"]
            given = self.property(logical, _NAME_PROPERTY.get(kind, ""))
            self._names[logical] = str(given or _default_name(logical, kind))
        return self._names[logical]

    def _reference(self, logical: str) -> str:
        if logical not in self.resources:
            raise TemplateError(f"!Ref {logical}: there is no such parameter or resource")
        kind = self.resources[logical]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"{self.endpoints.private}/{ACCOUNT}/{self.name(logical)}"
        if kind in {"AWS::Serverless::Api", "AWS::ApiGatewayV2::Api"}:
            return _api_id(logical)
        if kind in _NAME_PROPERTY:
            return self.name(logical)
        return logical

    def _attribute(self, logical: str, attribute: str) -> str:
        if logical not in self.resources:
            raise TemplateError(f"!GetAtt {logical}.{attribute}: there is no such resource")
        kind = self.resources[logical]["Type"]
        if attribute == "Arn":
            return self._arn(logical, kind)
        if attribute == "StreamArn" and kind == "AWS::DynamoDB::Table":
            return f"{self._arn(logical, kind)}/stream/local"
        if attribute == "QueueName":
            return self.name(logical)
        if attribute == "QueueUrl":
            return self._reference(logical)
        return f"{logical}.{attribute}"

    def _arn(self, logical: str, kind: str) -> str:
        name = self.name(logical)
        place = f"{self.region}:{ACCOUNT}"
        return {
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{place}:table/{name}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{place}:{name}",
            "AWS::S3::Bucket": f"arn:aws:s3:::{name}",
            "AWS::Serverless::Function": f"arn:aws:lambda:{place}:function:{name}",
        }.get(kind, f"arn:aws:local:{place}:{logical}")

    # Resources -------------------------------------------------------------------------------

    def _function(self, logical: str) -> Function:
        def setting(key: str, default: Any) -> Any:
            return self.property(
                logical, key, self.resolver.resolve(self.globals.get(key)) or default
            )

        layers = [
            *(self.resolver.resolve(self.globals.get("Layers")) or []),
            *(self.property(logical, "Layers") or []),
        ]
        handler = setting("Handler", "")
        if "." not in handler:
            raise TemplateError(f"{logical}: Handler {handler!r} is not module.function")
        reserved = setting("ReservedConcurrentExecutions", None)
        return Function(
            name=logical,
            arn=self._arn(logical, "AWS::Serverless::Function"),
            handler=handler,
            code=self._folder(logical, setting("CodeUri", ".")),
            layers=tuple(self._layer(logical, layer) for layer in layers),
            environment=self._environment(logical),
            timeout=float(setting("Timeout", 3)),
            memory_mb=int(setting("MemorySize", 128)),
            concurrency=None if reserved is None else int(reserved),
        )

    def _environment(self, logical: str) -> dict[str, str]:
        variables: dict[str, Any] = {}
        for source in (self.globals, self.properties(logical)):
            variables |= self.resolver.resolve(
                (source.get("Environment") or {}).get("Variables") or {}
            )
        return {key: self._localised(_text(value)) for key, value in variables.items()}

    def _localised(self, text: str) -> str:
        """Addresses of API Gateway, which only AWS has, become the gateway's own."""
        for logical, resource in self.resources.items():
            host = f"{_api_id(logical)}.execute-api.{self.region}.amazonaws.com"
            if resource["Type"] == "AWS::ApiGatewayV2::Api":
                text = text.replace(f"https://{host}", self.endpoints.private)
                text = text.replace(f"wss://{host}", re.sub("^http", "ws", self.endpoints.public))
            elif resource["Type"] == "AWS::Serverless::Api":
                stage = self.property(logical, "StageName", "Prod")
                text = text.replace(f"https://{host}/{stage}", self.endpoints.public)
        return text

    def _layer(self, function: str, layer: str) -> Path:
        if self.resources.get(layer, {}).get("Type") != "AWS::Serverless::LayerVersion":
            raise TemplateError(f"{function}: layer {layer} is not in this template")
        folder = self._folder(layer, self.property(layer, "ContentUri"))
        inner = folder / "python"  # the layout that Lambda unpacks under /opt
        return inner if inner.is_dir() else folder

    def _folder(self, logical: str, uri: Any) -> Path:
        if not isinstance(uri, str) or "://" in uri:
            raise TemplateError(f"{logical}: code must be a folder, not {uri!r}")
        return Path(os.path.normpath(self.root / uri))

    def _queue(self, logical: str) -> Queue:
        redrive = self.property(logical, "RedrivePolicy") or {}
        target = redrive.get("deadLetterTargetArn")
        return Queue(
            logical_id=logical,
            name=self.name(logical),
            arn=self._arn(logical, "AWS::SQS::Queue"),
            url=self._reference(logical),
            visibility_timeout=int(self.property(logical, "VisibilityTimeout", 30)),
            retention=int(self.property(logical, "MessageRetentionPeriod", 345_600)),
            delay=int(self.property(logical, "DelaySeconds", 0)),
            fifo=bool(self.property(logical, "FifoQueue", False)),
            dead_letters=str(target).rpartition(":")[2] if target else None,
            max_receives=int(redrive.get("maxReceiveCount", 0)),
        )

    def _table(self, logical: str) -> Table:
        properties = self.resolver.resolve(self.properties(logical))
        definition = {key: properties[key] for key in _TABLE_KEYS if key in properties}
        definition["TableName"] = self.name(logical)
        if stream := properties.get("StreamSpecification"):
            definition["StreamSpecification"] = {"StreamEnabled": True, **stream}
        expiry = properties.get("TimeToLiveSpecification") or {}
        return Table(
            logical_id=logical,
            name=self.name(logical),
            definition=definition,
            expiry_attribute=expiry.get("AttributeName") if expiry.get("Enabled") else None,
        )

    def _http(self, found: events.Events) -> HttpApi | None:
        declared = list(self._of("AWS::Serverless::Api"))
        if len(declared) > 1:
            raise TemplateError(f"one REST API can be run, not {', '.join(declared)}")
        if not declared:
            routes = tuple(found.routes)
            return HttpApi(_api_id("ServerlessRestApi"), "Prod", routes) if routes else None
        logical = declared[0]
        responses = self.property(logical, "GatewayResponses") or {}
        return HttpApi(
            id=_api_id(logical),
            stage=str(self.property(logical, "StageName", "Prod")),
            routes=tuple(found.routes),
            cors=_cors(self.property(logical, "Cors")),
            binary_media_types=tuple(
                str(kind).replace("~1", "/")
                for kind in self.property(logical, "BinaryMediaTypes") or ()
            ),
            stage_variables=self.property(logical, "Variables") or {},
            responses={kind: _gateway_response(spec) for kind, spec in responses.items()},
        )

    def _sockets(self) -> SocketApi | None:
        declared = [
            name
            for name in self._of("AWS::ApiGatewayV2::Api")
            if self.property(name, "ProtocolType") == "WEBSOCKET"
        ]
        if not declared:
            return None
        if len(declared) > 1:
            raise TemplateError(f"one socket API can be run, not {', '.join(declared)}")
        by_arn = {
            self._arn(name, "AWS::Serverless::Function"): name
            for name in self._of("AWS::Serverless::Function")
        }
        routes: dict[str, str] = {}
        for route in self._of("AWS::ApiGatewayV2::Route"):
            integration = str(self.property(route, "Target", "")).removeprefix("integrations/")
            uri = str(self.property(integration, "IntegrationUri", ""))
            arn = uri.partition("/functions/")[2].removesuffix("/invocations")
            if arn not in by_arn:
                raise TemplateError(f"{route}: its integration calls no function of this template")
            routes[str(self.property(route, "RouteKey"))] = by_arn[arn]
        stages = list(self._of("AWS::ApiGatewayV2::Stage"))
        return SocketApi(
            id=_api_id(declared[0]),
            stage=str(self.property(stages[0], "StageName")) if stages else "",
            selection=str(
                self.property(declared[0], "RouteSelectionExpression", "$request.body.action")
            ),
            routes=routes,
        )


def _default_name(logical: str, kind: str) -> str:
    name = f"{STACK}-{logical}"
    return name.lower() if kind == "AWS::S3::Bucket" else name


def _api_id(logical: str) -> str:
    """Ten small letters and digits, the same at each start, as API Gateway's ids look."""
    return base64.b32encode(hashlib.sha256(logical.encode()).digest())[:10].decode().lower()


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _unquoted(value: Any) -> str:
    """SAM wants header values in single quotes; they are not part of the value."""
    return str(value).strip().removeprefix("'").removesuffix("'")


def _cors(spec: Any) -> Cors | None:
    if not spec:
        return None
    if isinstance(spec, str):
        return Cors(origin=_unquoted(spec))
    return Cors(
        origin=_unquoted(spec.get("AllowOrigin", "*")),
        methods=_unquoted(spec.get("AllowMethods", "")),
        headers=_unquoted(spec.get("AllowHeaders", "")),
        max_age=_unquoted(spec.get("MaxAge", "")),
        credentials=str(spec.get("AllowCredentials", "")).lower() == "true",
    )


def _gateway_response(spec: Mapping[str, Any]) -> GatewayResponse:
    headers = (spec.get("ResponseParameters") or {}).get("Headers") or {}
    templates = spec.get("ResponseTemplates") or {}
    return GatewayResponse(
        status=int(spec.get("StatusCode", 0)),
        headers={name: _unquoted(value) for name, value in headers.items()},
        body=str(next(iter(templates.values()), "")),
    )
