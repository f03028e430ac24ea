"""Functions driven by API Gateway's events, against the data engine."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from covey.collections.document import load
from covey.identity.ports import Account
from covey.records.model import Record
from covey.records.time import now_ms
from covey.store.models.base import write_together
from covey.testing.events import http_event
from covey.wiring import services

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    "records": "functions.records.handler",
    "batch": "functions.records.handler",
    "auth": "functions.auth.handler",
    "jobs": "functions.jobs.handler",
    "realtime": "functions.realtime.handler",
    "admin": "functions.admin.handler",
    "files": "functions.files.handler",
    "webhooks": "functions.webhooks.handler",
}
POSTS = {
    "name": "posts",
    "fields": {
        "title": {"type": "text", "required": True, "max": 200},
        "author": {"type": "text", "default": "auth.id"},
        "views": {"type": "integer", "default": 0},
        "price": {"type": "number"},
        "slug": {"type": "text"},
        "published": {"type": "bool", "default": False},
        "secret": {"type": "text", "read": "author == auth.id"},
    },
    "rules": {
        "read": "published || author == auth.id",
        "create": "auth != null",
        "update": "author == auth.id",
        "delete": "author == auth.id",
    },
    "indexes": [["author", "-created"], ["published", "-views"]],
    "unique": [["slug"]],
}
NOTES = {
    "name": "notes",
    "ids": "custom",
    "fields": {"text": {"type": "text"}},
    "rules": {"read": "true", "create": "true", "update": "true", "delete": "true"},
}
# Of ids that tests may choose, so that who did what can be read.
USERS = {"name": "users", "ids": "custom"}
LEDGER = {"name": "ledger", "fields": {"amount": {"type": "number"}}}


@dataclass(frozen=True)
class Answer:
    """What a function answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json", self
        return str(self.json["code"])


class Api:
    """Calls the function that a path belongs to."""

    def event(self, method: str, target: str, **options: Any) -> dict[str, Any]:
        return http_event(method, target, **options)

    def __call__(self, method: str, target: str, **options: Any) -> Answer:
        return self.send(self.handler(target), self.event(method, target, **options))

    def handler(self, target: str) -> Any:
        first = target.split("?")[0].strip("/").split("/")[0]
        own = f"functions/{first.replace('-', '_')}/handler.py"  # of a function of the team's own
        named = own.removesuffix(".py").replace("/", ".") if (ROOT / own).exists() else ""
        module = FUNCTIONS.get(first) or named or "functions.docs.handler"
        return importlib.import_module(module).handler

    def send(self, handler: Any, event: dict[str, Any]) -> Answer:
        answer = handler(json.loads(json.dumps(event)), None)
        assert answer["isBase64Encoded"] is False
        return Answer(answer["statusCode"], answer["headers"], answer["body"])

    def token(self, user: str, *roles: str) -> str:
        """The access token of a user of this id and these roles, who is signed in."""
        users, store = services().catalog.get("users"), services().record_store
        before = store.get(users, user, consistent=True)
        values = {"email": f"{user}@example.test", "verified": True, "roles": list(roles)}
        if before is None:
            now = now_ms()
            store.create(users, Record(user, now, now, 1, values))
        elif tuple(before.values.get("roles") or ()) != roles:
            after = replace(before, version=before.version + 1, values=before.values | values)
            store.update(users, before, after)
        account = Account(user, "", now_ms() // 1000)
        if services().account_store.get(user) is None:
            write_together([services().account_store.creation(account)])
        session, _ = services().sessions.open(account)
        return services().tokens.issue(user, session.id, roles)


@pytest.fixture
def api(table: str) -> Iterator[Api]:
    """The functions over a fresh table with posts, notes and the administrators' ledger."""
    services.cache_clear()
    for document in (USERS, POSTS, NOTES, LEDGER):
        services().catalog.save(load(document))
    yield Api()
    services.cache_clear()
