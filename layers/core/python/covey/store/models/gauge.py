"""Gauges of the pipeline: ``!gauge.{hour}``, an item for each process that was at work in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from covey import json
from covey.pipeline.gauges import KEPT_S, Gauge, Readings
from covey.store import keys
from covey.store.models.base import Item


class GaugeItem(Item):
    """All consumers of one process."""

    readings = UnicodeAttribute()
    expires = NumberAttribute(attr_name="x")


class DynamoGauges:
    """The port `GaugeStore` over the table."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def put(self, hour: int, process: str, readings: Readings) -> None:
        """1 write unit per KB: up to eight consumers are one."""
        text = json.encode({name: list(asdict(one).values()) for name, one in readings.items()})
        expires = int(self._clock()) + KEPT_S
        GaugeItem(*keys.gauge(hour, process), readings=text, expires=expires).save()

    def read(self, hours: Iterable[int]) -> Sequence[Readings]:
        """Half a read unit per hour, and per 4 KB."""
        return [
            {name: Gauge(*numbers) for name, numbers in json.decode(item.readings.encode()).items()}
            for hour in hours
            for item in GaugeItem.query(keys.gauge(hour, "")[0])
        ]
