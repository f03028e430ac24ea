"""What is said about a route where it is declared, for its checks and for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from covey.errors import Forbidden
from covey.identity.principal import Principal
from covey.identity.scopes import Scopes, not_allowed

Schema = str | Mapping[str, Any]  # a component's name, or a JSON Schema in place
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or request header that a route reads."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    `body` and `answer` are schemas of the request and of the answer at `status`; `bodiless` says
    that there may be no body; `consumes` are the media types of the body; `problems` are the
    statuses that callers should expect besides those that every route has. `public` operations
    need no caller.

    `key` is what an API key needs to call: actions on the `collection` of the path, or surfaces
    (`covey.identity.scopes`), all of them. None, which is what nobody thought about, refuses
    every key. Who acts in another's name never changes accounts: under /auth they only read,
    unless the operation is `impersonated`. An `open_query` may hold more than is declared:
    where another server leads a browser back (RFC 6749, 4.1.2).
    """

    method: str
    path: str
    name: str
    summary: str
    description: str = ""
    tag: str = ""
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Schema | None = None
    bodiless: bool = False
    consumes: tuple[str, ...] = (JSON,)
    answer: Schema | None = None
    produces: str = JSON
    status: int = 200
    problems: tuple[int, ...] = ()
    public: bool = False
    key: tuple[str, ...] | None = None
    impersonated: bool = False
    open_query: bool = False

    @property
    def in_person(self) -> bool:
        """Whether nobody does this in another's name: what changes an account."""
        changes = self.path.startswith("/auth/") and self.method != "GET"
        return changes and not self.impersonated

    def admit(self, who: Principal, collection: str) -> None:
        """Raise Forbidden for a key without what is needed, or who is only an impersonator."""
        if who.scopes is not None and not self._unlocked(who.scopes, collection):
            raise not_allowed()
        if who.actor and self.in_person:
            raise Forbidden("Only the user can do this, in person.", code="impersonating")

    def _unlocked(self, scopes: Scopes, collection: str) -> bool:
        return bool(self.key) and all(scopes.meet(need, collection) for need in self.key or ())
