"""The world of identity, in memory and over the data engine."""

import pytest

from tests.layers.core.identity.world import World


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> World:
    """Identity over the twins, and over the table."""
    if request.param == "memory":
        return World()
    return World(request.getfixturevalue("table"))
