"""Records in Python over the data engine: a table, its catalog, and some users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from covey import records
from covey.collections.document import load
from covey.wiring import services
from tests.layers.core.records.test_service import AIRPORTS, POSTS, TEAM, USERS

COMMENTS = {
    "name": "comments",
    "fields": {"post": {"type": "relation", "to": "posts"}, "text": {"type": "text"}},
    "rules": {"read": "true", "create": "auth != null"},
    "indexes": [["post", "-created"]],
}


@pytest.fixture
def house(table: str) -> Iterator[str]:
    """A table with collections; the services of this process are those of its own."""
    services.cache_clear()
    for document in (USERS, POSTS, AIRPORTS, TEAM, COMMENTS):
        services().catalog.save(load(document))
    yield table
    services.cache_clear()


def new_user(name: str, *roles: str, **more: str) -> str:
    """The id of a new user."""
    values = {"email": f"{name}@example.org", "roles": list(roles), **more}
    return str(records("users").as_function().create(values)["id"])


@pytest.fixture
def anna(house: str) -> str:
    """The id of a user."""
    return new_user("anna", team="team of anna")


@pytest.fixture
def ben(house: str) -> str:
    """The id of another."""
    return new_user("ben", team="team of ben")
