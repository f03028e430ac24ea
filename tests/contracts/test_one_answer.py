"""The same event through app.py and through the function's own handler gives the same answer."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import app
from covey.collections.document import load
from covey.testing.events import http_event
from covey.wiring import services

NOTES = {
    "name": "notes",
    "ids": "custom",
    "fields": {"text": {"type": "text"}},
    "rules": {"read": "true", "create": "true", "update": "true", "delete": "true"},
}
CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("records", "GET", "/records/notes", {}),
    ("records", "GET", "/records/notes?limit=1&fields=text", {}),
    ("records", "GET", "/records/notes?limits=1", {}),
    ("records", "GET", "/records/notes/n%3A1", {}),
    ("records", "HEAD", "/records/notes/n%3A1", {}),
    ("records", "GET", "/records/notes/n%2F1", {}),
    ("records", "GET", "/records/notes/n%ff", {}),
    ("records", "GET", "/records/nowhere", {}),
    ("records", "GET", "/records/notes/a/b/c", {}),
    ("records", "PUT", "/records/notes", {"body": {}}),
    ("records", "POST", "/records/notes", {"body": "{"}),
    ("records", "PATCH", "/records/notes/n:1", {"body": {}, "headers": {"If-Match": '"7"'}}),
    ("records", "GET", "/records/notes", {"token": "bad"}),
    ("auth", "GET", "/auth/me", {}),
    ("auth", "GET", "/.well-known/jwks.json", {}),
    ("auth", "POST", "/auth/sign-in", {"body": {"email": 1}}),
    ("admin", "GET", "/admin/collections", {}),
    ("admin", "GET", "/admin/nowhere", {}),
    ("jobs", "GET", "/jobs/nowhere", {}),
    ("realtime", "POST", "/realtime/tickets", {}),
    ("docs", "GET", "/", {}),
    ("docs", "GET", "/health", {}),
    ("docs", "GET", "/docs", {}),
    ("docs", "GET", "/openapi.json", {}),
    ("docs", "DELETE", "/docs", {}),
]
ALWAYS_OTHER = ("Server-Timing", "Covey-Cost")  # how long, and whether the catalog was warm


@pytest.fixture
def notes(table: str) -> Iterator[None]:
    services.cache_clear()
    services().catalog.save(load(NOTES))
    yield
    services.cache_clear()


def answer(handler: Any, event: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = handler(json.loads(json.dumps(event)), None)
    assert set(ALWAYS_OTHER) <= set(made["headers"])
    for name in ALWAYS_OTHER:
        del made["headers"][name]
    return made


@pytest.mark.usefixtures("notes")
def test_one_event_has_one_answer() -> None:
    put = http_event("PUT", "/records/notes/n:1", body={"text": "a"})
    assert app(put, None)["statusCode"] == 201
    for function, method, target, options in CALLS:
        own = importlib.import_module(f"functions.{function}.handler").handler
        event = http_event(method, target, request_id="r-1", **options)
        assert answer(app, event) == answer(own, event), f"{method} {target}"
