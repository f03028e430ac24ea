"""Stores over the table and in memory: what passes for one passes for the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from covey.config import settings
from covey.store.deliveries import DynamoDeliveryStore
from covey.store.models.webhook import DynamoEndpointStore
from covey.store.transport import transport
from covey.store.turns import DynamoTurns
from covey.testing.webhooks import MemoryDeliveryStore, MemoryEndpointStore, MemoryTurns


@dataclass(frozen=True)
class Stores:
    """One of each port."""

    endpoints: Any
    deliveries: Any
    turns: Any


@pytest.fixture(params=["memory", "table"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return Stores(MemoryEndpointStore(), MemoryDeliveryStore(), MemoryTurns())
    request.getfixturevalue("table")
    over, name = transport(), settings().table_name
    return Stores(DynamoEndpointStore(), DynamoDeliveryStore(over, name), DynamoTurns(over, name))
