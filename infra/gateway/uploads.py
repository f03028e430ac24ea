"""From stored objects to functions: S3's event notifications over the directory store.

Whoever writes an object, a signed upload or a function, leaves a marker beside the store
(`covey.files.directory`). A marker becomes deliveries in one transaction and is removed after
it; its name is part of each delivery's identity, so a crash in between adds nothing twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from covey.files.directory import Directory
from infra.gateway.city import City, UploadTrigger
from infra.gateway.clock import Clock
from infra.gateway.deliveries import Deliveries
from infra.gateway.outcomes import iso
from infra.gateway.state import State

_POLL = 0.25  # seconds; functions write files too, and cannot nudge
log = logging.getLogger("covey.gateway.uploads")


class Uploads:
    """Collects markers into deliveries."""

    def __init__(
        self,
        state: State,
        city: City,
        *,
        directory: Directory,
        deliveries: Deliveries,
        clock: Clock,
    ) -> None:
        self._state = state
        self._city = city
        self._directory = directory
        self._deliveries = deliveries
        self._clock = clock
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """Look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Collect for ever."""
        while True:
            try:
                await self._state.run(self.collect)
            except Exception:
                log.exception("uploads: collecting failed")
            await self._clock.wait(self._wake, _POLL)

    def collect(self) -> int:
        """Take what is ready; returns how many changes there were."""
        markers = sorted(self._directory.events.glob("*.ready"))
        for marker in markers:
            with self._state.transaction():
                self._take(marker, json.loads(marker.read_bytes()))
            marker.unlink()
        return len(markers)

    def _take(self, marker: Path, about: Mapping[str, Any]) -> None:
        for trigger in self._city.uploads:
            if wanted(trigger, about):
                self._deliveries.add(
                    f"{trigger.name}@{marker.stem}",
                    trigger.function,
                    {"Records": [_record(trigger, about, marker.stem, self._city)]},
                    kind="upload",
                    label=f"{about['event']} {about['key']}",
                )


def wanted(trigger: UploadTrigger, about: Mapping[str, Any]) -> bool:
    """Whether a trigger asks for this change: bucket, kind of event, prefix and suffix."""
    name = f"s3:{about['event']}"
    return (
        trigger.bucket == about["bucket"]
        and any(
            name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
            for pattern in trigger.events
        )
        and about["key"].startswith(trigger.prefix)
        and about["key"].endswith(trigger.suffix)
    )


def _record(
    trigger: UploadTrigger, about: Mapping[str, Any], marker: str, city: City
) -> dict[str, Any]:
    """One record of S3's event (AWS, "Event message structure", version 2.1)."""
    found: dict[str, Any] = {
        "key": quote_plus(about["key"], safe="/!-_.*'()"),
        "sequencer": f"{int(marker.partition('-')[0]):016X}",
    }
    if str(about["event"]).startswith("ObjectCreated"):
        found |= {"size": about["size"], "eTag": about["etag"]}
    identity = {"principalId": "A3COVEYLOCAL"}
    request = hashlib.sha256(marker.encode()).hexdigest().upper()
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": city.region,
        "eventTime": iso(about["at"] / 1000, fraction=True),
        "eventName": about["event"],
        "userIdentity": {"principalId": "AWS:COVEYLOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": request[:16], "x-amz-id-2": request},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": trigger.name,
            "bucket": {
                "name": about["bucket"],
                "ownerIdentity": identity,
                "arn": f"arn:aws:s3:::{about['bucket']}",
            },
            "object": found,
        },
    }
