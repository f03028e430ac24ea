"""How the gateway words its own refusals."""

from __future__ import annotations

import json

from infra.gateway import refusals
from infra.gateway.city import Cors, GatewayResponse, HttpApi

WORDED = GatewayResponse(
    status=404,
    headers={"Content-Type": "application/problem+json"},
    body='{"status":$context.status,"id":"$context.requestId",'
    '"detail":$context.error.messageString,"other":"$context.unknown"}',
)


def api(**responses):
    return HttpApi("id", "live", (), Cors("https://a.example"), responses=responses)


def test_the_template_words_a_refusal():
    made = refusals.Refusals(api(MISSING_AUTHENTICATION_TOKEN=WORDED))
    response = made.refuse(refusals.NO_PATH, "r-1", detail='a "quote"')
    assert response.status == 404
    assert json.loads(response.body) == {
        "status": 404,
        "id": "r-1",
        "detail": 'a "quote"',
        "other": "",
    }
    assert (b"content-type", b"application/problem+json") in response.headers


def test_a_default_words_those_of_its_class_and_keeps_their_status():
    worded = GatewayResponse(body='{"status":$context.status}')
    made = refusals.Refusals(api(DEFAULT_4XX=worded))
    assert json.loads(made.refuse(refusals.BODY_TOO_LARGE, "r").body) == {"status": 413}
    assert json.loads(made.refuse(refusals.TIMED_OUT, "r").body)["code"] == "function_timeout"


def test_what_nothing_words_is_a_problem_with_cors():
    response = refusals.Refusals(api()).refuse(refusals.BUSY, "r-1")
    assert json.loads(response.body)["code"] == "busy"
    assert (b"access-control-allow-origin", b"https://a.example") in response.headers
    assert (b"retry-after", b"1") in response.headers
