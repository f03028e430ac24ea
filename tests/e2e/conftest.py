"""Gateways that run for a session of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.running import HOUSE, Running, User, extended_house


@pytest.fixture(scope="session")
def covey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway over the house with a probe, and the collections beside this file."""
    folder = tmp_path_factory.mktemp("covey")
    template, _ = extended_house(folder)
    running = Running(folder, template, HOUSE / "collections").start()
    yield running
    running.close()


@pytest.fixture(scope="session")
def administrator(covey: Running) -> User:
    return covey.administrator(covey.token)


@pytest.fixture(scope="session")
def ann(covey: Running) -> User:
    return covey.sign_up("ann@example.org", name="Ann")


@pytest.fixture(scope="session")
def ben(covey: Running) -> User:
    return covey.sign_up("ben@example.org", name="Ben")
