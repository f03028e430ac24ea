"""The ``Events`` of a function, as routes and triggers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from infra.gateway.city import HttpRoute, QueueTrigger, Schedule, StreamTrigger, UploadTrigger
from infra.gateway.intrinsics import Resolver, TemplateError


class Reader(Protocol):
    """What events need of the template around them."""

    resolver: Resolver

    def name(self, logical: str) -> str:
        """The physical name of a resource."""
        ...


class Events:
    """Collects the events of functions by kind."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.routes: list[HttpRoute] = []
        self.streams: list[StreamTrigger] = []
        self.queues: list[QueueTrigger] = []
        self.schedules: list[Schedule] = []
        self.uploads: list[UploadTrigger] = []

    def collect(self, function: str, declared: Mapping[str, Any]) -> None:
        """Add the events of one function; raises TemplateError for a kind that is not run."""
        kinds = {
            "Api": self._api,
            "DynamoDB": self._stream,
            "SQS": self._queue,
            "Schedule": self._schedule,
            "ScheduleV2": self._schedule,
            "S3": self._upload,
        }
        for event, spec in declared.items():
            kind = spec.get("Type")
            if kind not in kinds:
                raise TemplateError(
                    f"{function}: event {event} is of type {kind}, which is not run here"
                )
            properties = spec.get("Properties") or {}
            if kind == "S3":  # the bucket's own reference says which one; the rest resolves
                properties = {**properties, "Bucket": self._bucket(properties.get("Bucket"))}
            kinds[kind](function, f"{function}{event}", self._reader.resolver.resolve(properties))

    def _api(self, function: str, _name: str, spec: Mapping[str, Any]) -> None:
        self.routes.append(HttpRoute(str(spec["Method"]).upper(), str(spec["Path"]), function))

    def _stream(self, function: str, name: str, spec: Mapping[str, Any]) -> None:
        if not _enabled(spec):
            return
        arn = str(spec["Stream"])
        destination = (spec.get("DestinationConfig") or {}).get("OnFailure") or {}
        self.streams.append(
            StreamTrigger(
                name=name,
                function=function,
                table=arn.partition(":table/")[2].partition("/")[0],
                stream_arn=arn,
                starting_position=str(spec.get("StartingPosition", "LATEST")),
                batch_size=int(spec.get("BatchSize", 100)),
                window=float(spec.get("MaximumBatchingWindowInSeconds", 0)),
                max_attempts=int(spec.get("MaximumRetryAttempts", -1)),
                max_age=int(spec.get("MaximumRecordAgeInSeconds", -1)),
                bisect=bool(spec.get("BisectBatchOnFunctionError", False)),
                item_failures=_item_failures(spec),
                parallel=int(spec.get("ParallelizationFactor", 1)),
                on_failure=_arn_name(destination.get("Destination")),
                filters=_filters(spec),
            )
        )

    def _queue(self, function: str, name: str, spec: Mapping[str, Any]) -> None:
        if not _enabled(spec):
            return
        scaling = spec.get("ScalingConfig") or {}
        self.queues.append(
            QueueTrigger(
                name=name,
                function=function,
                queue=str(spec["Queue"]).rpartition(":")[2],
                batch_size=int(spec.get("BatchSize", 10)),
                window=float(spec.get("MaximumBatchingWindowInSeconds", 0)),
                item_failures=_item_failures(spec),
                max_concurrency=int(scaling.get("MaximumConcurrency", 4)),
                filters=_filters(spec),
            )
        )

    def _schedule(self, function: str, name: str, spec: Mapping[str, Any]) -> None:
        if spec.get("State", "ENABLED") != "ENABLED" or not _enabled(spec):
            return
        retry = spec.get("RetryPolicy") or {}
        self.schedules.append(
            Schedule(
                name=name,
                function=function,
                expression=str(spec.get("ScheduleExpression") or spec.get("Schedule")),
                timezone=str(spec.get("ScheduleExpressionTimezone", "UTC")),
                input=spec.get("Input"),
                max_attempts=int(retry.get("MaximumRetryAttempts", 185)),
                max_age=int(retry.get("MaximumEventAgeInSeconds", 86_400)),
                dead_letters=_arn_name((spec.get("DeadLetterConfig") or {}).get("Arn")),
            )
        )

    def _upload(self, function: str, name: str, spec: Mapping[str, Any]) -> None:
        wanted = spec["Events"]
        rules = ((spec.get("Filter") or {}).get("S3Key") or {}).get("Rules") or ()
        by_name = {str(rule["Name"]).lower(): str(rule["Value"]) for rule in rules}
        self.uploads.append(
            UploadTrigger(
                name=name,
                function=function,
                bucket=str(spec["Bucket"]),
                events=(wanted,) if isinstance(wanted, str) else tuple(wanted),
                prefix=by_name.get("prefix", ""),
                suffix=by_name.get("suffix", ""),
            )
        )

    def _bucket(self, node: Any) -> str:
        if isinstance(node, dict) and "Ref" in node:
            return self._reader.name(node["Ref"])
        return str(node)


def _enabled(spec: Mapping[str, Any]) -> bool:
    return str(spec.get("Enabled", True)).lower() != "false"


def _item_failures(spec: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in (spec.get("FunctionResponseTypes") or ())


def _arn_name(arn: Any) -> str | None:
    return str(arn).rpartition(":")[2] if arn else None


def _filters(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    criteria = (spec.get("FilterCriteria") or {}).get("Filters") or ()
    return tuple(json.loads(item["Pattern"]) for item in criteria)
