"""The caller's own record of `users`, as rules see it: loaded when a rule first reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from covey.identity.principal import Kind, Principal

Load = Callable[[str], Mapping[str, Any]]


class Profile(Mapping[str, Any]):
    """The fields of one user, by `load(user id)`: at most one call, and none if none is read."""

    __slots__ = ("_load", "_user", "_values")

    def __init__(self, user: str, load: Load) -> None:
        self._user = user
        self._load = load
        self._values: Mapping[str, Any] | None = None

    def _loaded(self) -> Mapping[str, Any]:
        if self._values is None:
            self._values = self._load(self._user)
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())


def with_profile(principal: Principal, load: Load) -> Principal:
    """The same caller, a signed-in user's values readable; a no-op when they already are.

    Called once where a request begins, so that a request reads the caller's record at most once.
    """
    if principal.kind is not Kind.USER or isinstance(principal.values, Profile):
        return principal
    if principal.values:
        return principal
    return replace(principal, values=Profile(principal.id, load))
