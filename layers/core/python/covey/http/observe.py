"""One structured line and one metric record per request, by Powertools.

Powertools is imported and its objects are made on first use, not at import. Metrics are
written in CloudWatch's embedded format; ``POWERTOOLS_METRICS_DISABLED=true`` turns them off,
as the gateway does. Lines never hold query strings, bodies, headers or tokens.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from covey.config import settings
from covey.http.request import Request
from covey.http.response import Response
from covey.insight.meter import Meter

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """The logger of this process."""
    from aws_lambda_powertools import Logger

    return Logger(
        service=os.environ.get("POWERTOOLS_SERVICE_NAME", "covey"),
        level=settings().log_level,
        location=None,  # always the same line of this module
    )


@cache
def _metrics_on() -> bool:
    return os.environ.get("POWERTOOLS_METRICS_DISABLED", "").lower() not in ("1", "true", "yes")


def failed(request: Request, error: BaseException) -> None:
    """Log a failure that is ours, with its cause."""
    logger().error(
        "failed",
        exc_info=error,
        extra={"request_id": request.id, "method": request.method, "route": request.route},
    )


def answered(request: Request, response: Response, spent: Meter, elapsed_ms: float) -> None:
    """Write the access line, and the metrics."""
    if settings().access_log != "off":
        _log(request, response, spent, elapsed_ms)
    if _metrics_on():
        _measure(request, response, spent, elapsed_ms)


def _log(request: Request, response: Response, spent: Meter, elapsed_ms: float) -> None:
    caller = request.caller
    line: dict[str, Any] = {
        "request_id": request.id,
        "method": request.method,
        "route": request.route,
        "status": response.status_code,
        "ms": round(elapsed_ms, 2),
        "db_ms": round(spent.db_ms, 2),
        "rru": spent.rru,
        "wru": spent.wru,
    }
    if response.code:
        line["code"] = response.code
    if caller is not None:
        line["caller"] = caller.scope
    logger().info("request", extra=line)


def _measure(request: Request, response: Response, spent: Meter, elapsed_ms: float) -> None:
    """One record per request: EphemeralMetrics, as the ordinary class is shared by threads."""
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Covey"))
    metrics.add_dimension(name="route", value=f"{request.method} {request.route or 'none'}"[:200])
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    metrics.add_metric("Latency", MetricUnit.Milliseconds, elapsed_ms)
    metrics.add_metric("Errors", MetricUnit.Count, int(response.status_code >= 500))
    metrics.add_metric("ReadUnits", MetricUnit.Count, spent.rru)
    metrics.add_metric("WriteUnits", MetricUnit.Count, spent.wru)
    metrics.add_metadata("request_id", request.id)
    metrics.flush_metrics()
