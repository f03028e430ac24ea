"""What is said of hooks before the first write meets them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from covey.hooks.declaring import After, Before
from covey.hooks.loading import HooksBrokenError
from covey.wiring import services
from infra.gateway.setup import handler


class Hooks:
    """Some of a team, or a module that cannot be imported."""

    def __init__(self, *hooks: Before | After) -> None:
        self._hooks = hooks

    def every(self) -> list[Before | After]:
        if not self._hooks:
            raise HooksBrokenError("team.hooks cannot be imported: SyntaxError()")
        return list(self._hooks)


@pytest.fixture(autouse=True)
def house(table: str) -> Iterator[None]:
    services.cache_clear()
    yield
    services.cache_clear()


def told() -> list[str]:
    return list(handler({"offer": True}, None)["hooks"])


def test_hooks_of_collections_that_are_not_there_are_named() -> None:
    def call(_given: object) -> None: ...

    kinds = frozenset({"created"})
    services().__dict__["hooks"] = Hooks(
        Before("team.hooks.a", "users", frozenset({"create"}), call),
        Before("team.hooks.b", "*", frozenset({"create"}), call),
        After("team.hooks.c", "post", kinds, "", call),
    )
    assert told() == ["team.hooks.c is a hook of 'post', which is no collection"]


def test_a_module_that_cannot_be_imported_is_told() -> None:
    services().__dict__["hooks"] = Hooks()
    (fault,) = told()
    assert "SyntaxError" in fault
    assert "nothing is written" in fault


def test_a_house_without_hooks_is_told_nothing() -> None:
    assert told() == []
