"""Identity with providers, in memory and over the data engine."""

from __future__ import annotations

import pytest

from tests.layers.core.identity.federation.federated import Federated


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> Federated:
    """Over the twins, and over the table."""
    if request.param == "memory":
        return Federated()
    return Federated(request.getfixturevalue("table"))
