"""What every answer carries."""

from __future__ import annotations

import pytest

from covey.http import Request, Response
from covey.http.headers import finish
from covey.identity.principal import GUEST
from covey.insight.meter import Meter

MISSING, HIDDEN = Meter(rru=0.5, db_ms=1.0), Meter(rru=50.0, db_ms=9.0)


def told(status: int, spent: Meter) -> dict[str, object]:
    response = Response({}, status=status)
    finish(response, Request({}, None, lambda _: GUEST), spent, 10.0)
    response.headers.pop("X-Request-Id")
    return response.headers


def test_what_is_hidden_is_told_as_what_is_missing() -> None:
    assert told(404, HIDDEN) == told(404, MISSING)


@pytest.mark.parametrize("status", [200, 201, 403, 409, 500])
def test_all_else_says_what_it_cost(status: int) -> None:
    headers = told(status, HIDDEN)
    assert str(headers["Covey-Cost"]).startswith("rru=50, ")
    assert headers["Server-Timing"] == "db;dur=9.00, app;dur=1.00"
