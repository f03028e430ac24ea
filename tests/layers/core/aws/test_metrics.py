"""Metrics of the pipeline in CloudWatch's embedded format."""

from __future__ import annotations

import json

import pytest

from covey.aws.metrics import emit
from covey.pipeline.gauges import Gauge

READINGS = {
    "search": Gauge(batches=2, changes=9, failures=1, letters=1, lag=250, newest=5),
    "history": Gauge(newest=5, lag=9),  # nothing since the last time
}


def test_each_consumer_that_did_something_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    emit(READINGS)
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    [directive] = told["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Covey"
    assert directive["Dimensions"] == [["consumer"]]
    units = {one["Name"]: one["Unit"] for one in directive["Metrics"]}
    assert units == {
        "ConsumerLag": "Milliseconds",
        "ConsumerBatches": "Count",
        "ConsumerChanges": "Count",
        "ConsumerFailures": "Count",
        "DeadLetters": "Count",
    }
    assert told["consumer"] == "search"
    assert (told["ConsumerLag"], told["ConsumerChanges"], told["DeadLetters"]) == ([250], [9], [1])
    assert len(line) < 700


def test_they_can_be_turned_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    emit(READINGS)
    assert capsys.readouterr().out == ""
