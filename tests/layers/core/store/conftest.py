"""The stores under test: both transports against the engine, and the twin in memory."""

from __future__ import annotations

from typing import Any

import pytest

from covey.config import settings
from covey.records.ports import RecordStore
from covey.store.records import DynamoRecordStore
from covey.store.transport import Transport, transport
from covey.testing.records import MemoryRecordStore


@pytest.fixture(params=["lean", "botocore"])
def wire(request: pytest.FixtureRequest, table: str, monkeypatch: pytest.MonkeyPatch) -> Transport:
    """Either transport, as the environment picks it."""
    monkeypatch.setenv("TRANSPORT", request.param)
    settings.cache_clear()
    transport.cache_clear()
    return transport()


@pytest.fixture(params=["lean", "botocore", "memory"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RecordStore:
    """Every record store there is."""
    if request.param == "memory":
        return MemoryRecordStore()
    table: Any = request.getfixturevalue("table")
    monkeypatch.setenv("TRANSPORT", request.param)
    settings.cache_clear()
    transport.cache_clear()
    return DynamoRecordStore(transport(), table)
