"""Metrics of the pipeline, in CloudWatch's embedded format: a line of the log for each consumer.

What is in the namespace costs by the number of metrics, five a consumer; a line is about 400 bytes,
and each process writes one per consumer at most every ten seconds. ``POWERTOOLS_METRICS_DISABLED``
turns them off, as the gateway does.
"""

from __future__ import annotations

import os

from covey.pipeline.gauges import Readings


def emit(readings: Readings) -> None:
    """Tell what was counted since the last time."""
    if os.environ.get("POWERTOOLS_METRICS_DISABLED", "").lower() in ("1", "true", "yes"):
        return
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    for consumer, gauge in readings.items():
        if not (gauge.batches or gauge.failures or gauge.letters):
            continue
        metrics = EphemeralMetrics(
            namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Covey")
        )
        metrics.add_dimension(name="consumer", value=consumer)
        metrics.add_metric("ConsumerLag", MetricUnit.Milliseconds, gauge.lag)
        metrics.add_metric("ConsumerBatches", MetricUnit.Count, gauge.batches)
        metrics.add_metric("ConsumerChanges", MetricUnit.Count, gauge.changes)
        metrics.add_metric("ConsumerFailures", MetricUnit.Count, gauge.failures)
        metrics.add_metric("DeadLetters", MetricUnit.Count, gauge.letters)
        metrics.flush_metrics()
